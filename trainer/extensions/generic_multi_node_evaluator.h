#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <cereal/types/vector.hpp>

#include "comm/objects.h"
#include "core/autograd/inference_mode.h"
#include "trainer/extension.h"
#include "trainer/iterators/iterator.h"
#include "trainer/trainer.h"

namespace rensa {

/// Judges by numbers that are no means of means, such as BLEU or an average precision: each rank computes something of
/// each of its batches, and one rank makes the observation of all of it. ChainerMN's GenericMultiNodeEvaluator. `Local`
/// is whatever cereal can serialize (comm/objects.h).
///
///   trainer.extend(std::make_unique<GenericMultiNodeEvaluator<std::vector<float>>>(
///       std::move(iterator), [&](const Batch& batch) { return scores(batch); },
///       [](const std::vector<std::vector<float>>& all) { return Observation{{"validation/main/median",
///       {median(all)}}}; }));
///
/// It knows no model, and leaves running statistics as each rank has them: call average_persistents(model, comm) before
/// evaluate(), or extend the trainer with AllreducePersistent and this object's trigger, which runs before it.
///
/// Ranks may have different numbers of batches; results come in the order of ranks, and of batches on each. An
/// extension of all ranks.
template <class Local>
class GenericMultiNodeEvaluator final : public Extension {
 public:
  /// See the constructor.
  /// @{
  using CalcLocal = std::function<Local(const Batch&)>;
  using Aggregate = std::function<Observation(const std::vector<Local>& results)>;
  /// @}

  /// `iterator` gives each rank its part, once (repeat = false). `calc_local` is called on every rank in an
  /// InferenceMode, not for empty batches; `aggregate` on `root`, whose observation it joins.
  GenericMultiNodeEvaluator(std::unique_ptr<Iterator> iterator, CalcLocal calc_local, Aggregate aggregate,
                            std::string name = "validation", int root = 0)
      : iterator_(std::move(iterator)),
        calc_local_(std::move(calc_local)),
        aggregate_(std::move(aggregate)),
        name_(std::move(name)),
        root_(root) {}
  std::string name() const override { return name_; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kWriter; }

  void operator()(Trainer& trainer) override {
    Observation seen = evaluate(trainer.comm());
    trainer.observation().merge(seen);
  }

  /// What `aggregate` says, on root; nothing on the others.
  Observation evaluate(Communicator& comm) {
    std::vector<Local> mine;
    {
      const InferenceMode scope;
      iterator_->reset();
      while (const std::optional<Batch> batch = iterator_->next()) {
        if (batch->size() > 0) mine.push_back(calc_local_(*batch));
      }
    }
    // one after another, so that root holds one rank's bytes at a time beside the results
    std::vector<Local> all;
    for (int rank = 0; rank < comm.size(); ++rank) {
      if (comm.rank() == root_) {
        std::vector<Local> theirs =
            rank == root_ ? std::move(mine) : recv_object<std::vector<Local>>(comm, rank, kLibraryTag).object;
        for (Local& result : theirs) all.push_back(std::move(result));
      } else if (comm.rank() == rank) {
        send_object(comm, mine, root_, kLibraryTag);
      }
    }
    return comm.rank() == root_ ? aggregate_(all) : Observation();
  }

 private:
  const std::unique_ptr<Iterator> iterator_;
  const CalcLocal calc_local_;
  const Aggregate aggregate_;
  const std::string name_;
  const int root_;
};

}  // namespace rensa
