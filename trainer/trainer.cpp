#include "trainer/trainer.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>

#include "core/error.h"
#include "core/serializers/file_replacement.h"
#include "core/serializers/serializer.h"

namespace rensa {
namespace {

using Clock = std::chrono::steady_clock;

template <class Fn>
void ignore_errors(const Fn& fn) {
  try {
    fn();
  } catch (...) {
  }
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

Trainer::Trainer(Updater& updater, const Trigger& stop, std::string out, Communicator& comm)
    : updater_(updater), stop_(stop), out_(std::move(out)), comm_(comm), started_(Clock::now()) {}

Trainer::~Trainer() = default;

/// `name`, or with the first of _1, _2, … that is not taken, as Chainer has it.
std::string Trainer::free_name(const std::string& name) const {
  const auto is_taken = [this](const std::string& wanted) {
    return std::ranges::any_of(extensions_, [&](const Entry& entry) { return entry.name == wanted; });
  };
  std::string free = name;
  for (int i = 1; is_taken(free); ++i) free = name + "_" + std::to_string(i);
  return free;
}

Extension& Trainer::extend(std::unique_ptr<Extension> extension, const ExtendOptions& options) {
  if (!options.name.empty() && free_name(options.name) != options.name) {
    throw ValueError("trainer: there is an extension named \"", options.name, "\" already.");
  }
  Entry entry{.name = options.name.empty() ? free_name(extension->name()) : options.name,
              .trigger = options.trigger.value_or(extension->default_trigger()),
              .priority = options.priority.value_or(extension->default_priority()),
              .extension = std::move(extension),
              .call_before_training = options.call_before_training};
  if (entry.name != entry.extension->name()) entry.extension->rename(entry.name);
  // Equal priorities run in the order in which they were added.
  const auto place = std::find_if(extensions_.begin(), extensions_.end(),
                                  [&](const Entry& other) { return other.priority < entry.priority; });
  return *extensions_.insert(place, std::move(entry))->extension;
}

Extension& Trainer::extension(const std::string& name) {
  for (const Entry& entry : extensions_) {
    if (entry.name == name) return *entry.extension;
  }
  throw ValueError("trainer: there is no extension named \"", name, "\".");
}

double Trainer::progress() const {
  if (stop_.rule) return 0;
  const double done = stop_.unit == Unit::kEpoch ? updater_.epoch_detail() : static_cast<double>(updater_.iteration());
  return std::clamp(done / stop_.period, 0.0, 1.0);
}

/// All that `stop` asks for is done.
bool Trainer::is_at_end() const {
  if (stop_.rule) return stop_.rule->still_agrees();
  const double done = stop_.unit == Unit::kEpoch ? updater_.epoch_detail() : static_cast<double>(updater_.iteration());
  return done >= stop_.period;
}

bool Trainer::is_done() const {
  return stopping_ || is_at_end() || std::ranges::any_of(early_stops_, [](const Trigger& trigger) {
           return trigger.rule && trigger.rule->still_agrees();
         });
}

double Trainer::elapsed_time() const { return earlier_seconds_ + (running_ ? seconds_since(started_) : 0); }

void Trainer::step() {
  observation_.clear();
  const Clock::time_point start = Clock::now();
  updater_.update(observation_);
  update_seconds_ += seconds_since(start);
  const bool ends_within_epoch =
      !stop_.rule && stop_.unit == Unit::kEpoch && std::floor(stop_.period) != stop_.period && is_done();
  std::vector<std::pair<const Entry*, bool>> saving;  // and whether they are due
  for (const Entry& entry : extensions_) {
    entry.extension->observe(*this);
    const bool is_due = entry.trigger.fires(*this);
    const bool is_last = ends_within_epoch && entry.trigger.unit == Unit::kEpoch && !entry.trigger.rule;
    if (entry.priority <= Extension::kLast) {
      saving.emplace_back(&entry, is_due || is_last);
    } else if (is_due || is_last) {
      (*entry.extension)(*this);
    }
  }
  if (stop_.rule && stop_.fires(*this)) stop();
  for (const Trigger& trigger : early_stops_) {
    if (trigger.fires(*this)) stop();
  }
  const bool ends = is_done();  // what was trained since the last interval is not to be lost
  for (const auto& [entry, is_due] : saving) {
    if (is_due || (ends && !entry->trigger.rule)) (*entry->extension)(*this);
  }
}

void Trainer::call_before_training() {
  if (updater_.iteration() > 0) return;
  for (const Entry& entry : extensions_) {
    if (!entry.call_before_training) continue;
    entry.extension->observe(*this);  // what those before it have reported
    (*entry.extension)(*this);
  }
}

void Trainer::run() {
  if (comm_.rank() == 0) {
    std::error_code error;
    std::filesystem::create_directories(out_, error);
    if (error) throw FileError(out_, ": the output folder cannot be made: ", error.message(), ".");
    remove_unfinished_replacements(out_);
  }
  started_ = Clock::now();
  running_ = true;
  const auto end_clock = [&] {
    earlier_seconds_ = elapsed_time();
    running_ = false;
  };
  try {
    for (const Entry& entry : extensions_) entry.extension->initialize(*this);
    call_before_training();
    while (!is_done()) step();
    for (const Entry& entry : extensions_) entry.extension->end_of_run(*this);
  } catch (...) {
    const std::exception_ptr reason = std::current_exception();
    // What else fails while the run is left follows from the first error, which is the one to tell.
    for (const Entry& entry : extensions_) ignore_errors([&] { entry.extension->on_error(*this, reason); });
    for (const Entry& entry : extensions_) ignore_errors([&] { entry.extension->finalize(*this); });
    end_clock();
    std::rethrow_exception(reason);
  }
  for (const Entry& entry : extensions_) entry.extension->finalize(*this);
  end_clock();
}

void Trainer::serialize(Serializer& serializer) {
  updater_.serialize(serializer.child("updater"));
  stop_.serialize(serializer.child("stop_trigger"), *this);
  for (std::size_t i = 0; i < early_stops_.size(); ++i) {
    early_stops_[i].serialize(serializer.child("early_stops").child(std::to_string(i)), *this);
  }
  for (const Entry& entry : extensions_) {
    entry.extension->serialize(serializer.child("extensions").child(entry.name), *this);
    entry.trigger.serialize(serializer.child("extension_triggers").child(entry.name), *this);
  }
  // which communicator "auto" chose: another one may sum in another order
  std::string choice = comm_.choice();
  if (serializer.is_loading() ? serializer.has("communicator_choice") : !choice.empty()) {
    serializer("communicator_choice", choice);
    if (serializer.is_loading()) comm_.adopt_choice(choice);
  }
  double elapsed = elapsed_time();
  if (serializer.has("_snapshot_elapsed_time")) serializer("_snapshot_elapsed_time", elapsed);
  if (serializer.is_loading()) earlier_seconds_ = elapsed;
}

}  // namespace rensa
