#pragma once

#include <memory>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "comm/gradients/gradient_reducer.h"
#include "comm/gradients/no_sync.h"
#include "comm/wait_log.h"
#include "core/optimizers/optimizer.h"

namespace rensa {

class CarriedUpdates;
class ZeroShards;

/// Makes any optimizer data-parallel: averages each gradient over the ranks, then updates as usual.
///
///   auto comm = create_communicator();
///   DistributedOptimizer optimizer(MomentumSgd({.lr = 0.1}), *comm);
///   optimizer.setup(model);                                     // all ranks start with rank 0's weights
///   for (…) { loss.backward(); optimizer.update(); }
///
/// Parameters and links that appear later join at the update() (or serialize()) that first sees them: rank 0's values
/// go to all ranks, and that very update uses the mean of their gradients. A parameter that takes its shape from data
/// may do so on some ranks only. Links are added, and taken away, on all ranks alike.
///
/// With zero > 0 or carry_over the optimizer must make its steps in update_range(), as those of this project do: it
/// then sees only what this rank keeps, or what has arrived. An update() of its own is not called with carry_over, once
/// buckets travel in their order. Everything but what is declared here is the wrapped optimizer's. `comm` must outlive
/// this object.
class DistributedOptimizer final : public Optimizer {
 public:
  /// Throws ValueError for options that exclude each other (check_options), for carry_over with clip_norm, for a
  /// compression beside the communicator's allreduce_grad_dtype, and for an optimizer with hooks or a dynamic loss
  /// scale where add_hook() or loss_scaling() would refuse them.
  DistributedOptimizer(std::unique_ptr<Optimizer> inner, Communicator& comm, const ReducerOptions& options = {});
  template <class Inner>
    requires std::is_base_of_v<Optimizer, Inner>
  DistributedOptimizer(Inner inner, Communicator& comm, const ReducerOptions& options = {})
      : DistributedOptimizer(std::unique_ptr<Optimizer>(new Inner(std::move(inner))), comm, options) {}
  ~DistributedOptimizer() override;

  const char* name() const override { return inner_->name(); }
  void setup(Link& model) override;
  /// A call on all ranks together.
  void update() override;
  bool set_accumulating(bool accumulating) override;
  /// With carry_over: waits for all that update() left under way. Reading a parameter does so by itself; needed before
  /// others than the training thread read the model, or anybody the arenas, and before a link is taken away.
  void settle() override;
  /// This rank's share in the mean of the gradients from the next step on: gradients become Σ weight · gradient over
  /// the ranks, whose weights add up to 1. 1 / size until something else is said. One weight counts for a step: throws
  /// GraphError if it would change while gradients of a backward() wait for update(). Pieces of a step get their share
  /// by backward(loss, share).
  void set_weight(double weight) { reducer_.set_weight(weight); }

  double lr() const override { return inner_->lr(); }
  void set_lr(double lr) override { inner_->set_lr(lr); }
  std::int64_t t() const override { return inner_->t(); }
  void set_t(std::int64_t t) override { inner_->set_t(t); }
  std::int64_t epoch() const override { return inner_->epoch(); }
  void set_epoch(std::int64_t epoch) override { inner_->set_epoch(epoch); }
  CommonOptions& common() override { return inner_->common(); }
  /// Throws ValueError with carry_over or double_buffering: whether gradients are finite is known too late for either.
  /// So it does with compression, which would keep what is not finite for the steps to come.
  void loss_scaling(std::int64_t interval = 1000) override;
  void set_loss_scale(double scale) override { inner_->set_loss_scale(scale); }
  double loss_scale() const override { return inner_->loss_scale(); }
  void backward(const Variable& loss, double share = 1) const override { inner_->backward(loss, share); }
  bool has_dynamic_loss_scale() const override { return inner_->has_dynamic_loss_scale(); }
  /// Waits for gradients that are under way. With zero > 0 a call on all ranks together.
  bool is_safe_to_update() const override;
  /// Throws ValueError with carry_over, and with zero > 0 for a hook before the update: it would see gradients of which
  /// a part alone is the mean. A hook after the update sees whole parameters: with zero > 0 it makes a call of all
  /// ranks in each update(), so add it on all of them.
  void add_hook(std::string name, Hook hook, HookTiming timing = HookTiming::kPre) override;
  void remove_hook(const std::string& name) override { inner_->remove_hook(name); }
  std::vector<std::string> hook_names() const override { return inner_->hook_names(); }
  HookTiming hook_timing(const std::string& name) const override { return inner_->hook_timing(name); }
  std::vector<std::string> state_names() const override { return inner_->state_names(); }
  Array state(const std::string& name, const Parameter& p) override;
  std::size_t state_bytes() const override { return inner_->state_bytes(); }
  /// The wrapped optimizer's, the order of the gradients, and with double buffering those that are under way: a call on
  /// all ranks together. What is saved does not depend on their number.
  void serialize(Serializer& serializer) override;
  Link& model() const override { return inner_->model(); }
  const std::vector<ParameterArena>& arenas() const override { return inner_->arenas(); }
  void set_arena_allocators(ArenaAllocator values, ArenaAllocator gradients) override {
    inner_->set_arena_allocators(std::move(values), std::move(gradients));
  }
  /// A call on all ranks together.
  std::vector<Parameter*> join_parameters() override;

