#pragma once

#include <cstdint>
#include <memory>

#include "core/functions/statistics_reducer.h"
#include "core/links/link.h"

namespace rensa {

/// Options of BatchNormalization.
struct BatchNormalizationLinkOptions {
  std::int64_t size;  ///< channels
  double eps = 2e-5;
  double decay = 0.9;             ///< of the running statistics
  Dtype dtype = Dtype::kFloat32;  ///< of x; with 16 bits, parameters and statistics are float32
};

/// Batch normalization with its running statistics: the batch's in training (config().train), the running ones
/// otherwise. x (N, size) or (N, size, H, W). Keys as Chainer's: gamma, beta, avg_mean, avg_var, N (batches seen). See
/// functions::batch_normalization.
class BatchNormalization : public UnaryLink {
 public:
  explicit BatchNormalization(const BatchNormalizationLinkOptions& options);
  Variable forward(const Variable& x) override { return apply(x, false, nullptr); }
  /// relu(normalized x + residual) in the same passes over memory; the residual may be null.
  Variable with_relu(const Variable& x, const Variable* residual = nullptr) {
    return with_hooks(x, [&] { return apply(x, true, residual); });
  }

  double eps() const { return options_.eps; }                                ///< what is added to the variance
  const BatchNormalizationLinkOptions& options() const { return options_; }  ///< the options that it was made with
  /// How much of the running statistics a batch leaves, from the next one on; 0: they are the last batch's.
  void set_decay(double decay) { options_.decay = decay; }

  /// From now on a batch is what all processes of `reducer` hold of it (comm/links/multi_node_batch_normalization.h).
  /// Null: this process's own.
  void share_statistics(std::shared_ptr<StatisticsReducer> reducer) { reducer_ = std::move(reducer); }
  /// Who shares the statistics; null: this process alone.
  const std::shared_ptr<StatisticsReducer>& reducer() const { return reducer_; }

  Parameter gamma, beta;
  Array avg_mean, avg_var, N;

 protected:
  std::unique_ptr<Link> do_clone() override;
  void adopt_settings(const Link& other) override;

 private:
  Variable apply(const Variable& x, bool relu, const Variable* residual);

  BatchNormalizationLinkOptions options_;
  std::shared_ptr<StatisticsReducer> reducer_;
};

}  // namespace rensa
