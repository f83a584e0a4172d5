#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "comm/gradient_reducer.h"
#include "core/optimizers/optimizer.h"

namespace rensa {

/// Makes any optimizer data-parallel: averages each gradient over the ranks, then updates as usual.
///
///   auto comm = create_communicator();
///   DistributedOptimizer optimizer(MomentumSgd({.lr = 0.1}), *comm);
///   optimizer.setup(model);                                     // all ranks start with rank 0's weights
///   for (…) { loss.backward(); optimizer.update(); }
///
/// Everything but setup() and update() is the wrapped optimizer's. `comm` must outlive this object.
class DistributedOptimizer final : public Optimizer {
 public:
  DistributedOptimizer(std::unique_ptr<Optimizer> inner, Communicator& comm, const ReducerOptions& options = {});
  template <class Inner>
    requires std::is_base_of_v<Optimizer, Inner>
  DistributedOptimizer(Inner inner, Communicator& comm, const ReducerOptions& options = {})
      : DistributedOptimizer(std::unique_ptr<Optimizer>(new Inner(std::move(inner))), comm, options) {}

  const char* name() const override { return inner_->name(); }
  void setup(Link& model) override;
  void update() override;

  double lr() const override { return inner_->lr(); }
  void set_lr(double lr) override { inner_->set_lr(lr); }
  std::int64_t t() const override { return inner_->t(); }
  void set_t(std::int64_t t) override { inner_->set_t(t); }
  std::int64_t epoch() const override { return inner_->epoch(); }
  void set_epoch(std::int64_t epoch) override { inner_->set_epoch(epoch); }
  CommonOptions& common() override { return inner_->common(); }
  void add_hook(std::string name, Hook hook) override { inner_->add_hook(std::move(name), std::move(hook)); }
  void remove_hook(const std::string& name) override { inner_->remove_hook(name); }
  std::vector<std::string> state_names() const override { return inner_->state_names(); }
  Array state(const std::string& name, const Parameter& p) override { return inner_->state(name, p); }
  void serialize(Serializer& serializer) override { inner_->serialize(serializer); }
  Link& model() const override { return inner_->model(); }
  const std::vector<ParameterArena>& arenas() const override { return inner_->arenas(); }
  void set_arena_allocators(ArenaAllocator values, ArenaAllocator gradients) override {
    inner_->set_arena_allocators(std::move(values), std::move(gradients));
  }
  std::vector<Parameter*> join_parameters() override { return inner_->join_parameters(); }

  Optimizer& inner() { return *inner_; }
  const GradientReducer& reducer() const { return reducer_; }

 private:
  void update_range(const Range&) override {}  // the wrapped optimizer's update() calls its own
  void attach();
  bool arenas_moved() const;

  std::unique_ptr<Optimizer> inner_;
  Communicator& comm_;
  GradientReducer reducer_;
  std::vector<const void*> attached_;  ///< where the arenas lay when the reducer took them
};

}  // namespace rensa