  Optimizer& inner() { return *inner_; }                       ///< the optimizer that is wrapped
  GradientReducer& reducer() { return reducer_; }              ///< what moves the gradients
  const GradientReducer& reducer() const { return reducer_; }  ///< what moves the gradients
  /// With carry_over: seconds that reads of parameters have waited so far for gradients, in forward and elsewhere.
  double waited_in_reads() const;
  /// With zero > 0: the calls that bring the others' weights, and norms over all ranks' parts, in update().
  const WaitLog& gathers() const;
  /// All waits for other ranks that began then or later, for gradients and in gathers(): the latest WaitLog::kLatest.
  std::vector<Wait> waits_since(Wait::Clock::time_point time) const;
  std::size_t gathered_bytes() const override { return gathers().bytes() - gathered_before_; }
  /// Bytes that this rank gave to the communicator in the last step that has arrived: for its gradients, and with
  /// zero > 0 gathered_bytes().
  std::size_t last_sent_bytes() const { return reducer_.last_sent_bytes() + gathered_bytes(); }

 private:
  void update_range(const Range&) override {}  // the wrapped optimizer's update() calls its own
  void check_takes_hook(const std::string& name, HookTiming timing) const;
  void check_takes_dynamic_loss_scale() const;
  void attach();
  bool arenas_moved() const;
  void broadcast_new_persistents();
  void give_shapes_to_all();
  void give_parameter_shapes_to_all(Link& model);
  void check_same_count(const char* what, std::size_t mine, std::size_t theirs) const;
  bool has_newcomers();
  bool knows(const Parameter& parameter) const;
  std::vector<Parameter*> take_in_newcomers();
  void take_in_newcomers_with_gradients();
  void broadcast_values(const std::vector<Parameter*>& joined) const;
  void gather_mean_gradients();
  std::unordered_map<const Parameter*, Array> copy_travelling() const;
  void apply();
  void exchange(bool newcomers);
  void cut_in_observed_order();
  void lay_out(const std::vector<Parameter*>& order);
  void serialize_order(Serializer& serializer);

  std::unique_ptr<Optimizer> inner_;
  Communicator& comm_;
  const ReducerOptions options_;
  std::shared_ptr<ZeroShards> shards_;  ///< null: every rank updates everything
  GradientReducer reducer_;
  std::unique_ptr<CarriedUpdates> carried_;  ///< null: nothing is carried over
  std::vector<const void*> attached_;        ///< where the arenas lay when the reducer took them
  struct Known {
    Variable variable;  ///< tells the parameter from another one at its address
    Shape shape;
  };
  std::unordered_map<const Parameter*, Known> known_;  ///< parameters that have rank 0's values
  std::vector<const Array*> persistents_;              ///< that have been broadcast
  bool has_open_persistents_ = false;                  ///< rank 0 has none yet of some
  std::vector<Parameter*> order_;                      ///< of the gradients, as observed; empty: not yet
  std::vector<Array> travelling_;                      ///< double buffering: the gradients that are under way
  bool has_mean_ = false;                              ///< double buffering: there will be means to apply
  double mean_scale_ = 1;                              ///< double buffering: the loss scale that they were made with
  std::size_t gathered_before_ = 0;                    ///< bytes of gathers() when the last update() began
};

}  // namespace rensa
