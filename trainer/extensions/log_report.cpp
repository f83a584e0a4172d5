#include "trainer/extensions/log_report.h"

#include <bit>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/serializers/file_replacement.h"
#include "core/serializers/serializer.h"
#include "trainer/extensions/entry_as_json.h"
#include "trainer/rank_0_sums.h"
#include "trainer/trainer.h"

namespace rensa {

nlohmann::json as_json(const LogReport::Entry& entry) {
  nlohmann::json object;
  for (const auto& [key, value] : entry) {
    if (key == "epoch" || key == "iteration") {
      object[key] = static_cast<std::int64_t>(value);
    } else {
      object[key] = value;
    }
  }
  return object;
}

namespace {

LogReport::Entry from_json(const nlohmann::json& object) {
  LogReport::Entry entry;
  for (const auto& [key, value] : object.items()) {
    if (value.is_number()) entry[key] = value.get<double>();
    if (value.is_null()) entry[key] = std::nan("");
  }
  return entry;
}

}  // namespace

LogReport::LogReport(const Trigger& trigger, std::string file_name)
    : trigger_(trigger), file_name_(std::move(file_name)) {}

void LogReport::initialize(Trainer& trainer) {
  samples_ = trainer.updater().samples();
  seconds_ = trainer.update_seconds();
}

void LogReport::observe(Trainer& trainer) {
  for (const auto& [key, observed] : trainer.observation()) sums_[key].add(observed);
}

void LogReport::read_deferred(Trainer& trainer) {
  const auto start = std::chrono::steady_clock::now();
  for (auto& [key, sum] : sums_) sum.settle();
  trainer.add_update_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

void LogReport::move_sums_to_rank_0(Trainer& trainer) {
  Communicator& comm = trainer.comm();
  if (comm.size() == 1) return;
  share_names(sums_, comm);
  std::vector<double> values;
  for (const auto& [key, sum] : sums_) values.insert(values.end(), {sum.total(), sum.weight()});
  rensa::move_sums_to_rank_0(comm, values);
  const double* value = values.data();
  for (auto& [key, sum] : sums_) {
    sum = ObservedSum(value[0], value[1]);
    value += 2;
  }
}

void LogReport::operator()(Trainer& trainer) {
  read_deferred(trainer);
  move_sums_to_rank_0(trainer);
  const Updater& updater = trainer.updater();
  Entry entry = {{"epoch", static_cast<double>(updater.epoch())},
                 {"iteration", static_cast<double>(updater.iteration())},
                 {"elapsed_time", trainer.elapsed_time()}};
  const double seconds = trainer.update_seconds() - seconds_;
  entry["images_per_second"] = seconds > 0 ? static_cast<double>(updater.samples() - samples_) / seconds : 0;
  initialize(trainer);
  for (const auto& [key, sum] : sums_) {
    if (sum.weight() > 0) entry[key] = sum.total() / sum.weight();
  }
  sums_.clear();
  if (trainer.comm().rank() != 0) return;
  log_.push_back(std::move(entry));
  write(trainer.out() + "/" + file_name_);
}

void LogReport::write(const std::string& path) const {
  nlohmann::json list = nlohmann::json::array();
  for (const Entry& entry : log_) list.push_back(as_json(entry));
  replace_file(path, list.dump(4) + '\n');
}

/// Keys that Chainer's LogReport wants to find. Means of a run are sums over samples here and over steps there: a sum
/// of one step with the mean's value stands for them.
void LogReport::write_for_chainer(Serializer& serializer, Trainer& trainer) const {
  trigger_.serialize(serializer.child("_trigger"), trainer);
  Serializer& summary = serializer.child("_summary");
  nlohmann::json names = nlohmann::json::array();
  for (const auto& [key, sum] : sums_) {
    if (sum.weight() <= 0) continue;
    Serializer& one = summary.child("_summaries").child(std::to_string(names.size()));
    double mean = sum.total() / sum.weight(), square = mean * mean;
    std::int64_t count = 1;
    one("_x", mean);
    one("_x2", square);
    one("_n", count);
    names.push_back(key);
  }
  std::string text = names.dump();
  summary("_names", text);
}

void LogReport::serialize(Serializer& serializer, Trainer& trainer) {
  read_deferred(trainer);
  if (!serializer.is_loading()) move_sums_to_rank_0(trainer);
  nlohmann::json log = nlohmann::json::array(), sums = nlohmann::json::object();
  for (const Entry& entry : log_) log.push_back(as_json(entry));
  // Doubles as their bits: a resumed run must not differ in the last digit of a mean.
  for (const auto& [key, sum] : sums_) {
    sums[key] = {std::bit_cast<std::uint64_t>(sum.total()), std::bit_cast<std::uint64_t>(sum.weight())};
  }
  std::string log_text = log.dump(), sums_text = sums.dump();
  serializer("_log", log_text);
  if (serializer.has("_sums")) serializer("_sums", sums_text);
  if (!serializer.is_loading()) write_for_chainer(serializer, trainer);
  // The file has the entries and the sums of all ranks: rank 0 goes on with them.
  if (!serializer.is_loading() || trainer.comm().rank() != 0) return;
  log_.clear();
  sums_.clear();
  for (const auto& object : nlohmann::json::parse(log_text)) log_.push_back(from_json(object));
  const nlohmann::json stored = nlohmann::json::parse(sums_text);
  for (const auto& [key, bits] : stored.items()) {
    sums_[key] = ObservedSum(std::bit_cast<double>(bits[0].get<std::uint64_t>()),
                             std::bit_cast<double>(bits[1].get<std::uint64_t>()));
  }
}

}  // namespace rensa
