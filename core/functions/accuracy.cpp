#include "core/functions/accuracy.h"

#include "core/error.h"
#include "core/kernels/accuracy.h"

namespace rensa::functions {

Array top_k_accuracy_array(const Array& y, const Array& t, std::int64_t k, const AccuracyOptions& options) {
  if (k < 1) throw ValueError("top_k_accuracy: k is ", k, ", expected 1 or more.");
  bool fits = y.ndim() >= 2 && t.ndim() == y.ndim() - 1 && t.shape()[0] == y.shape()[0];
  for (int i = 1; fits && i < t.ndim(); ++i) fits = t.shape()[i] == y.shape()[i + 1];
  if (!fits) {
    throw ShapeError("accuracy: y is ", y.shape(), ", so t should be its shape without axis 1; found ", t.shape(), ".");
  }
  return kernels::accuracy(y.contiguous(), t.to(Dtype::kInt64).contiguous().to(y.device()), k, options.ignore_label);
}

double top_k_accuracy(const Array& y, const Array& t, std::int64_t k, const AccuracyOptions& options) {
  return top_k_accuracy_array(y, t, k, options).item<double>();
}

Array accuracy_array(const Array& y, const Array& t, const AccuracyOptions& options) {
  return top_k_accuracy_array(y, t, 1, options);
}

double accuracy(const Array& y, const Array& t, const AccuracyOptions& options) {
  return top_k_accuracy(y, t, 1, options);
}

}  // namespace rensa::functions
