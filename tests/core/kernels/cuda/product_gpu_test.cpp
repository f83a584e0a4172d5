#include <cmath>
#include <limits>
#include <numeric>

#include "core/device/gpu/precision.h"
#include "core/functions/lstm_sequence.h"
#include "core/kernels/convolution.h"
#include "core/kernels/lstm.h"
#include "core/kernels/optimizer.h"
#include "core/kernels/optimizer_rules.h"
#include "core/kernels/pooling.h"
#include "core/kernels/product.h"
#include "tests/core/kernels/cuda/gpu_case.h"

namespace rensa {
namespace {

using namespace testing;
using Arrays = std::vector<Array>;

class ProductGpuTest : public GpuTest {};
class ConvolutionGpuTest : public GpuTest {};
class UpdateGpuTest : public GpuTest {};

TEST_F(ProductGpuTest, ProductsOfEveryTransposition) {
  for (const Dtype dtype : kFloatingTypes) {
    for (const auto& [m, k, n] :
         {std::array{5, 7, 3}, std::array{64, 128, 32}, std::array{1, 300, 17}, std::array{33, 1, 9}}) {
      const Array a = numbers({m, k}, dtype, 1), b = numbers({k, n}, dtype, 2);
      const Array at = a.transpose().contiguous().transpose(), bt = b.transpose().contiguous().transpose();
      for (const Array& left : {a, at}) {
        for (const Array& right : {b, bt}) {
          expect_same(
              "product", {left, right}, [](const Arrays& in) { return kernels::product(in[0], in[1], Array()); }, 8);
        }
      }
      expect_same_written(
          "product into a place", {a, b, numbers({m, n}, dtype, 3)},
          [](const Arrays& in) { kernels::product(in[0], in[1], in[2]); }, 8);
      const Array W = numbers({n, k}, dtype, 4), bias = numbers({n}, dtype, 5);
      expect_same("linear", {a, W, bias}, [](const Arrays& in) { return kernels::linear(in[0], in[1], in[2]); }, 8);
      expect_same(
          "linear without bias", {a, W}, [](const Arrays& in) { return kernels::linear(in[0], in[1], Array()); }, 8);
    }
    const Array a = numbers({6, 10, 16}, dtype, 1), b = numbers({6, 16, 12}, dtype, 2);
    const auto run = [](const Arrays& in) { return kernels::batch_product(in[0], in[1]); };
    expect_same("matmul", {a, b}, run, 8);
    expect_same("matmul", {numbers({6, 16, 10}, dtype, 3).transpose({0, 2, 1}), b}, run, 8);
    expect_same("matmul", {a, numbers({6, 12, 16}, dtype, 3).transpose({0, 2, 1})}, run, 8);
    expect_same("matmul of slices", {numbers({12, 10, 16}, dtype, 3).slice(0, {.step = 2}), b}, run, 8);
  }
}

TEST_F(ProductGpuTest, Tf32IsAllowedByASettingAlone) {
  const Array a = numbers({256, 256}, Dtype::kFloat32, 1), b = numbers({256, 256}, Dtype::kFloat32, 2);
  expect_same("float32", {a, b}, [](const Arrays& in) { return kernels::product(in[0], in[1], Array()); }, 8);
  gpu::allow_tf32(true);
  expect_same("TF32", {a, b}, [](const Arrays& in) { return kernels::product(in[0], in[1], Array()); }, 2000);
  gpu::allow_tf32(false);
}

TEST_F(ProductGpuTest, LstmLayersWithTheirGradients) {
  for (const std::vector<std::int64_t>& rows : {std::vector<std::int64_t>{3, 3, 2, 1}, {5, 5, 5}, {1}}) {
    const std::int64_t all = std::accumulate(rows.begin(), rows.end(), std::int64_t{0}), batch = rows.front();
    for (const bool backwards : {false, true}) {
      const Arrays inputs = {numbers({all, 6}, Dtype::kFloat32, 1),        numbers({32, 6}, Dtype::kFloat32, 2, 0, 0.3),
                             numbers({32, 8}, Dtype::kFloat32, 3, 0, 0.3), numbers({32}, Dtype::kFloat32, 4),
                             numbers({batch, 8}, Dtype::kFloat32, 5),      numbers({batch, 8}, Dtype::kFloat32, 6)};
      expect_same_all(
          "lstm_sequence", inputs,
          [&](const Arrays& in) {
            std::vector<Variable> v;
            for (const Array& x : in) v.emplace_back(x, /*requires_grad=*/true);
            const auto made = functions::lstm_sequence(v[0], rows, v[1], v[2], v[3], v[4], v[5], backwards);
            Variable y = made.y, h = made.h, c = made.c;
            const Device device = in[0].device();
            y.set_grad(Variable(numbers(y.shape(), Dtype::kFloat32, 7).to(device)));
            h.set_grad(Variable(numbers(h.shape(), Dtype::kFloat32, 8).to(device)));
            c.set_grad(Variable(numbers(c.shape(), Dtype::kFloat32, 9).to(device)));
            backward(Variables{y, h, c});
            Arrays results = {y.array(), h.array(), c.array()};
            for (const Variable& each : v) results.push_back(each.grad());
            return results;
          },
          16);
    }
  }
}

TEST_F(ProductGpuTest, LstmStepsWithTheirGradients) {
  constexpr std::int64_t kUnits = 24, kBatch = 5;
  for (const bool backwards : {false, true}) {
    const kernels::LstmSteps steps{.rows = {5, 5, 3, 1}, .backwards = backwards};
    for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat64}) {
      const Array gates = numbers({14, 4 * kUnits}, dtype, 1), hx = numbers({kBatch, kUnits}, dtype, 2),
                  cx = numbers({kBatch, kUnits}, dtype, 3), W = numbers({4 * kUnits, kUnits}, dtype, 4, 0, 0.3),
                  gy = numbers({14, kUnits}, dtype, 5);
      expect_same_all(
          "lstm", {gates, hx, cx, W, gy},
          [&](const Arrays& in) {
            const Array own = in[0].copy(), gh = in[1].copy(), gc = in[2].copy();
            const auto made = kernels::lstm_steps(own, in[1], in[2], in[3], steps);
            const Array sums = kernels::lstm_steps_grad(own, made[1], in[2], in[3], in[4], gh, gc, steps);
            const Array before = kernels::lstm_states_before(made[0], in[1], steps);
            return Arrays{made[0], made[1], made[2], made[3], own, sums, gh, gc, before};
          },
          16);
    }
  }
}

