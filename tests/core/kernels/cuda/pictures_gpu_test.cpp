#include "core/kernels/pictures.h"

#include "core/kernels/accuracy.h"
#include "tests/core/kernels/cuda/gpu_case.h"

namespace rensa {
namespace {

using namespace testing;
using namespace kernels::formulas;

class PicturesGpuTest : public GpuTest {};
class AccuracyGpuTest : public GpuTest {};

Array noise(const Shape& shape, std::uint64_t seed) {
  RandomStream random(seed, Purpose::kUser);
  const Array bytes = empty(shape, Dtype::kUInt8);
  for (std::int64_t i = 0; i < bytes.size(); ++i) {
    bytes.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(random.below(256));
  }
  return bytes;
}

Array edits_of(std::int64_t n) {
  RandomStream random(4, Purpose::kUser);
  const Array edits = zeros({n, kEditNumbers});
  for (std::int64_t i = 0; i < n; ++i) {
    float* const edit = edits.data<float>() + i * kEditNumbers;
    edit[kDown] = static_cast<float>(random.below(5)) - 2;
    edit[kRight] = static_cast<float>(random.below(5)) - 2;
    edit[kFlip] = static_cast<float>(random.below(2));
    for (int change = 0; change < 4; ++change) edit[kChanges + change] = static_cast<float>((change + i) % 5);
    for (const int factor : {kBrightness, kContrast, kSaturation}) {
      edit[factor] = static_cast<float>(random.uniform(0.2, 1.8));
    }
    edit[kHue] = static_cast<float>(random.below(256));
  }
  return edits;
}

TEST_F(PicturesGpuTest, AreFinishedToTheSameBits) {
  for (const Shape& shape : {Shape{6, 3, 9, 7}, Shape{5, 1, 8, 8}, Shape{3, 3, 70, 65}, Shape{2, 5, 4, 4}}) {
    const Array edits = edits_of(shape[0]), values = numbers({shape[1], 256}, Dtype::kFloat32, 2);
    for (const Array& pictures : {noise(shape, 1), noise(shape, 1).channels_last()}) {
      for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat16, Dtype::kBFloat16}) {
        for (const Layout layout : {Layout::kRowMajor, Layout::kChannelsLast}) {
          const bool colours = shape[1] != 5;
          const kernels::PictureForm form{.dtype = dtype, .layout = layout, .changes_colours = colours};
          const Array own = kernels::finish_pictures(pictures, edits, values, form);
          const Array found = kernels::finish_pictures(pictures.to(kGpu), edits.to(kGpu), values.to(kGpu), form);
          EXPECT_EQ(to_vector<float>(found), to_vector<float>(own)) << shape << " " << dtype;
          EXPECT_EQ(found.layout(), own.layout());
        }
      }
    }
  }
}

TEST_F(AccuracyGpuTest, CountsTheSamePlaces) {
  for (const Dtype dtype : kFloatingTypes) {
    for (const Shape& shape : {Shape{300, 10}, Shape{7, 1000}, Shape{4, 5, 3, 2}}) {
      const Array y = numbers(shape, dtype, 1);
      Shape places = shape;
      places.erase(1);
      const Array t = empty(places, Dtype::kInt64);
      for (std::int64_t i = 0; i < t.size(); ++i)
        t.data<std::int64_t>()[i] = i % (shape[1] + 2) - 1;  // some out of range
      for (const std::int64_t k : {1, 3}) {
        for (const auto& ignored : {std::optional<std::int64_t>(), std::optional<std::int64_t>(2)}) {
          EXPECT_EQ(kernels::accuracy(y.to(kGpu), t.to(kGpu), k, ignored).item<double>(),
                    kernels::accuracy(y, t, k, ignored).item<double>());
        }
      }
    }
  }
}

}  // namespace
}  // namespace rensa
