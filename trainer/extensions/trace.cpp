#include "trainer/extensions/trace.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "comm/host_name.h"
#include "core/error.h"
#include "core/serializers/file_replacement.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using nlohmann::json;

constexpr int kTraining = 0, kWire = 1;

json metadata(const char* what, int rank, int track, const json& arguments) {
  return {{"name", what}, {"ph", "M"}, {"pid", rank}, {"tid", track}, {"args", arguments}};
}

double microseconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-3; }

}  // namespace

void Trace::initialize(Trainer& trainer) {
  if (options_.steps < 1 || options_.first_step < 1) {
    throw ValueError("trace: ", options_.steps, " steps from step ", options_.first_step,
                     ", expected at least 1 from 1 on.");
  }
  if (options_.path.empty()) throw ValueError("trace: there is no path to write to.");
  const std::filesystem::path folder = std::filesystem::path(options_.path).parent_path();
  if (trainer.comm().rank() == 0 && !folder.empty() && !std::filesystem::is_directory(folder)) {
    throw FileError(options_.path, ": there is no folder ", folder.string(), " to write the trace into.");
  }
  events_.clear();
  begins_.clear();
  buckets_drawn_ = 0;
  aligned_ = false;
  const std::int64_t next = trainer.updater().iteration() + 1;
  written_ = next >= options_.first_step + options_.steps;  // by the run that this one goes on from
  if (!written_ && next >= options_.first_step) {
    first_ = measure_clock_offset(trainer.comm(), [this] { return steady_nanoseconds() + options_.planted_skew_ns; });
    aligned_ = true;
  }
}

std::int64_t Trace::own_ns(Span::Clock::time_point time) const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count() +
         options_.planted_skew_ns;
}

void Trace::observe(Trainer& trainer) {
  if (written_) return;
  const std::int64_t step = trainer.updater().iteration();
  if (aligned_ && step >= options_.first_step) {
    record_step(trainer);
    if (step >= options_.first_step + options_.steps) write(trainer);
  } else if (!aligned_ && step + 1 >= options_.first_step) {
    first_ = measure_clock_offset(trainer.comm(), [this] { return steady_nanoseconds() + options_.planted_skew_ns; });
    aligned_ = true;
  }
}

void Trace::record_step(Trainer& trainer) {
  const std::int64_t step = trainer.updater().iteration();
  const std::vector<Span> spans = trainer.updater().last_spans();
  if (spans.empty()) return;
  if (begins_.empty()) first_drawn_ = step;
  begins_.push_back(spans.front().begin);
  record_buckets();
  if (step >= options_.first_step + options_.steps) return;  // here for the buckets of the last one
  for (const Span& span : spans) {
    events_.push_back({name_of(span.phase), own_ns(span.begin), own_ns(span.end), kTraining, step, 0});
  }
  record_waits(step, spans.front().begin, spans.back().end);
}

/// Of the newest step whose buckets have all arrived: with carry_over and double_buffering not the one just made.
void Trace::record_buckets() {
  const StepBuckets buckets = buckets_ ? buckets_() : StepBuckets();
  if (buckets.empty()) return;
  const auto later = std::upper_bound(begins_.begin(), begins_.end(), buckets.front().ready);
  const auto place = static_cast<std::size_t>(later - begins_.begin());  // from 1; 0: of a step before the first
  const std::int64_t step = first_drawn_ + static_cast<std::int64_t>(place) - 1;
  if (place <= buckets_drawn_ || step >= options_.first_step + options_.steps) return;
  buckets_drawn_ = place;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const std::string name = "bucket " + std::to_string(i);
    const auto bytes = static_cast<std::int64_t>(buckets[i].sent_bytes);
    const std::int64_t ready = own_ns(buckets[i].ready);
    events_.push_back({name + " ready", ready, ready, kTraining, step, bytes});
    events_.push_back({name, own_ns(buckets[i].started), own_ns(buckets[i].finished), kWire, step, bytes});
  }
}

