#include "core/kernels/dropout.h"

#include <algorithm>

#include "core/array/dispatch.h"
#include "core/kernels/cpu/half_precision.h"
#include "core/kernels/cpu/parallel.h"

namespace rensa::kernels {
namespace {

/// Samples are numbered below 2^40; the operation's number within the step goes above them.
constexpr int kSampleBits = 40;

Array dropout_cpu(const Array& x, double ratio, const RandomContext& at) {
  Array y = empty(x.shape(), x.dtype());
  const std::int64_t rows = x.ndim() == 0 ? 1 : x.shape()[0];
  const std::int64_t row_size = rows == 0 ? 0 : x.size() / rows;
  const auto threshold = static_cast<std::uint64_t>(ratio * 0x1p32);  // a word below it drops the element
  dispatch_floating(x.dtype(), "dropout", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = x.data<T>();
    T* to = y.data<T>();
    const T scale = static_cast<T>(1 / (1 - ratio));
    cpu::for_each_block(
        rows,
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t row = begin; row < end; ++row) {
            const std::uint64_t sample = at.first_sample + static_cast<std::uint64_t>(row);
            const RandomStream stream(at.seed, Purpose::kDropout, at.step,
                                      sample | std::uint64_t{at.uses} << kSampleBits);
            for (std::int64_t i = 0; i < row_size; i += 4) {
              const auto words = stream.block(static_cast<std::uint32_t>(i / 4));
              for (std::int64_t j = i; j < std::min(i + 4, row_size); ++j) {
                const bool kept = words[static_cast<std::size_t>(j - i)] >= threshold;
                to[row * row_size + j] = kept ? from[row * row_size + j] * scale : T(0);
              }
            }
          }
        },
        /*cost=*/8 * row_size);
  });
  return y;
}

const Implementation cpu_dropout(dropout, DeviceKind::kCpu, cpu::in_float32<dropout_cpu>);

}  // namespace
}  // namespace rensa::kernels