struct Layer {
  Shape x, W;
  kernels::ConvolutionGeometry geometry;
};

const Layer kLayers[] = {
    {{2, 3, 17, 17}, {8, 3, 3, 3}, {.pad = {1, 1}}},
    {{4, 16, 14, 14}, {32, 16, 1, 1}, {}},
    {{2, 16, 15, 15}, {24, 16, 3, 3}, {.stride = {2, 2}, .pad = {1, 1}}},
    {{1, 3, 32, 32}, {16, 3, 7, 7}, {.stride = {2, 2}, .pad = {3, 3}}},
    {{2, 16, 9, 9}, {16, 8, 3, 3}, {.pad = {1, 1}, .groups = 2}},
    {{2, 8, 11, 11}, {8, 8, 3, 3}, {.pad = {2, 2}, .dilate = {2, 2}}},
};

TEST_F(ConvolutionGpuTest, ForwardAndBothGradients) {
  for (const Dtype dtype : kFloatingTypes) {
    for (const Layer& layer : kLayers) {
      const auto& g = layer.geometry;
      const Shape y = kernels::output_shape(layer.x, layer.W, g);
      const Array x = numbers(layer.x, dtype, 1), W = numbers(layer.W, dtype, 2, 0, 0.3),
                  b = numbers({layer.W[0]}, dtype, 3), gy = numbers(y, dtype, 4), residual = numbers(y, dtype, 5);
      expect_same(
          "convolution", {x, W, b}, [&](const Arrays& in) { return kernels::convolution(in[0], in[1], in[2], g); }, 16);
      expect_same(
          "fused convolution", {x.channels_last(), W, b, residual},
          [&](const Arrays& in) { return kernels::fused_convolution(in[0], in[1], in[2], g, in[3], true); }, 16);
      expect_same(
          "gradient of x", {gy, W},
          [&](const Arrays& in) { return kernels::convolution_backward_data(in[0], in[1], g, layer.x); }, 16);
      expect_same(
          "gradient of W", {x, gy},
          [&](const Arrays& in) { return kernels::convolution_backward_weights(in[0], in[1], g, layer.W, Array()); },
          32);
      expect_same_written(
          "gradient of W into its place", {x, gy, numbers(layer.W, dtype, 6)},
          [&](const Arrays& in) { kernels::convolution_backward_weights(in[0], in[1], g, layer.W, in[2]); }, 32);
    }
  }
}

