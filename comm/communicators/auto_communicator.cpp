#include "comm/communicators/auto_communicator.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "comm/communicators/create_communicator.h"
#include "comm/communicators/hierarchical_communicator.h"
#include "comm/communicators/two_dimensional_communicator.h"
#include "comm/host_name.h"

namespace rensa {
namespace {

constexpr int kRepetitions = 7;
constexpr std::array<std::size_t, 4> kSizes = {256, 4 << 10, 64 << 10,
                                               1 << 20};  ///< the last speaks for all larger ones

AutoChoice fixed_rule() { return AutoChoice({{0, "hierarchical"}}); }

/// Hosts in the order of ranks, each with its number of ranks, and the version whose communicators were measured:
/// "0.1.0: node0 x 2, node1 x 2".
std::string cluster_of(Communicator& comm) {
  const std::string mine = comm.intra_rank() == 0 ? host_name() + " x " + std::to_string(comm.intra_size()) : "";
  std::string cluster;
  for (const std::string& each : comm.all_gather_bytes(mine)) {
    if (!each.empty()) cluster += (cluster.empty() ? "" : ", ") + each;
  }
  return RENSA_VERSION ": " + cluster;
}

}  // namespace

AutoCommunicator::AutoCommunicator(std::unique_ptr<Communicator> whole, bool deterministic)
    : ComposedCommunicator(std::move(whole)) {
  make_candidates();
  choice_ = std::make_shared<AutoChoice>(deterministic ? fixed_rule() : agreed_choice());
}

AutoCommunicator::AutoCommunicator(std::unique_ptr<Communicator> whole, std::shared_ptr<AutoChoice> choice)
    : ComposedCommunicator(std::move(whole)), choice_(std::move(choice)) {
  make_candidates();
}

void AutoCommunicator::make_candidates() {
  carry_gpu_arrays(GpuWay::kQuickest);
  const auto duplicate = [&] { return whole().split(0, rank()); };
  candidates_.push_back(std::make_unique<HierarchicalCommunicator>(duplicate()));
  if (place().nodes_are_equal) candidates_.push_back(std::make_unique<TwoDimensionalCommunicator>(duplicate()));
  candidates_.push_back(duplicate());
}

std::unique_ptr<Communicator> AutoCommunicator::compose(std::unique_ptr<Communicator> whole) const {
  const RankPlace& place = whole->place();
  if (place.inter_size == 1 || place.inter_size == place.size) return compose_communicator("auto", std::move(whole));
  return std::unique_ptr<Communicator>(new AutoCommunicator(std::move(whole), choice_));
}

Communicator* AutoCommunicator::find(const std::string& name) const {
  const auto found =
      std::find_if(candidates_.begin(), candidates_.end(), [&](const auto& each) { return each->name() == name; });
  return found == candidates_.end() ? nullptr : found->get();
}

Communicator& AutoCommunicator::candidate_for(std::size_t bytes) const {
  Communicator* const chosen = find(choice_->name_for(bytes));
  return chosen ? *chosen : *candidates_.front();  // ranks that split off may lack one
}

bool AutoCommunicator::adopt_choice(const std::string& choice) {
  const auto parsed = AutoChoice::parse(choice);
  if (!parsed) return false;
  for (const AutoChoice::Range& range : parsed->ranges()) {
    if (!find(range.name)) return false;
  }
  *choice_ = *parsed;
  return true;
}

AutoChoice AutoCommunicator::agreed_choice() {
  const std::string cluster = cluster_of(whole());
  const auto remembered = rank() == 0 ? remembered_choice(cluster) : std::nullopt;
  const std::string known = whole().broadcast_bytes(remembered ? remembered->text() : "", 0);
  if (const auto choice = AutoChoice::parse(known)) return *choice;
  const AutoChoice choice = measured_choice();
  if (rank() == 0) remember_choice(cluster, choice);
  return choice;
}

AutoChoice AutoCommunicator::measured_choice() {
  std::vector<AutoChoice::Range> ranges;
  for (const std::size_t bytes : kSizes) {
    const Array data = allocate_shared(static_cast<std::int64_t>(bytes / sizeof(float)), Dtype::kFloat32);
    std::size_t best = 0;
    double best_s = 0;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const double seconds = seconds_of(*candidates_[i], data);
      if (i > 0 && seconds >= best_s) continue;
      best = i;
      best_s = seconds;
    }
    ranges.push_back({bytes, std::string(candidates_[best]->name())});
  }
  return AutoChoice(std::move(ranges));
}

/// The median over repetitions of the slowest rank's time: the same number on every rank.
double AutoCommunicator::seconds_of(Communicator& candidate, const Array& data) {
  using Clock = std::chrono::steady_clock;
  const Array seconds = zeros({kRepetitions}, Dtype::kFloat64);
  candidate.all_reduce(data);  // connections are made when first used
  for (int i = 0; i < kRepetitions; ++i) {
    whole().barrier();
    const Clock::time_point start = Clock::now();
    candidate.all_reduce(data);
    seconds.data<double>()[i] = std::chrono::duration<double>(Clock::now() - start).count();
  }
  whole().all_reduce(seconds, Reduce::kMax);
  std::vector<double> sorted = to_vector<double>(seconds);
  std::nth_element(sorted.begin(), sorted.begin() + kRepetitions / 2, sorted.end());
  return sorted[kRepetitions / 2];
}

}  // namespace rensa
