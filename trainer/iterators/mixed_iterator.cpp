#include "trainer/iterators/mixed_iterator.h"

#include <algorithm>
#include <cmath>

#include "core/device/random.h"
#include "core/distributions/parameters.h"
#include "core/error.h"

namespace rensa {
namespace {

double draw_beta(RandomStream& random, double alpha) {
  const double a = distributions::draw_gamma(random, alpha), b = distributions::draw_gamma(random, alpha);
  if (a + b > 0) return a / (a + b);
  return random.uniform() < 0.5 ? 0 : 1;  // a tiny alpha: both underflowed, and the share is at one end
}

/// a becomes share * a + (1 - share) * b, and b the other way round.
void blend(float* a, float* b, std::int64_t count, float share) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float x = a[i], y = b[i];
    a[i] = y + share * (x - y);
    b[i] = x + share * (y - x);
  }
}

struct Rectangle {
  std::int64_t top, left, bottom, right;
};

/// Its middle is anywhere in the picture; what is outside is cut off.
Rectangle draw_rectangle(RandomStream& random, double share_outside, std::int64_t height, std::int64_t width) {
  const auto column = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(width)));
  const auto row = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(height)));
  const double half = 0.5 * std::sqrt(1 - share_outside);
  const auto half_width = static_cast<std::int64_t>(half * static_cast<double>(width));
  const auto half_height = static_cast<std::int64_t>(half * static_cast<double>(height));
  return {std::max<std::int64_t>(0, row - half_height), std::max<std::int64_t>(0, column - half_width),
          std::min(height, row + half_height), std::min(width, column + half_width)};
}

/// Two pictures of a batch exchange a rectangle. Returns the share of the area that stays.
double exchange(const Array& x, std::int64_t first, std::int64_t second, const Rectangle& area) {
  const std::int64_t channels = x.shape()[1], height = x.shape()[2], width = x.shape()[3];
  float* const a = x.data<float>() + first * x.size() / x.shape()[0];
  float* const b = x.data<float>() + second * x.size() / x.shape()[0];
  const bool last = x.layout() == Layout::kChannelsLast;
  const std::int64_t planes = last ? 1 : channels, step = last ? channels : 1;
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    for (std::int64_t y = area.top; y < area.bottom; ++y) {
      const std::int64_t row = (plane * height + y) * width * step;
      std::swap_ranges(a + row + area.left * step, a + row + area.right * step, b + row + area.left * step);
    }
  }
  const auto moved = static_cast<double>((area.bottom - area.top) * (area.right - area.left));
  return 1 - moved / static_cast<double>(height * width);
}

void check(const Array& x, const Array& t) {
  if (x.device() != Device{} || t.device() != Device{}) {
    throw DeviceError("mixing: x is on ", x.device(), ", t on ", t.device(),
                      "; expected both on the host. Let a PrefetchIterator take the mixed batches.");
  }
  if (x.dtype() != Dtype::kFloat32 || t.dtype() != Dtype::kInt32 || t.ndim() != 1) {
    throw DtypeError("mixing: x is ", x.dtype(), ", t is ", t.dtype(), ' ', t.shape(),
                     "; expected float32 and one int32 label a sample.");
  }
}

}  // namespace

MixedIterator::MixedIterator(std::unique_ptr<Iterator> base, const MixOptions& options)
    : base_(std::move(base)), options_(options) {
  const auto fits = [](double alpha) { return alpha >= 0 && std::isfinite(alpha); };
  if (!fits(options.mixup_alpha) || !fits(options.cutmix_alpha) || options.mixup_alpha + options.cutmix_alpha <= 0) {
    throw ValueError("mixing: alphas ", options.mixup_alpha, " (mixup) and ", options.cutmix_alpha,
                     " (cutmix); expected finite numbers of 0 or more, and one of them above 0.");
  }
}

std::optional<Batch> MixedIterator::next() {
  std::optional<Batch> batch = base_->next();
  if (!batch) return batch;
  if (batch->fields.size() != 2) {
    throw ShapeError("mixing: expected batches of two fields, x and t; found ", batch->fields.size(), " fields.");
  }
  const Array x = batch->x(), own = batch->t();
  if (options_.cutmix_alpha > 0 && x.ndim() != 4) {
    throw ShapeError("cutmix: x is ", x.shape(), "; expected pictures (batch, channels, height, width).");
  }
  check(x, own);
  const Array other = own.copy(), share = ones({batch->size()}, Dtype::kFloat32);
  const auto samples_before = static_cast<std::uint64_t>(state().epoch * epoch_size() + current_position());
  const std::int64_t pairs_from = batch->first % 2;  // the partner of an odd first sample is on another rank
  const std::int64_t pairs = (batch->size() - pairs_from) / 2, sample_size = pairs > 0 ? x.size() / batch->size() : 0;
#pragma omp parallel for schedule(static)
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    const std::int64_t a = pairs_from + 2 * pair, b = a + 1;
    RandomStream random(options_.seed, Purpose::kMix, samples_before, static_cast<std::uint64_t>(batch->first + a));
    const bool cut = options_.cutmix_alpha > 0 && (options_.mixup_alpha == 0 || random.below(2) == 1);
    double mine = draw_beta(random, cut ? options_.cutmix_alpha : options_.mixup_alpha);
    if (cut) {
      mine = exchange(x, a, b, draw_rectangle(random, mine, x.shape()[2], x.shape()[3]));
    } else {
      float* const values = x.data<float>();
      blend(values + a * sample_size, values + b * sample_size, sample_size, static_cast<float>(mine));
    }
    share.data<float>()[a] = share.data<float>()[b] = static_cast<float>(mine);
    std::swap(other.data<std::int32_t>()[a], other.data<std::int32_t>()[b]);
  }
  batch->fields = {x, own, other, share};
  batch->is_mixed = true;
  return batch;
}

std::optional<MixedLabels> mixed_labels(const Batch& batch) {
  if (!batch.is_mixed) return std::nullopt;  // four fields alone say nothing
  return MixedLabels{batch.t(), batch.fields.at(2), batch.fields.at(3)};
}

}  // namespace rensa
