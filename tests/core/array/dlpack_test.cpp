#include "core/array/dlpack.h"

#include <dlpack/dlpack.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <limits>

#include "core/device/random.h"
#include "core/error.h"

namespace rensa {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(DlpackTest, GoesThereAndBackWithoutACopy) {
  for (const Dtype dtype : {Dtype::kBool, Dtype::kUInt8, Dtype::kInt8, Dtype::kInt32, Dtype::kInt64, Dtype::kFloat16,
                            Dtype::kBFloat16, Dtype::kFloat32, Dtype::kFloat64}) {
    const Array x = arange(12).to(dtype).reshape({3, 4}).transpose().slice(0, {.step = -2});
    const Array y = from_dlpack(to_dlpack(x));
    EXPECT_EQ(y.dtype(), dtype);
    EXPECT_EQ(y.shape(), x.shape());
    EXPECT_EQ(y.strides(), x.strides());
    EXPECT_EQ(y.raw_data(), x.raw_data());
    EXPECT_EQ(to_vector<double>(y), to_vector<double>(x));
  }
}

TEST(DlpackTest, TheTensorKeepsTheElementsAlive) {
  DLManagedTensor* tensor = to_dlpack(array<float>({1, 2, 3}));
  EXPECT_EQ(static_cast<float*>(tensor->dl_tensor.data)[2], 3);
  tensor->deleter(tensor);
}

/// A tensor of somebody else that counts how often it is given back.
struct Foreign {
  std::array<std::int64_t, 16> shape{2, 3}, strides{3, 1};
  std::array<double, 6> data{0, 1, 2, 3, 4, 5};
  int released = 0;
  DLManagedTensor tensor{};

  Foreign() {
    tensor.dl_tensor = {data.data(), {kDLCPU, 0}, 2, {kDLFloat, 64, 1}, shape.data(), strides.data(), 0};
    tensor.manager_ctx = this;
    tensor.deleter = [](DLManagedTensor* self) { ++static_cast<Foreign*>(self->manager_ctx)->released; };
  }
};

TEST(DlpackTest, ForeignTensorsAreGivenBackOnceWithTheLastView) {
  Foreign foreign;
  foreign.tensor.dl_tensor.strides = nullptr;
  foreign.tensor.dl_tensor.byte_offset = 8;
  foreign.shape = {1, 5};
  {
    const Array row = from_dlpack(&foreign.tensor).select(0, 0);
    EXPECT_EQ(foreign.released, 0);
    EXPECT_THAT(to_vector<double>(row), ElementsAre(1, 2, 3, 4, 5));
  }
  EXPECT_EQ(foreign.released, 1);
}

TEST(DlpackTest, RefusedTensorsAreGivenBackAtOnce) {
  const auto refused = [](auto spoil, const char* part) {
    Foreign foreign;
    spoil(foreign.tensor.dl_tensor, foreign);
    EXPECT_THAT([&] { from_dlpack(&foreign.tensor); },
                ::testing::Throws<Error>(::testing::Property(&Error::what, HasSubstr(part))));
    EXPECT_EQ(foreign.released, 1) << part;
  };
  refused([](DLTensor& t, Foreign&) { t.device.device_type = kDLCUDA; }, "device of type 2");
  refused([](DLTensor& t, Foreign&) { t.dtype.lanes = 4; }, "4 lanes");
  refused([](DLTensor& t, Foreign&) { t.dtype.bits = 128; }, "128 bits");
  refused([](DLTensor& t, Foreign&) { t.ndim = 9; }, "9 axes");
  refused([](DLTensor& t, Foreign&) { t.shape = nullptr; }, "no sizes");
  refused([](DLTensor& t, Foreign&) { t.data = nullptr; }, "no data");
  refused([](DLTensor& t, Foreign&) { t.byte_offset = 3; }, "multiples of their 8 bytes");
  refused([](DLTensor&, Foreign& f) { f.shape[0] = -1; }, "negative");
  refused([](DLTensor&, Foreign& f) { f.shape = {1LL << 40, 1LL << 40}; }, "no memory holds");
  refused([](DLTensor& t, Foreign& f) { f.shape = {0, 1LL << 40, 1LL << 40}, t.ndim = 3; }, "no memory holds");
  refused([](DLTensor&, Foreign& f) { f.strides[0] = 1LL << 62; }, "no memory holds");
  EXPECT_THAT([] { from_dlpack(nullptr); }, ThrowsMessage<ValueError>(HasSubstr("null")));
}

TEST(DlpackTest, StridesOfNoElementsAreNotLookedAt) {
  Foreign foreign;
  foreign.shape = {0, 3};
  foreign.strides = {1LL << 62, std::numeric_limits<std::int64_t>::min()};
  EXPECT_EQ(from_dlpack(&foreign.tensor).shape(), Shape({0, 3}));
}

/// Descriptors of random numbers, some near what is right: every one is taken or refused, and given back once. The
/// elements are read only where they lie inside of the data. RENSA_FUZZ_S makes it run so many seconds.
TEST(DlpackTest, RandomDescriptorsAreTakenOrRefusedAndGivenBackOnce) {
  RandomStream random(1, Purpose::kSynthetic);
  const char* wanted = std::getenv("RENSA_FUZZ_S");
  const double seconds = wanted ? std::atof(wanted) : 0;
  const auto start = std::chrono::steady_clock::now();
  int taken = 0, all = 0;
  do {
    for (int i = 0; i < 2000; ++i, ++all) {
      Foreign foreign;
      DLTensor& t = foreign.tensor.dl_tensor;
      const auto strange = [&]() -> std::int64_t {
        const std::uint64_t word = std::uint64_t{random()} << 32 | random();
        return static_cast<std::int64_t>(word >> random.below(64)) * (random.below(4) == 0 ? -1 : 1);
      };
      t.ndim = static_cast<int>(random.below(8) == 0 ? strange() : static_cast<std::int64_t>(random.below(4)));
      for (auto& n : foreign.shape) n = random.below(6) == 0 ? strange() : static_cast<std::int64_t>(random.below(4));
      for (auto& n : foreign.strides)
        n = random.below(6) == 0 ? strange() : static_cast<std::int64_t>(random.below(4)) - 1;
      if (random.below(3) == 0) t.strides = nullptr;
      if (random.below(8) == 0)
        t.dtype = {static_cast<std::uint8_t>(random.below(8)), static_cast<std::uint8_t>(random.below(256)),
                   static_cast<std::uint16_t>(random.below(3))};
      t.byte_offset = random.below(4) == 0 ? random.below(64) : 0;
      try {
        const Array x = from_dlpack(&foreign.tensor);
        ++taken;
        std::int64_t low = 0, high = 0;
        for (int axis = 0; axis < x.ndim(); ++axis)
          (x.strides()[axis] < 0 ? low : high) += x.strides()[axis] * (x.shape()[axis] - 1);
        const auto item = static_cast<std::int64_t>(item_size(x.dtype()));
        const std::int64_t first =
            static_cast<std::byte*>(x.raw_data()) - reinterpret_cast<std::byte*>(foreign.data.data());
        if (x.size() > 0 && x.size() < 100 && first + low * item >= 0 &&
            first + (high + 1) * item <= static_cast<std::int64_t>(sizeof foreign.data))
          x.copy();
      } catch (const Error&) {
      }
      ASSERT_EQ(foreign.released, 1);
    }
  } while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds);
  EXPECT_GT(taken, all / 20);
}

}  // namespace
}  // namespace rensa
