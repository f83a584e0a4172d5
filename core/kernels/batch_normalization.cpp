#include "core/kernels/batch_normalization.h"

namespace rensa::kernels {

constinit Kernel<std::array<Array, 2>(const Array&)> batch_statistics("batch_statistics");
constinit Kernel<FoldedStatistics(const Array&, const Array&, const Array&, const Array&, double)> fold_statistics(
    "fold_statistics");
constinit Kernel<void(const Array&, const Array&, double, double)> move_average("move_average");
constinit Kernel<Array(const Array&, const Array&, const Array&, const Array&, bool)> scale_and_shift(
    "scale_and_shift");
constinit Kernel<NormalizationSums(const Array&, const NormalizedBatch&)> batch_normalization_sums(
    "batch_normalization_sums");
constinit Kernel<Array(const Array&, const NormalizedBatch&, const Array&, const Array&)> batch_normalization_grad(
    "batch_normalization_grad");

}  // namespace rensa::kernels
