#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/autograd/gradient_check.h"
#include "core/functions/accuracy.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/batch_normalization.h"
#include "core/functions/convolution.h"
#include "core/functions/convolution_nd.h"
#include "core/functions/dropout.h"
#include "core/functions/linear.h"
#include "core/functions/math.h"
#include "core/functions/pooling.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/softmax.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/models/model.h"

namespace rensa {
namespace {

namespace F = functions;
using ::testing::Each;

// A rank that gets nothing of a short batch computes on N = 0: shapes are right and parameters get zeros.

TEST(EmptyBatchTest, EveryNetworkGivesZerosToItsParameters) {
  for (const std::string& name : models::model_names()) {
    if (name.starts_with("vgg1")) continue;  // alexnet's layers, and 100 million weights more
    if (name.starts_with("vit")) continue;   // vision_transformer_test.cpp asks a small one
    for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat64}) {
      SCOPED_TRACE(name);
      const Shape sample = name == "mlp" ? Shape{12} : Shape{3, 75, 75};
      const auto model =
          models::make_model(name, {.input = sample, .classes = 4, .units = 5, .width = 16, .dtype = dtype});
      Shape shape = {0};
      for (const std::int64_t axis : sample) shape.push_back(axis);
      const Variable y = (*model)(zeros(shape, dtype));
      EXPECT_EQ(y.shape(), (Shape{0, 4}));
      const Variable loss = F::softmax_cross_entropy(y, zeros({0}, Dtype::kInt32));
      EXPECT_EQ(loss.item<double>(), 0);
      loss.backward({.loss_scale = 0});
      for (const auto& named : model->named_parameters()) {
        ASSERT_TRUE(named.parameter->grad()) << named.path;
        const std::vector<double> gradient =
            to_vector<double>(named.parameter->grad());  // tens of millions: no matcher
        EXPECT_TRUE(std::all_of(gradient.begin(), gradient.end(), [](double g) { return g == 0; })) << named.path;
      }
      for (const auto& named : model->named_persistents()) {
        if (named.path.ends_with("/N")) {
          EXPECT_EQ(named.array->item<std::int64_t>(), 0) << named.path;
        } else if (named.path.ends_with("/avg_var")) {
          EXPECT_THAT(to_vector<double>(*named.array), Each(1.0)) << named.path;
        }
      }
      EXPECT_EQ(F::accuracy(y.array(), zeros({0}, Dtype::kInt32)), 0);
    }
  }
}

TEST(EmptyBatchTest, EveryFunctionOfPicturesAndRowsPassesIt) {
  using One = std::function<Variable(const Variable&)>;
  const Dtype dtype = Dtype::kFloat32;
  const Variable W(random_array({2, 3, 3, 3}, 1, dtype), true), b(random_array({2}, 2, dtype), true);
  const Variable rows(random_array({2, 48}, 3, dtype), true), gamma(random_array({3}, 4, dtype), true),
      beta(random_array({3}, 5, dtype), true), cube(random_array({48 * 48 * 2}, 6, dtype), true);
  const Array mean = zeros({3}), var = ones({3});
  const std::pair<const char*, One> functions[] = {
      {"convolution_2d", [&](const Variable& x) { return F::convolution_2d(x, W, &b, {.pad = {1, 1}}); }},
      {"linear", [&](const Variable& x) { return F::linear(x, rows, &b); }},
      {"bilinear", [&](const Variable& x) { return F::bilinear(x, x, F::reshape(cube, {48, 48, 2})); }},
      {"batch_normalization",
       [&](const Variable& x) { return F::batch_normalization(x, gamma, beta, nullptr, nullptr, {.relu = true}, &x); }},
      {"fixed_batch_normalization",
       [&](const Variable& x) { return F::fixed_batch_normalization(x, gamma, beta, mean, var); }},
      {"max_pooling_2d", [](const Variable& x) { return F::max_pooling_2d(x, {.kernel = {2, 2}}); }},
      {"average_pooling_2d", [](const Variable& x) { return F::average_pooling_2d(x, {.kernel = {2, 2}}); }},
      {"global_average_pooling_2d", [](const Variable& x) { return F::global_average_pooling_2d(x); }},
      {"dropout", [](const Variable& x) { return F::dropout(x); }},
      {"relu", [](const Variable& x) { return F::relu(x); }},
      {"tanh", [](const Variable& x) { return F::tanh(x); }},
      {"exp", [](const Variable& x) { return F::exp(x); }},
      {"arithmetic", [](const Variable& x) { return x * x + x / (x + 2.0) - 3.0 * x; }},
      {"broadcast", [&](const Variable& x) { return x * F::reshape(gamma, {3, 1, 1}); }},
      {"reshape", [](const Variable& x) { return F::reshape(x, {x.shape()[0], 48}); }},
      {"transpose", [](const Variable& x) { return F::transpose(x, {0, 2, 3, 1}); }},
      {"softmax", [](const Variable& x) { return F::softmax(F::reshape(x, {x.shape()[0], 48})); }},
      {"cross entropy of places",
       [](const Variable& x) { return F::softmax_cross_entropy(x, zeros({0, 4, 4}, Dtype::kInt32)); }},
  };
  for (const auto& [name, apply] : functions) {
    SCOPED_TRACE(name);
    const Variable x(zeros({0, 3, 4, 4}), true);
    Variable y = apply(x);
    if (y.ndim() > 0) {
      EXPECT_EQ(y.shape()[0], 0);
      y = F::sum(y);
    }
    EXPECT_EQ(y.item<double>(), 0);
    y.backward();
    ASSERT_TRUE(x.grad());
    EXPECT_EQ(x.grad().shape(), x.shape());
  }
  for (const Variable& parameter : {W, b, rows, gamma, beta}) {
    ASSERT_TRUE(parameter.grad());
    EXPECT_THAT(to_vector<double>(parameter.grad()), Each(0.0));
  }
}

}  // namespace
}  // namespace rensa
