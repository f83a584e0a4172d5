#pragma once

#include <memory>
#include <vector>

#include "comm/communicators/auto_choice.h"
#include "comm/communicators/composed_communicator.h"

namespace rensa {

/// Several nodes: reduces each array by whichever communicator is the quickest for its size. The candidates are
/// measured at start, which takes some tenths of a second, and the choice is remembered for the cluster (hosts and
/// ranks on each), because another choice may sum in another order. Arrays on GPUs go through NCCL where all ranks have
/// it.
class AutoCommunicator final : public ComposedCommunicator {
 public:
  /// `deterministic`: nothing is measured or remembered, a fixed rule decides.
  AutoCommunicator(std::unique_ptr<Communicator> whole, bool deterministic);
  std::string_view name() const override { return "auto"; }
  std::string choice() const override { return choice_->text(); }
  bool adopt_choice(const std::string& choice) override;

 private:
  AutoCommunicator(std::unique_ptr<Communicator> whole, std::shared_ptr<AutoChoice> choice);
  void make_candidates();
  Communicator& candidate_for(std::size_t bytes) const;
  Communicator* find(const std::string& name) const;
  AutoChoice agreed_choice();
  AutoChoice measured_choice();
  double seconds_of(Communicator& candidate, const Array& data);

  void do_all_reduce(const Array& data, Reduce op) override { candidate_for(data.bytes()).all_reduce(data, op); }
  void do_reduce(const Array& data, int root, Reduce op) override { whole().reduce(data, root, op); }
  void do_broadcast(const Array& data, int root) override { candidates_.front()->broadcast(data, root); }
  Array do_allocate_shared(std::int64_t count, Dtype dtype) override {
    return candidates_.front()->allocate_shared(count, dtype);
  }
  std::unique_ptr<Communicator> compose(std::unique_ptr<Communicator> whole) const override;

  std::vector<std::unique_ptr<Communicator>> candidates_;  ///< hierarchical first: the one that suits every cluster
  std::shared_ptr<AutoChoice> choice_;                     ///< shared with what split off
};

}  // namespace rensa
