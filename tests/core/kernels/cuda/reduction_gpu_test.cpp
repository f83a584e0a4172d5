#include "core/kernels/attention.h"

#include <limits>

#include "core/kernels/batch_normalization.h"
#include "core/kernels/dropout.h"
#include "core/kernels/indexing.h"
#include "core/kernels/ordering.h"
#include "core/kernels/reduction.h"
#include "core/kernels/row_normalization.h"
#include "core/kernels/softmax.h"
#include "tests/core/kernels/cuda/gpu_case.h"

namespace rensa {
namespace {

using namespace testing;
using Arrays = std::vector<Array>;

class ReductionGpuTest : public GpuTest {};
class NormalizationGpuTest : public GpuTest {};
class IndexingGpuTest : public GpuTest {};

Array random_rows(std::int64_t count, std::int64_t n) {
  RandomStream stream(9, Purpose::kUser);
  return random::integers({count}, stream, 0, n);
}

TEST_F(ReductionGpuTest, SumMaxAndProductOverAnyAxes) {
  const Dims all_axes[] = {{0}, {1}, {2}, {0, 2}, {1, 2}, {0, 1, 2}, {}};
  for (const Dtype dtype : kFloatingTypes) {
    const Array x = numbers({7, 65, 130}, dtype, 1);
    for (const Array& view : {x, x.transpose(), x.slice(2, {.step = 3})}) {
      for (const Dims& axes : all_axes) {
        expect_same("sum", {view}, [&](const Arrays& in) { return kernels::sum(in[0], axes); }, 4);
        expect_same("max", {view}, [&](const Arrays& in) { return kernels::max(in[0], axes); });
      }
    }
    expect_same(
        "prod", {numbers({9, 5}, dtype, 2, 1, 0.1)}, [](const Arrays& in) { return kernels::prod(in[0], {1}); }, 4);
    expect_same(
        "long sum", {numbers({1 << 20}, dtype, 3, 0.5, 0.1)}, [](const Arrays& in) { return kernels::sum(in[0], {0}); },
        4);
    expect_same(
        "tall sum", {numbers({40000, 3}, dtype, 3, 0.5)}, [](const Arrays& in) { return kernels::sum(in[0], {0}); }, 4);
    expect_same("empty sum", {numbers({0, 3}, dtype, 3)}, [](const Arrays& in) { return kernels::sum(in[0], {0}); });
  }
}

/// Longer than the indices of a kernel, and cut along the axis that is kept.
TEST_F(ReductionGpuTest, TwoRowsOfMoreThanTwoToTheThirtyElements) {
  constexpr std::int64_t kColumns = (std::int64_t{1} << 30) + 8;
  const Array x = array<float>({1, 2}, {2, 1}).to(Dtype::kFloat16).to(kGpu).broadcast_to({2, kColumns});
  const Array y = kernels::sum(x, {0});
  ASSERT_EQ(y.shape(), Shape({1, kColumns}));
  EXPECT_EQ(kernels::max(y, {1}).item<float>(), 3);
  EXPECT_EQ(to_vector<float>(y.slice(1, {.start = kColumns - 3})), std::vector<float>(3, 3));
  EXPECT_EQ(kernels::max(x, {0, 1}).item<float>(), 2);
}

TEST_F(ReductionGpuTest, TheFirstOfTheLargestElements) {
  for (int i = 0; i < kDtypes; ++i) {
    const Array x = numbers({40, 1003}, Dtype::kFloat32, 1, 0, 3).to(static_cast<Dtype>(i));
    for (const bool largest : {true, false}) {
      expect_same("argmax", {x}, [&](const Arrays& in) { return kernels::position_of_extreme(in[0], largest); });
    }
  }
}

TEST_F(ReductionGpuTest, TheSameBitsEveryTime) {
  const Array x = numbers({1000, 777}, Dtype::kFloat32, 1).to(kGpu);
  const std::vector<float> first = to_vector<float>(kernels::sum(x, {0}));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(to_vector<float>(kernels::sum(x, {0})), first);
}

TEST_F(ReductionGpuTest, SoftmaxAndCrossEntropy) {
  for (const Dtype dtype : kFloatingTypes) {
    for (const std::int64_t classes : {10, 1000, 5003}) {
      const Array x = numbers({33, classes}, dtype, 1, 0, 3), g = numbers({33, classes}, dtype, 2),
                  per_line = numbers({33}, dtype, 3);
      std::vector<std::int64_t> labels;
      for (std::int64_t i = 0; i < 33; ++i) labels.push_back(i == 5 ? -1 : i * 7 % classes);
      const Array t = array(labels, {33});
      expect_same("softmax", {x}, [](const Arrays& in) { return kernels::softmax(in[0]); });
      expect_same("log_softmax", {x}, [](const Arrays& in) { return kernels::log_softmax(in[0]); });
      expect_same(
          "softmax_grad", {x, g},
          [](const Arrays& in) { return kernels::softmax_grad(kernels::softmax(in[0]), in[1]); }, 4);
      expect_same(
          "log_softmax_grad", {x, g},
          [](const Arrays& in) { return kernels::log_softmax_grad(kernels::log_softmax(in[0]), in[1]); }, 16);
      for (const double smoothing : {0.0, 0.1}) {
        for (const Dtype of_labels : {Dtype::kInt32, Dtype::kInt64}) {
          expect_same(
              "cross entropy", {x, t.to(of_labels)},
              [&](const Arrays& in) { return kernels::softmax_cross_entropy(in[0], {in[1], smoothing, -1})[0]; }, 2);
          expect_same(
              "cross entropy grad", {x, t.to(of_labels), per_line},
              [&](const Arrays& in) {
                return kernels::softmax_cross_entropy_grad(in[0], {in[1], smoothing, -1}, in[2], Array());
              },
              4);
        }
      }
    }
  }
}

TEST_F(NormalizationGpuTest, RowsWithTheirGradients) {
  for (const Dtype dtype : kFloatingTypes) {
    for (const std::int64_t n : {5, 768, 4099}) {
      const Array x = numbers({37, n}, dtype, 1, 3, 2), gy = numbers({37, n}, dtype, 2),
                  gamma = numbers({n}, dtype, 3, 1, 0.1), beta = numbers({n}, dtype, 4);
      for (const bool centre : {true, false}) {
        expect_same_all(
            "row_normalization", {x, gamma, centre ? beta : Array()},
            [&](const Arrays& in) { return kernels::row_normalization(in[0], in[1], in[2], 1e-5, centre); }, 4);
        expect_same_all(
            "row_normalization_grad", {x, gamma, gy},
            [&](const Arrays& in) {
              const auto made = kernels::row_normalization(in[0], in[1], Array(), 1e-5, centre);
              return kernels::row_normalization_grad(in[2], in[0], in[1], made[1], made[2], centre);
            },
            16);
      }
    }
  }
}

TEST_F(NormalizationGpuTest, BatchesWithTheirGradients) {
  for (const Dtype dtype : kFloatingTypes) {
    for (const Shape& shape : {Shape{64, 24}, Shape{4, 3, 9, 9}, Shape{4, 64, 14, 14}, Shape{2, 40, 5, 5}}) {
      const Array x = numbers(shape, dtype, 1, 5, 2), gy = numbers(shape, dtype, 2),
                  residual = numbers(shape, dtype, 3);
      const Array gamma = numbers({shape[1]}, Dtype::kFloat32, 4, 1, 0.1),
                  beta = numbers({shape[1]}, Dtype::kFloat32, 5);
      expect_same_all("batch_statistics", {x}, [](const Arrays& in) { return kernels::batch_statistics(in[0]); }, 4);
      for (const auto mask :
           {kernels::ReluMask::kNone, kernels::ReluMask::kFromInput, kernels::ReluMask::kFromOutput}) {
        const bool relu = mask != kernels::ReluMask::kNone, added = mask == kernels::ReluMask::kFromOutput;
        expect_same_all(
            "batch normalization", {x, gy, added ? residual : Array(), gamma, beta},
            [&](const Arrays& in) {
              const auto statistics = kernels::batch_statistics(in[0]);
              const auto folded = kernels::fold_statistics(in[3], in[4], statistics[0], statistics[1], 1e-5);
              const Array y = kernels::scale_and_shift(in[0], folded.scale, folded.shift, in[2], relu);
              const kernels::NormalizedBatch batch{.x = in[0],
                                                   .mean = statistics[0],
                                                   .inv_std = folded.inv_std,
                                                   .scale = folded.scale,
                                                   .shift = folded.shift,
                                                   .count = static_cast<double>(in[0].size() / in[0].shape()[1]),
                                                   .y = added ? y : Array(),
                                                   .mask = mask};
              const auto sums = kernels::batch_normalization_sums(in[1], batch);
              const Array passed = added ? sums.passed : in[1];
              return Arrays{y, passed, kernels::batch_normalization_grad(passed, batch, sums.gbeta, sums.ggamma)};
            },
            16);
      }
      expect_same_written("move_average", {gamma, beta.to(Dtype::kFloat64)},
                          [](const Arrays& in) { kernels::move_average(in[0], in[1], 0.9, 1.01); });
    }
  }
}

TEST_F(NormalizationGpuTest, DropoutChoosesTheSameElements) {
  for (const Dtype dtype : kFloatingTypes) {
    for (const Shape& shape : {Shape{9, 37}, Shape{4, 3, 8, 8}, Shape{1001}}) {
      const RandomContext at{.seed = 3, .step = 5, .first_sample = 70000, .uses = 2};
      expect_same("dropout", {numbers(shape, dtype, 1)},
                  [&](const Arrays& in) { return kernels::dropout(in[0], 0.3, at); });
    }
  }
}

TEST_F(NormalizationGpuTest, RunningSumsProductsAndSorting) {
  for (const Dtype dtype : kFloatingTypes) {
    for (const Shape& shape : {Shape{3, 1000}, Shape{2, 5}, Shape{1, 5000}, Shape{40, 1}}) {
      const Array x = numbers(shape, dtype, 1), near_one = numbers(shape, dtype, 2, 1, 0.001);
      for (const bool reverse : {false, true}) {
        expect_same("cumsum", {x}, [&](const Arrays& in) { return kernels::running_sum(in[0], reverse); }, 4);
        const Array ordered = kernels::sorting_positions(x.to(kGpu), reverse);
        EXPECT_EQ(to_vector<std::int64_t>(ordered), to_vector<std::int64_t>(kernels::sorting_positions(x, reverse)));
      }
      expect_same("cumprod", {near_one}, [](const Arrays& in) { return kernels::running_product(in[0]); }, 4);
    }
    const double none = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    const Array odd = array<double>({0, none, -0.0, 1, -infinity, none, infinity, 1, 0}, {1, 9}).to(dtype);
    for (const bool descending : {false, true}) {
      EXPECT_EQ(to_vector<std::int64_t>(kernels::sorting_positions(odd.to(kGpu), descending)),
                to_vector<std::int64_t>(kernels::sorting_positions(odd, descending)));
    }
  }
  for (const Dtype dtype : {Dtype::kInt8, Dtype::kInt32, Dtype::kInt64, Dtype::kUInt8, Dtype::kBool}) {
    const Array x = numbers({4, 3000}, Dtype::kFloat32, 3, 60, 10).to(dtype);
    EXPECT_EQ(to_vector<std::int64_t>(kernels::sorting_positions(x.to(kGpu), false)),
              to_vector<std::int64_t>(kernels::sorting_positions(x, false)));
  }
}

TEST_F(NormalizationGpuTest, AttentionWithItsGradients) {
  struct Case {
    std::int64_t batch, M, L, D, E;
    bool causal, bias;
  };
  for (const Dtype dtype : kFloatingTypes) {
    for (const Case& c : {Case{3, 17, 17, 16, 16, true, false}, Case{2, 5, 33, 8, 24, false, true},
                          Case{1, 40, 20, 64, 64, true, false}, Case{6, 128, 128, 64, 64, true, false},
                          Case{3, 200, 77, 32, 32, false, false}, Case{2, 65, 65, 128, 64, true, false},
                          Case{2, 8, 8, 7, 5, false, false}}) {  // most of float16's go to fused kernels
      const Array q = numbers({c.batch, 2, c.M, c.D}, dtype, 1), k = numbers({c.batch, 2, c.L, c.D}, dtype, 2),
                  v = numbers({c.batch, 2, c.L, c.E}, dtype, 3), gy = numbers({c.batch, 2, c.M, c.E}, dtype, 4),
                  bias = c.bias ? numbers({1, c.M, c.L}, dtype, 5) : Array();
      const kernels::AttentionOptions options{.scale = 0.25, .causal = c.causal};
      expect_same_all(
          "attention", {q, k, v, bias, gy},
          [&](const Arrays& in) {
            const auto made = kernels::attention(in[0], in[1], in[2], in[3], options);
            const auto grads = kernels::attention_grad(in[4], made[0], made[1], in[0], in[1], in[2], in[3], options);
            return Arrays{made[0], grads[0], grads[1], grads[2]};
          },
          16);
    }
  }
}

TEST_F(NormalizationGpuTest, AttentionGivesTheSameBitsEveryTime) {
  for (const Dtype dtype : {Dtype::kFloat16, Dtype::kBFloat16}) {
    const Shape shape = {2, 4, 256, 64};
    const Array q = numbers(shape, dtype, 1).to(kGpu), k = numbers(shape, dtype, 2).to(kGpu),
                v = numbers(shape, dtype, 3).to(kGpu), gy = numbers(shape, dtype, 4).to(kGpu);
    const kernels::AttentionOptions options{.scale = 0.125, .causal = true};
    std::vector<std::vector<float>> first;
    for (int run = 0; run < 5; ++run) {
      const auto made = kernels::attention(q, k, v, Array(), options);
      const auto grads = kernels::attention_grad(gy, made[0], made[1], q, k, v, Array(), options);
      std::vector<std::vector<float>> found;
      for (const Array& x : {made[0], grads[0], grads[1], grads[2]}) found.push_back(to_vector<float>(x));
      if (run == 0) first = found;
      EXPECT_EQ(found, first);
    }
  }
}

TEST_F(IndexingGpuTest, GatherTakeAndTheirAdjoints) {
  const Array positions = array<std::int64_t>({3, 0, -1, 3, 11, 7}), rows = array<std::int64_t>({4, 1, 4, 0, 4, 1});
  for (const Dtype dtype : kFloatingTypes) {
    const Array x = numbers({3, 4}, dtype, 1), table = numbers({2, 5, 24}, dtype, 2),
                odd = numbers({1, 5, 7}, dtype, 2);
    expect_same("gather", {x, positions}, [](const Arrays& in) { return kernels::gather(in[0], in[1]); });
    expect_same("scatter_add", {numbers({6}, dtype, 3), positions},
                [](const Arrays& in) { return kernels::scatter_add(in[0], in[1], {3, 4}); });
    for (const Array& from : {table, odd}) {
      expect_same("take", {from, rows}, [](const Arrays& in) { return kernels::take_rows(in[0], in[1]); });
      const Array gy = numbers({from.shape()[0], 6, from.shape()[2]}, dtype, 4);
      expect_same("take_grad", {gy, rows}, [](const Arrays& in) { return kernels::add_rows(in[0], in[1], 5); });
    }
    expect_same("take_grad of many outer rows", {numbers({70000, 2, 3}, dtype, 4), array<std::int64_t>({1, 1})},
                [](const Arrays& in) { return kernels::add_rows(in[0], in[1], 4); });
    const Array many = random_rows(3000, 50);
    expect_same(
        "embedding gradient", {numbers({1, 3000, 129}, dtype, 5), many},
        [](const Arrays& in) { return kernels::add_rows(in[0], in[1], 50); }, 8);
  }
}

TEST_F(IndexingGpuTest, WhereAndCompareInEveryDtype) {
  for (int i = 0; i < kDtypes; ++i) {
    const Array a = numbers({6, 7}, Dtype::kFloat32, 1, 2, 1).to(static_cast<Dtype>(i)),
                b = numbers({6, 7}, Dtype::kFloat32, 2, 2, 1).to(a.dtype());
    for (const auto comparison :
         {kernels::Comparison::kEqual, kernels::Comparison::kLess, kernels::Comparison::kGreaterEqual}) {
      expect_same("compare", {a, b}, [&](const Arrays& in) { return kernels::compare(in[0], in[1], comparison); });
      expect_same("where", {a, b}, [&](const Arrays& in) {
        return kernels::where(kernels::compare(in[0], in[1], comparison), in[0],
                              in[1].transpose().contiguous().transpose());
      });
    }
  }
}

}  // namespace
}  // namespace rensa