void Trace::record_waits(std::int64_t step, Span::Clock::time_point begin, Span::Clock::time_point end) {
  int gathers = 0;
  for (const Wait& wait : waits_ ? waits_(begin) : std::vector<Wait>()) {
    if (wait.end > end) continue;  // in an extension
    const std::int64_t from = own_ns(wait.begin), to = own_ns(wait.end);
    const auto bytes = static_cast<std::int64_t>(wait.bytes);
    events_.push_back({"wait", from, to, kTraining, step, 0});
    if (bytes > 0) events_.push_back({"gather " + std::to_string(gathers++), from, to, kWire, step, bytes});
  }
}

void Trace::end_of_run(Trainer& trainer) {
  if (written_) return;
  if (events_.empty()) {
    const bool ended_before = trainer.updater().iteration() < options_.first_step;
    if (!ended_before || !warn_ || trainer.comm().rank() != 0) return;  // otherwise the run before has drawn them
    warn_(detail::join("trace: the run ended at step ", trainer.updater().iteration(),
                       ", before trace_first = ", options_.first_step, "; no file was written. Lower --trace_first."));
    return;
  }
  trainer.optimizer().settle();
  record_buckets();
  write(trainer);
}

std::string Trace::events_as_json(int rank, const AlignedClock& clock) const {
  json list = json::array();
  list.push_back(
      metadata("process_name", rank, kTraining, {{"name", "rank " + std::to_string(rank) + " on " + host_name()}}));
  list.push_back(metadata("process_sort_index", rank, kTraining, {{"sort_index", rank}}));
  list.push_back(metadata("thread_name", rank, kTraining, {{"name", "training"}}));
  list.push_back(metadata("thread_name", rank, kWire, {{"name", "wire"}}));
  for (const Event& event : events_) {
    const std::int64_t begin = clock.on_rank_0(event.begin_ns);
    json arguments = {{"step", event.step}};
    if (event.bytes > 0) arguments["bytes"] = event.bytes;
    json entry = {{"name", event.name},
                  {"cat", event.track == kWire ? "comm" : "step"},
                  {"pid", rank},
                  {"tid", event.track},
                  {"ts", microseconds(begin)},
                  {"args", arguments}};
    if (event.begin_ns == event.end_ns && event.name.ends_with("ready")) {
      entry["ph"] = "i";
      entry["s"] = "t";  // belongs to its track
    } else {
      entry["ph"] = "X";
      entry["dur"] = microseconds(clock.on_rank_0(event.end_ns) - begin);
    }
    list.push_back(std::move(entry));
  }
  const auto offset = [](const ClockOffset& o) {
    return json{{"at_ns", o.at_ns}, {"offset_ns", o.offset_ns}, {"error_ns", o.error_ns}};
  };
  return json{{"events", list},
              {"clock",
               {{"rank", rank},
                {"host", host_name()},
                {"first", offset(clock.first())},
                {"last", offset(clock.last())},
                {"drift_ppm", clock.drift_ppm()}}}}
      .dump();
}

void Trace::write(Trainer& trainer) {
  if (written_ || !aligned_ || events_.empty()) return;
  written_ = true;
  Communicator& comm = trainer.comm();
  const AlignedClock clock(
      first_, measure_clock_offset(comm, [this] { return steady_nanoseconds() + options_.planted_skew_ns; }));
  const std::vector<std::string> parts = comm.gather_bytes(events_as_json(comm.rank(), clock), 0);
  events_ = {};
  if (comm.rank() != 0) return;
  json trace = {{"traceEvents", json::array()}, {"displayTimeUnit", "ms"}, {"otherData", {{"clocks", json::array()}}}};
  double start = 0;
  bool first = true;
  for (const std::string& part : parts) {
    json read = json::parse(part);
    trace["otherData"]["clocks"].push_back(read["clock"]);
    for (json& event : read["events"]) {
      if (event.contains("ts")) {
        start = first ? event["ts"].get<double>() : std::min(start, event["ts"].get<double>());
        first = false;
      }
      trace["traceEvents"].push_back(std::move(event));
    }
  }
  for (json& event : trace["traceEvents"]) {  // from the first event on: viewers draw small numbers best
    if (event.contains("ts")) event["ts"] = event["ts"].get<double>() - start;
  }
  replace_file(options_.path, trace.dump() + '\n');
}

}  // namespace rensa
