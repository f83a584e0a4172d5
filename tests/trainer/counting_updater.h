#pragma once

#include "core/links/linear.h"
#include "core/optimizers/sgd.h"
#include "core/serializers/serializer.h"
#include "trainer/updater.h"

namespace rensa::testing {

/// Steps that only count: ten make an epoch, the loss of step i is i.
class CountingUpdater : public Updater {
 public:
  CountingUpdater() { optimizer_.setup(model_); }
  void update(Observation& observation) override {
    ++iteration_;
    observation["main/loss"] = {static_cast<double>(iteration_), 1};
  }
  std::int64_t iteration() const override { return iteration_; }
  std::int64_t epoch() const override { return iteration_ / 10; }
  double epoch_detail() const override { return static_cast<double>(iteration_) / 10; }
  double previous_epoch_detail() const override { return static_cast<double>(iteration_ - 1) / 10; }
  bool is_new_epoch() const override { return iteration_ % 10 == 0; }
  std::int64_t samples() const override { return iteration_ * 4; }
  Optimizer& optimizer() override { return optimizer_; }
  Link& model() override { return model_; }
  void serialize(Serializer& serializer) override { serializer("iteration", iteration_); }

 private:
  std::int64_t iteration_ = 0;
  Linear model_{{.in = 1, .out = 1}};
  Sgd optimizer_;
};

}  // namespace rensa::testing
