#pragma once

#include <memory>
#include <optional>

#include "trainer/iterators/iterator.h"

namespace rensa {

/// Options of MixedIterator.
struct MixOptions {
  double mixup_alpha = 0;   ///< > 0: pairs are blended, with shares from Beta(alpha, alpha)
  double cutmix_alpha = 0;  ///< > 0: pairs exchange a rectangle, its area from Beta(alpha, alpha)
  std::uint64_t seed = 0;   ///< of the shares and rectangles
};

/// The batches of another iterator with their samples mixed, two and two: positions 0 and 1 of the global batch, 2 and
/// 3, and so on, which the order of the epoch has brought together by chance. With both alphas each pair is blended or
/// exchanges, by the toss of a coin.
///
/// Fields {x (n, …) float32, t (n) int32} become {x, t, t of the other sample (n), share of the own one (n) float32}.
/// Cutmix wants pictures, x (n, channels, height, width).
///
/// What a pair draws depends on the seed, the epoch and its place in it alone: it is the same on any number of ranks,
/// as long as each rank's part of a batch is even (a sample whose partner is on another rank stays unmixed), and after
/// a restart. The state is that of the other iterator. Sources: Zhang et al., "mixup: beyond empirical risk
/// minimization" (2018); Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable
/// features" (2019); rectangles as torchvision's CutMix draws them.
class MixedIterator final : public Iterator {
 public:
  /// Throws ValueError if an alpha is negative or not finite, or both are 0.
  MixedIterator(std::unique_ptr<Iterator> base, const MixOptions& options);

  /// Throws ShapeError if a batch has other fields than x and t, or cutmix is asked for and x is not pictures.
  std::optional<Batch> next() override;
  void reset() override { base_->reset(); }
  const IteratorState& state() const override { return base_->state(); }
  bool is_of_one_rank() const override { return base_->is_of_one_rank(); }
  void restore(const IteratorState& state) override { base_->restore(state); }
  std::int64_t epoch_size() const override { return base_->epoch_size(); }
  std::int64_t batch_size() const override { return base_->batch_size(); }

 private:
  const std::unique_ptr<Iterator> base_;
  const MixOptions options_;
};

/// The two labels of each sample of a mixed batch, and the share of its own one.
struct MixedLabels {
  Array own, other, share;
};
/// None if the batch is not a MixedIterator's.
std::optional<MixedLabels> mixed_labels(const Batch& batch);

}  // namespace rensa
