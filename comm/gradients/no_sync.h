#pragma once

#include "core/optimizers/optimizer.h"

namespace rensa {

/// Gradients of backward() calls inside this scope are added up on this rank and go nowhere; they leave with those of
/// the first backward() behind it. Large batches in small pieces, with one exchange:
///   for (int i = 0; i < 4; ++i) {
///     std::optional<NoSync> local;
///     if (i < 3) local.emplace(optimizer);
///     loss(piece[i]).backward({.loss_scale = 0.25});
///   }
///   optimizer.update();
/// Every rank enters the same scopes; of one inside another the outer one counts. update() inside one is refused.
class NoSync {
 public:
  explicit NoSync(Optimizer& optimizer) : optimizer_(optimizer), before_(optimizer.set_accumulating(true)) {}
  ~NoSync() { optimizer_.set_accumulating(before_); }
  NoSync(const NoSync&) = delete;
  NoSync& operator=(const NoSync&) = delete;

 private:
  Optimizer& optimizer_;
  const bool before_;
};

}  // namespace rensa
