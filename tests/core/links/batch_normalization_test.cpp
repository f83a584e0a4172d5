#include "core/links/batch_normalization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/autograd/config.h"
#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/reduction.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::vector<std::string> keys(Link& link) {
  std::vector<std::string> found;
  for (const Link::NamedParameter& named : link.named_parameters()) found.push_back(named.path);
  for (const Link::NamedPersistent& named : link.named_persistents()) found.push_back(named.path);
  return found;
}

TEST(BatchNormalizationLinkTest, WhatIsLeftOutIsNoParameterAndAConstant) {
  const Variable x(random_array({3, 2}, 1, Dtype::kFloat32));
  for (const bool gamma : {false, true}) {
    BatchNormalization all({.size = 2, .initial_gamma = init::constant(gamma ? 3 : 1)}),
        few({.size = 2, .use_gamma = gamma, .use_beta = !gamma, .initial_gamma = init::constant(3)});
    EXPECT_THAT(keys(few), ElementsAre(gamma ? "gamma" : "beta", "avg_mean", "avg_var", "N"));
    const Variable y = few(x);
    EXPECT_EQ(to_vector<float>(y.array()), to_vector<float>(all(x).array()));
    functions::sum(y).backward();
    EXPECT_TRUE((gamma ? few.gamma : few.beta).grad());
    const ConfigScope evaluation({.train = false});
    EXPECT_EQ(to_vector<float>(few(x).array()), to_vector<float>(all(x).array()));
  }
}

TEST(BatchNormalizationLinkTest, ParametersStartAsTheOptionsSay) {
  const BatchNormalization link({.size = 2, .initial_gamma = init::constant(3), .initial_beta = init::constant(-1)});
  EXPECT_THAT(to_vector<float>(link.gamma.array()), Each(3.0f));
  EXPECT_THAT(to_vector<float>(link.beta.array()), Each(-1.0f));
}

TEST(BatchNormalizationLinkTest, TakesItsSizeFromTheFirstBatch) {
  BatchNormalization lazy({}), known({.size = 3});
  EXPECT_FALSE(lazy.gamma.is_initialized());
  EXPECT_THAT([&] { lazy(Variable(ones({4}))); }, ThrowsMessage<ShapeError>(HasSubstr("(4,)")));
  const Variable x(random_array({4, 3, 2, 2}, 1, Dtype::kFloat32));
  EXPECT_EQ(to_vector<float>(lazy(x).array()), to_vector<float>(known(x).array()));
  EXPECT_EQ(to_vector<float>(lazy.avg_var), to_vector<float>(known.avg_var));

  BatchNormalization over_samples({.axis = {0}});
  over_samples(x);
  EXPECT_EQ(over_samples.gamma.shape(), Shape({3, 2, 2}));
  EXPECT_EQ(over_samples.avg_mean.shape(), Shape({3, 2, 2}));
}

TEST(BatchNormalizationLinkTest, FineTuningTakesThePlainMeanOfTheStatistics) {
  BatchNormalization link({.size = 1, .decay = 0.5, .dtype = Dtype::kFloat64});
  const auto train = [&](double mean) { link(Variable(array<double>({mean - 1, mean + 1}, {2, 1}))); };
  train(100);
  link.start_finetuning();
  for (const double mean : {1, 2, 6}) train(mean);
  EXPECT_EQ(*link.N.data<std::int64_t>(), 3);
  EXPECT_NEAR(link.avg_mean.item<double>(), 3, 1e-12);
  EXPECT_NEAR(link.avg_var.item<double>(), 2, 1e-12);  // unbiased
  const auto copy = clone(link);
  (*copy)(Variable(array<double>({7, 7}, {2, 1})));
  EXPECT_NEAR(copy->avg_mean.item<double>(), 4, 1e-12);
  link.stop_finetuning();
  train(5);
  EXPECT_NEAR(link.avg_mean.item<double>(), 4, 1e-12);
}

}  // namespace
}  // namespace rensa
