#include "comm/links/communicator_statistics.h"

#include "core/kernels/arithmetic.h"

namespace rensa {

std::int64_t CommunicatorStatistics::merge(const Array& mean, const Array& var, std::int64_t count) {
  if (comm_.size() == 1) return count;
  const LoggedWait wait(waits_);
  if (mean.device().kind != DeviceKind::kCpu) return merge_on_gpu(mean, var, count);
  const auto n = static_cast<double>(count);
  return comm_.size() < gathered_ranks_ ? merge_gathered(mean, var, n) : merge_in_two_calls(mean, var, n);
}

void CommunicatorStatistics::sum(const Array& values) {
  const LoggedWait wait(waits_);
  comm_.all_reduce(values, Reduce::kSum);
}

std::int64_t CommunicatorStatistics::merge_gathered(const Array& mean, const Array& var, double count) {
  const std::int64_t channels = mean.size(), width = 2 * channels + 1;
  const Array mine = empty({width}, Dtype::kFloat64), all = empty({comm_.size(), width}, Dtype::kFloat64);
  double *const means = mean.data<double>(), *const vars = var.data<double>(), *const sent = mine.data<double>();
  sent[0] = count;
  for (std::int64_t c = 0; c < channels; ++c) {
    sent[1 + c] = means[c];
    sent[1 + channels + c] = vars[c] * count;
  }
  comm_.all_gather(mine, all);

  mean.fill(0);
  var.fill(0);  // the sum of squared deviations until the end
  double total = 0;
  for (int rank = 0; rank < comm_.size(); ++rank) {
    const double* part = all.data<double>() + rank * width;
    if (part[0] == 0) continue;
    const double sum = total + part[0], share = part[0] / sum;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double difference = part[1 + c] - means[c];
      means[c] += difference * share;
      vars[c] += part[1 + channels + c] + difference * difference * total * share;
    }
    total = sum;
  }
  for (std::int64_t c = 0; c < channels && total > 0; ++c) vars[c] /= total;
  return static_cast<std::int64_t>(total);
}

std::int64_t CommunicatorStatistics::merge_in_two_calls(const Array& mean, const Array& var, double count) {
  const std::int64_t channels = mean.size();
  double *const means = mean.data<double>(), *const vars = var.data<double>();
  const Array sums = empty({channels + 1}, Dtype::kFloat64), squares = empty({channels}, Dtype::kFloat64);
  sums.data<double>()[0] = count;
  for (std::int64_t c = 0; c < channels; ++c) sums.data<double>()[1 + c] = means[c] * count;
  comm_.all_reduce(sums);
  const double total = sums.data<double>()[0];
  if (total == 0) return 0;
  for (std::int64_t c = 0; c < channels; ++c) {
    const double of_all = sums.data<double>()[1 + c] / total, difference = means[c] - of_all;
    squares.data<double>()[c] = (vars[c] + difference * difference) * count;
    means[c] = of_all;
  }
  comm_.all_reduce(squares);
  for (std::int64_t c = 0; c < channels; ++c) vars[c] = squares.data<double>()[c] / total;
  return static_cast<std::int64_t>(total);
}

std::int64_t CommunicatorStatistics::merge_on_gpu(const Array& mean, const Array& var, std::int64_t count) {
  const Array counted = full({1}, static_cast<double>(count), Dtype::kInt64);
  comm_.all_reduce(counted);
  const auto total = counted.item<std::int64_t>();
  if (total == 0) return 0;
  const auto n = static_cast<double>(count), all = static_cast<double>(total);
  // a rank without values gives zeros, whatever stands in its arrays
  const Array sums = count == 0 ? zeros_like(mean) : kernels::mul_number(mean, n / all);
  comm_.all_reduce(sums);
  Array squares = zeros_like(var);
  if (count > 0) {
    const Array difference = kernels::sub(mean, sums);
    squares = kernels::mul_number(kernels::add(var, kernels::mul(difference, difference)), n / all);
  }
  comm_.all_reduce(squares);
  mean.copy_from(sums);
  var.copy_from(squares);
  return total;
}

}  // namespace rensa
