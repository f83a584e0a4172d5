#include "trainer/extensions/straggler_report.h"

#include <algorithm>
#include <cstring>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "comm/host_name.h"
#include "core/serializers/file_replacement.h"
#include "core/serializers/serializer.h"
#include "trainer/stragglers/link_probe.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

using stragglers::Cause;
using stragglers::LinkTime;
using stragglers::Step;

const char* name_of(Cause cause) {
  constexpr const char* kNames[] = {"none", "compute", "input", "between", "link"};
  return kNames[static_cast<int>(cause)];
}

/// Equal hosts get equal numbers.
std::vector<int> numbers_of(const std::vector<std::string>& hosts) {
  std::vector<int> numbers;
  for (const std::string& host : hosts) {
    numbers.push_back(static_cast<int>(std::find(hosts.begin(), hosts.end(), host) - hosts.begin()));
  }
  return numbers;
}

double mib_per_second(const LinkTime& link) { return 2 * link.bytes / link.seconds / (1 << 20); }

}  // namespace

void StragglerReport::initialize(Trainer& trainer) {
  steps_.clear();
  last_end_ = {};
  hosts_ = trainer.comm().all_gather_bytes(host_name());
  waits_.take();
}

void StragglerReport::observe(Trainer& trainer) {
  const std::vector<Span> spans = trainer.updater().last_spans();
  if (spans.empty()) return;
  const StepTimes times = step_times(spans, buckets_ ? buckets_() : StepBuckets(), waits_.take());
  const auto seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
  const auto begin = spans.front().begin, end = spans.back().end;
  steps_.push_back({.whole = seconds(end - begin),
                    .between = last_end_ == Span::Clock::time_point{} ? 0 : seconds(begin - last_end_),
                    .input = times.input,
                    .compute = times.compute,
                    .wait = times.wait});
  last_end_ = end;
}

std::vector<std::vector<Step>> StragglerReport::gather(Communicator& comm) const {
  std::string mine(steps_.size() * sizeof(Step), '\0');
  if (!steps_.empty()) std::memcpy(mine.data(), steps_.data(), mine.size());
  std::vector<std::vector<Step>> all;
  for (const std::string& bytes : comm.gather_bytes(mine, 0)) {
    auto& of_rank = all.emplace_back(bytes.size() / sizeof(Step));
    if (!of_rank.empty()) std::memcpy(of_rank.data(), bytes.data(), bytes.size());
  }
  return all;
}

std::string StragglerReport::describe(const std::vector<LinkTime>& links) const {
  std::ostringstream out;
  out << std::fixed << std::setprecision(1);
  const double step_ms = verdict_.step * 1e3;
  const std::string host = verdict_.rank >= 0 ? hosts_[static_cast<std::size_t>(verdict_.rank)] : "";
  const std::string rank = "rank " + std::to_string(verdict_.rank) + " on " + host;
  switch (verdict_.cause) {
    case Cause::kNone:
      out << "no straggler: a step takes " << step_ms << " ms";
      break;
    case Cause::kCompute:
      out << "slow rank: " << rank << " computes longer than the others";
      break;
    case Cause::kInput:
      out << "slow loader: " << rank << " waits for its input";
      break;
    case Cause::kBetween:
      out << "slow rank: " << rank << " spends time beside its steps, in extensions or files";
      break;
    case Cause::kLink:
      out << "slow link: that of host " << host;
      break;
  }
  if (verdict_.cause != Cause::kNone) {
    out << " (" << verdict_.excess * 1e3 << " ms, " << 100 * verdict_.excess / verdict_.step << " % of a step of "
        << step_ms << " ms)";
  }
  if (links.empty()) return out.str();
  out << "; all wait " << verdict_.exposed_network * 1e3 << " ms for gradients:";
  for (const LinkTime& link : links) {
    out << ' ' << hosts_[static_cast<std::size_t>(link.from)] << '-' << hosts_[static_cast<std::size_t>(link.to)] << ' '
        << mib_per_second(link) << " MiB/s";
  }
  return out.str();
}

void StragglerReport::operator()(Trainer& trainer) {
  Communicator& comm = trainer.comm();
  const auto all = gather(comm);
  steps_.clear();
  if (comm.rank() == 0) verdict_ = stragglers::judge(all);
  // Probing is a call on all ranks: rank 0 says whether the network is worth it.
  const bool is_exposed = verdict_.exposed_network > stragglers::kThreshold * verdict_.step;
  std::vector<LinkTime> links;
  if (comm.broadcast_bytes(is_exposed ? "1" : "0", 0) == "1") links = stragglers::probe_links(comm);
  last_end_ = Span::Clock::now();  // the report itself is nobody's fault
  if (comm.rank() != 0) return;
  verdict_ = stragglers::judge(all, links, numbers_of(hosts_));
  last_line_ = describe(links);
  if (say_) say_(last_line_);
  nlohmann::json entry = {{"iteration", trainer.updater().iteration()},
                          {"cause", name_of(verdict_.cause)},
                          {"rank", verdict_.rank},
                          {"excess_ms", verdict_.excess * 1e3},
                          {"step_ms", verdict_.step * 1e3},
                          {"exposed_network_ms", verdict_.exposed_network * 1e3},
                          {"text", last_line_},
                          {"ranks", nlohmann::json::array()},
                          {"links", nlohmann::json::array()}};
  for (std::size_t rank = 0; rank < verdict_.means.size(); ++rank) {
    const Step& mean = verdict_.means[rank];
    entry["ranks"].push_back({{"host", hosts_[rank]},
                              {"compute_ms", mean.compute * 1e3},
                              {"input_ms", mean.input * 1e3},
                              {"wait_ms", mean.wait * 1e3},
                              {"between_ms", mean.between * 1e3}});
  }
  for (const LinkTime& link : links) {
    entry["links"].push_back({{"from", link.from}, {"to", link.to}, {"mib_per_second", mib_per_second(link)}});
  }
  entries_.push_back(entry.dump());
  std::string list = "[";
  for (const std::string& line : entries_) list += (list == "[" ? "\n" : ",\n") + line;
  replace_file(trainer.out() + "/stragglers", list + "\n]\n");
}

void StragglerReport::serialize(Serializer& serializer, Trainer& /*trainer*/) {
  if (serializer.is_loading() && !serializer.has("entries")) return;
  std::string lines = nlohmann::json(entries_).dump();
  serializer("entries", lines);
  if (serializer.is_loading()) entries_ = nlohmann::json::parse(lines).get<std::vector<std::string>>();
}

}  // namespace rensa
