#include "trainer/iterators/picture_iterator.h"

#include "core/error.h"

namespace rensa {

PictureIterator::PictureIterator(std::unique_ptr<Iterator> source, PictureFormOptions options)
    : source_(std::move(source)), options_(std::move(options)), values_(options_.values) {}

std::optional<Batch> PictureIterator::next() {
  std::optional<Batch> batch = source_->next();
  if (!batch) return batch;
  const bool has_edits = batch->fields.size() == 3;
  const Array pictures = batch->x(), edits = has_edits ? batch->fields.back() : Array();
  const std::int64_t n = pictures.ndim() == 4 ? pictures.shape()[0] : -1;
  if (!has_edits || n < 0 || pictures.dtype() != Dtype::kUInt8 || edits.dtype() != Dtype::kFloat32 ||
      edits.shape() != Shape{n, kernels::formulas::kEditNumbers} ||
      options_.values.shape() != Shape{pictures.shape()[1], 256}) {
    throw ShapeError("picture iterator: expected batches of uint8 pictures (n, ", options_.values.shape()[0],
                     ", height, width), class numbers and edits (n, ", kernels::formulas::kEditNumbers,
                     "); found pictures ", pictures.shape(), " and ", batch->fields.size(),
                     " fields. Make the dataset with raw = true.");
  }
  if (values_.device() != pictures.device()) values_ = options_.values.to(pictures.device());
  const kernels::PictureForm form{.dtype = options_.dtype,
                                  .layout = options_.flat ? Layout::kRowMajor : Layout::kChannelsLast,
                                  .changes_colours = options_.changes_colours};
  const Array x = kernels::finish_pictures(pictures, edits.contiguous(), values_, form);
  const Shape& shape = pictures.shape();
  batch->fields = {options_.flat ? x.reshape({n, shape[1] * shape[2] * shape[3]}) : x, batch->t()};
  return batch;
}

}  // namespace rensa