TEST_F(ConvolutionGpuTest, EmptyBatchesGiveEmptyPicturesAndZeroGradients) {
  const kernels::ConvolutionGeometry g{.pad = {1, 1}};
  const Array x = empty({0, 3, 8, 8}, Dtype::kFloat32, kGpu), W = numbers({4, 3, 3, 3}, Dtype::kFloat32, 1).to(kGpu);
  EXPECT_EQ(kernels::convolution(x, W, Array(), g).shape(), (Shape{0, 4, 8, 8}));
  const Array gW =
      kernels::convolution_backward_weights(x, empty({0, 4, 8, 8}, Dtype::kFloat32, kGpu), g, W.shape(), Array());
  EXPECT_EQ(to_vector<float>(gW), std::vector<float>(108, 0.0f));
}

TEST_F(ConvolutionGpuTest, PoolingWithItsGradients) {
  const kernels::PoolingGeometry all[] = {
      {}, {.kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}}, {.kernel = {3, 2}, .stride = {1, 2}}};
  for (const Dtype dtype : kFloatingTypes) {
    for (const kernels::PoolingGeometry& g : all) {
      const Array x = numbers({2, 20, 13, 12}, dtype, 1);
      Shape y = x.shape();
      for (std::size_t a = 0; a < 2; ++a) {
        y[static_cast<int>(a) + 2] =
            (x.shape()[static_cast<int>(a) + 2] + 2 * g.pad[a] - g.kernel[a]) / g.stride[a] + 1;
      }
      const Array gy = numbers(y, dtype, 2);
      expect_same_all("max_pooling", {x, gy, x}, [&](const Arrays& in) {
        const kernels::MaxPooled pooled = kernels::max_pooling(in[0], g, y);
        return Arrays{pooled.y, pooled.places, kernels::max_pooling_scatter(in[1], pooled.places, g, x.shape()),
                      kernels::max_pooling_gather(in[2], pooled.places)};
      });
      expect_same_all(
          "average_pooling", {x, gy},
          [&](const Arrays& in) {
            return Arrays{kernels::average_pooling(in[0], g, y), kernels::average_pooling_grad(in[1], g, x.shape())};
          },
          2);
    }
  }
}

TEST_F(UpdateGpuTest, RulesMoveParametersAndState) {
  const kernels::GradientIntake intake{.scale = 0.5, .weight_decay = 0.01};
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat64}) {
    const Array p = numbers({10007}, dtype, 1), g = numbers({10007}, dtype, 2), a = numbers({10007}, dtype, 3, 2, 0.1),
                b = numbers({10007}, dtype, 4, 2, 0.1), c = numbers({10007}, dtype, 5, 2, 0.1);
    expect_same_written("sgd", {p, g}, [&](const Arrays& in) { kernels::sgd_update(in[0], in[1], 0.1, intake); });
    expect_same_written("momentum_sgd", {p, g, a},
                        [&](const Arrays& in) { kernels::momentum_sgd_update(in[0], in[1], in[2], 0.1, 0.9, intake); });
    expect_same_written("nesterov_ag", {p, g, a},
                        [&](const Arrays& in) { kernels::nesterov_ag_update(in[0], in[1], in[2], 0.1, 0.9, intake); });
    expect_same_written("adam", {p, g, a, b}, [&](const Arrays& in) {
      kernels::adam_update(in[0], in[1], in[2], in[3],
                           {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .step = 0.01, .decay = 0.001}, intake);
    });
    const kernels::RuleNumbers numbers_of_rule = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.1};
    struct Rule {
      kernels::UpdateRule* update;
      std::size_t states;
    };
    for (const Rule& rule :
         {Rule{&kernels::corrected_momentum_update, 1}, Rule{&kernels::adagrad_update, 1},
          Rule{&kernels::adadelta_update, 2}, Rule{&kernels::rmsprop_update, 1}, Rule{&kernels::smorms3_update, 3},
          Rule{&kernels::msvag_update, 2}, Rule{&kernels::bounded_adam_update, 2}, Rule{&kernels::amsbound_update, 3},
          Rule{&kernels::rectified_adam_update, 2}, Rule{&kernels::lion_update, 1}}) {
      expect_same_written(
          rule.update->name(), {p, g, a, b, c},
          [&](const Arrays& in) {
            (*rule.update)(in[0], in[1],
                           Arrays(in.begin() + 2, in.begin() + 2 + static_cast<std::ptrdiff_t>(rule.states)),
                           numbers_of_rule, intake);
          },
          4);
    }
    const Arrays there = moved({p, g, a, b});
    const auto own = kernels::lamb_moments(p.copy(), g, a.copy(), b.copy(), numbers_of_rule, intake);
    const auto found = kernels::lamb_moments(there[0], there[1], there[2], there[3], numbers_of_rule, intake);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(found[i], own[i], 1e-5 * own[i]);
  }
}

