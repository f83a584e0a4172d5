#pragma once

#include <memory>

#include "core/kernels/pictures.h"
#include "trainer/iterators/iterator.h"

namespace rensa {

/// Options of PictureIterator.
struct PictureFormOptions {
  Array values;                   ///< (channels, 256): every byte normalized
  bool changes_colours = false;   ///< whether edits may change colours
  bool flat = false;              ///< x is (n, C · H · W) in the order C, H, W
  Dtype dtype = Dtype::kFloat32;  ///< of x: float32, float16 or bfloat16
};

/// Makes samples of 8-bit pictures where these are: of batches {pictures (n, C, H, W) uint8, t, edits}, which datasets
/// with raw = true give, batches {x (n, C, H, W), t}. On a GPU behind a PrefetchIterator a quarter of the bytes
/// travels, and the host neither normalizes nor changes colours. What edits hold was drawn by the dataset: x is the
/// same on every device. Order and state are the other iterator's.
class PictureIterator final : public Iterator {
 public:
  PictureIterator(std::unique_ptr<Iterator> source, PictureFormOptions options);

  /// Throws ShapeError for batches that are not raw pictures with their edits.
  std::optional<Batch> next() override;
  void reset() override { source_->reset(); }
  const IteratorState& state() const override { return source_->state(); }
  void restore(const IteratorState& state) override { source_->restore(state); }
  std::int64_t epoch_size() const override { return source_->epoch_size(); }
  std::int64_t batch_size() const override { return source_->batch_size(); }
  bool is_of_one_rank() const override { return source_->is_of_one_rank(); }

 private:
  const std::unique_ptr<Iterator> source_;
  const PictureFormOptions options_;
  Array values_;  ///< where the last batch was
};

}  // namespace rensa
