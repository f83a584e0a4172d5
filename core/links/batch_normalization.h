#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/functions/statistics_reducer.h"
#include "core/links/link.h"

namespace rensa {

/// Options of BatchNormalization.
struct BatchNormalizationLinkOptions {
  std::int64_t size = kLazySize;  ///< channels; kLazySize: those of the first batch
  double eps = 2e-5;
  double decay = 0.9;             ///< of the running statistics
  Dtype dtype = Dtype::kFloat32;  ///< of x; with 16 bits, parameters and statistics are float32
  bool use_gamma = true;          ///< false: there is no such parameter, and gamma is 1
  bool use_beta = true;           ///< false: there is no such parameter, and beta is 0
  Initializer initial_gamma = init::ones();
  Initializer initial_beta = init::zeros();
  /// Axes of x over which the statistics are taken, ascending; parameters and statistics have x's other axes. Empty:
  /// all but axis 1.
  std::vector<std::int64_t> axis = {};
};

/// Batch normalization with its running statistics: the batch's in training (config().train), the running ones
/// otherwise. x (N, size) or (N, size, H, W). Keys as Chainer's: gamma, beta (unless left out), avg_mean, avg_var, N
/// (batches seen). See functions::batch_normalization.
class BatchNormalization : public UnaryLink {
 public:
  explicit BatchNormalization(const BatchNormalizationLinkOptions& options);
  Variable forward(const Variable& x) override { return apply(x, false, nullptr); }
  /// Running statistics become the plain mean over the batches of training from now on: N, which counts them, starts at
  /// 0, and a batch leaves 1 − 1 / N of what was there. Chainer's calls with finetune=True, until stop_finetuning().
  void start_finetuning();
  void stop_finetuning() { finetuning_ = false; }     ///< the decay holds again
  bool is_finetuning() const { return finetuning_; }  ///< between the two
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

  /// gamma and beta, or the constants that stand for one that is left out. For a size that is known.
  /// @{
  Array gamma_values() const;
  Array beta_values() const;
  /// @}
  /// Whether the size is known, and there is one number for each channel (axis 1) of x (N, channels, H, W).
  bool is_of_channels() const;

  Parameter gamma, beta;  ///< not initialised where they are left out
  Array avg_mean, avg_var, N;

 protected:
  std::unique_ptr<Link> do_clone() override;
  void adopt_settings(const Link& other) override;

 private:
  Variable apply(const Variable& x, bool relu, const Variable* residual);
  void initialize(const Shape& shape, Device device);
  void take_size(const Variable& x);
  double next_decay();

  BatchNormalizationLinkOptions options_;
  bool finetuning_ = false;
  std::shared_ptr<StatisticsReducer> reducer_;
};

}  // namespace rensa