TEST_F(UpdateGpuTest, RulesFollowAControl) {
  using namespace kernels::formulas;
  const Array p = numbers({10007}, Dtype::kFloat32, 1), g = numbers({10007}, Dtype::kFloat32, 2),
              a = numbers({10007}, Dtype::kFloat32, 3, 2, 0.1), b = numbers({10007}, Dtype::kFloat32, 4, 2, 0.1);
  for (const double made : {1.0, 0.0}) {
    const Array control = array(std::vector<double>{0.25, made, 3, 1024, 1}, {kStepControls});
    const auto intake = [](const Array& numbers_of_step) {
      return kernels::GradientIntake{
          .scale = 2, .weight_decay = 0.01, .control = static_cast<const double*>(numbers_of_step.raw_data())};
    };
    expect_same_written("sgd", {p, g, control},
                        [&](const Arrays& in) { kernels::sgd_update(in[0], in[1], 0.1, intake(in[2])); });
    expect_same_written("adagrad", {p, g, a, control}, [&](const Arrays& in) {
      kernels::adagrad_update(in[0], in[1], {in[2]}, {0.1, 1e-8}, intake(in[3]));
    });
    expect_same_written("adam", {p, g, a, b, control}, [&](const Arrays& in) {
      kernels::adam_update(
          in[0], in[1], in[2], in[3],
          {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .step = 7, .decay = 0.001, .alpha = 0.01, .t = 9}, intake(in[4]));
    });
  }
}

TEST_F(UpdateGpuTest, AdafactorMovesMatricesAndVectors) {
  const kernels::AdafactorStep step{.mix = 0.3, .lr = 0.01, .eps1 = 1e-7, .eps2 = 1e-3, .d = 1, .decay = 0.001};
  const kernels::GradientIntake intake{.scale = 0.5, .weight_decay = 0.01};
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat64}) {
    for (const Shape& shape : {Shape{70, 33}, Shape{3, 5, 200}, Shape{40000}}) {
      Shape row = shape, column = shape;
      const bool matrix = shape.ndim() > 1;
      if (matrix) row.erase(shape.ndim() - 1);
      if (matrix) column.erase(shape.ndim() - 2);
      const auto squares = [&](const Shape& s, std::uint64_t seed) { return numbers(s, dtype, seed, 2, 0.1); };
      expect_same_written(
          "adafactor",
          {numbers(shape, dtype, 1), numbers(shape, dtype, 2), matrix ? squares(row, 3) : Array(),
           matrix ? squares(column, 4) : Array(), matrix ? Array() : squares(shape, 5)},
          [&](const Arrays& in) { kernels::adafactor_update(in[0], in[1], in[2], in[3], in[4], step, intake); }, 4);
    }
  }
}

TEST_F(UpdateGpuTest, StepsAreDecidedAlike) {
  const Array start = array(std::vector<double>{0, 0, 0, 64, 0}, {kernels::formulas::kStepControls});
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double sum : {0.0, 3.0, 1e6, infinity, std::nan("")}) {
    for (const kernels::StepDecision& decision :
         {kernels::StepDecision{.dynamic = true, .clip_norm = 1, .growth = 1.5},
          kernels::StepDecision{.unscale = 0.125}, kernels::StepDecision{.unscale = 0.5, .clip_norm = 2}}) {
      expect_same_written("decide_step", {start, full({1}, sum, Dtype::kFloat64)},
                          [&](const Arrays& in) { kernels::decide_step(in[0], in[1], decision); });
    }
  }
}

TEST_F(UpdateGpuTest, SumsOfSquaresOfSeveralArrays) {
  for (const Dtype dtype : kFloatingTypes) {
    const Arrays x = {numbers({40000}, dtype, 1), numbers({3}, dtype, 2), numbers({0}, dtype, 3),
                      numbers({20000}, dtype, 4)},
                 there = moved(x);
    const double own = kernels::sum_of_squares(x[0], {x[1], x[2], x[3]}).item<double>();
    EXPECT_NEAR(kernels::sum_of_squares(there[0], {there[1], there[2], there[3]}).item<double>(), own, 1e-12 * own);
  }
}

TEST_F(UpdateGpuTest, MastersAdoptValuesThatSomebodyElseWrote) {
  for (const Dtype dtype : {Dtype::kFloat16, Dtype::kBFloat16}) {
    const Array masters = numbers({5000}, Dtype::kFloat32, 1), values = masters.to(dtype);
    values.slice(0, {.step = 7}).fill(3);
    expect_same_written("adopt_values", {masters, values},
                        [](const Arrays& in) { kernels::adopt_values(in[0], in[1]); });
  }
}

}  // namespace
}  // namespace rensa
