// Functions whose meaning is Chainer's own, against its numbers: scripts/oracle/make_chainer_function_goldens.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "core/autograd/config.h"
#include "core/functions/arithmetic.h"
#include "core/functions/batch_normalization.h"
#include "core/functions/convolution.h"
#include "core/functions/convolution_nd.h"
#include "core/functions/evaluation.h"
#include "core/functions/losses.h"
#include "core/functions/noise.h"
#include "core/functions/normalization.h"
#include "core/functions/pooling_nd.h"
#include "core/functions/rearrangement.h"
#include "core/functions/recurrent.h"
#include "core/functions/region_pooling.h"
#include "core/functions/sampling.h"
#include "core/functions/shape.h"
#include "core/serializers/npz.h"
#include "tests/core/functions/function_case.h"
#include "tests/support/golden_file.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using V = const Variable&;

struct ChainerCase {
  std::string name;
  std::function<Variables(const Variables&)> f;
  double tolerance = 1e-11;
};
void PrintTo(const ChainerCase& c, std::ostream* out) { *out << c.name; }

using Align = Variable (*)(V, const Array&, const Array&, const F::RegionOptions&);
ChainerCase align(const char* name, Align f, const F::EachAxis& ratio) {
  return {name, of([f, ratio](V x) {
            const Array regions = array<double>(
                {1.2, 0.7, 6.1, 5.3, -2.1, -3.2, 3, 4, 4, 4, 12.3, 11, 2, 2, 2.2, 2.1, 20, 1, 24, 5}, {5, 4});
            return f(x, regions, array<std::int32_t>({0, 1, 1, 0, 1}),
                     {.height = 3, .width = 2, .spatial_scale = 0.8, .sampling_ratio = ratio});
          }),
          2e-5};
}

ChainerCase clustering(const char* name, int norm) {
  return {name, of([norm](V e) {
            return F::discriminative_margin_based_clustering_loss(e, labels({e.shape()[0], 3, 4}, 3), 0.1, 2.5, 3, norm,
                                                                  1, 2, 0.5);
          })};
}

Array squares() {
  std::vector<double> t(12);
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = static_cast<double>(i * i);
  return array(t, {6, 2});
}

ChainerCase batch_normalization(const char* name, const std::vector<std::int64_t>& axis, const Shape& shape) {
  return {name, of([=](V x, V gamma, V beta) {
            Array mean = full(shape, 0.25, Dtype::kFloat64), var = full(shape, 1.5, Dtype::kFloat64);
            const Variable y = F::batch_normalization(x, gamma, beta, &mean, &var, {.decay = 0.75, .axis = axis});
            return Variables{y, mean, var};
          })};
}

ChainerCase batch_renormalization(const char* name, bool update) {
  return {name, of([update](V x, V gamma, V beta) {
            Array mean = array<double>({0.1, -0.2, 0.3}), var = array<double>({0.8, 1.0, 1.5});
            const Variable y = F::batch_renormalization(
                x, gamma, beta, mean, var, {.decay = 0.75, .rmax = 1.5, .dmax = 0.3, .update_statistics = update});
            return Variables{y, mean, var};
          })};
}

Variables decorrelated(V x) {
  Array mean = zeros({2, 2}, Dtype::kFloat64), projection = array<double>({1, 0, 0, 1, 1, 0, 0, 1}, {2, 2, 2});
  const Variable y = F::decorrelated_batch_normalization(x, mean, projection, {.groups = 2, .decay = 0.75});
  return {y, mean, projection};
}

Variables summary(V y) {
  std::vector<std::int64_t> t = to_vector<std::int64_t>(labels({3, 4}, 6));
  for (std::int64_t& label : t) --label;
  const F::ClassificationSummary s = F::classification_summary(y.array(), array(t, {3, 4}), 2, -1, 5);
  return {s.precision, s.recall, s.fbeta, s.support};
}

std::vector<ChainerCase> cases() {
  const auto both = [](const F::LstmState& s) { return Variables{s.c, s.h}; };
  return {
      {"slstm", of([=](V a, V b, V x, V y) { return both(F::slstm(a, b, x, y)); })},
      {"shift", of([](V x) { return F::shift(x); })},
      {"shift__left_over", of([](V x) { return F::shift(x, 3, 2); })},
      align("roi_max_align_2d", F::roi_max_align_2d, {2}),
      align("roi_max_align_2d__adaptive", F::roi_max_align_2d, {}),
      align("roi_average_align_2d", F::roi_average_align_2d, {1, 3}),
      align("roi_average_align_2d__adaptive", F::roi_average_align_2d, {}),
      clustering("discriminative_margin_based_clustering_loss", 1),
      clustering("discriminative_margin_based_clustering_loss__batch", 1),
      clustering("discriminative_margin_based_clustering_loss__euclidean", 2),
      {"r2_score", of([](V y) { return Variable(full({}, F::r2_score(y.array(), squares()), Dtype::kFloat64)); })},
      {"r2_scores", of([](V y) { return Variable(F::r2_scores(y.array(), squares())); })},
      {"classification_summary", of(summary)},
      {"deformable_convolution_2d_sampler",
       of([](V x, V offset, V W) { return F::deformable_convolution_2d_sampler(x, offset, W, nullptr, 2, 1); })},
      {"zoneout__evaluating", of([](V h, V x) {
         const ConfigScope evaluating({.train = false, .enable_backprop = config().enable_backprop});
         return F::zoneout(h, x, 0.3);
       })},
      {"resize_images__nearest", of([](V x) { return F::resize_images(x, 11, 5, F::ResizeMode::kNearest); }), 1e-6},
      {"resize_images__nearest_edges",
       of([](V x) { return F::resize_images(x, 3, 9, F::ResizeMode::kNearest, /*align_corners=*/false); }), 1e-6},
      batch_normalization("batch_normalization__axis", {0, 1, 3}, {4}),
      batch_normalization("batch_normalization__axes_of_gamma", {}, {3, 4}),
      batch_normalization("batch_normalization__batch_kept", {2, 3}, {2, 3}),
      {"fixed_batch_normalization__axis", of([](V x, V gamma, V beta) {
         return F::fixed_batch_normalization(x, gamma, beta, full({3, 4}, 0.25, Dtype::kFloat64),
                                             full({3, 4}, 1.5, Dtype::kFloat64), {.axis = {0}});
       })},
      {"convolution_2d__cover_all", of([](V x, V W, V b) {
         return F::convolution_2d(x, W, &b, {.stride = {2, 2}, .pad = {1, 1}}, /*cover_all=*/true);
       })},
      {"dilated_convolution_2d__cover_all",
       of([](V x, V W) { return F::dilated_convolution_2d(x, W, nullptr, 2, 1, 2, /*cover_all=*/true); })},
      {"average_pooling_1d__pad_none",
       of([](V x) { return F::average_pooling_1d(x, 3, {.stride = {2}, .pad = {1}, .pad_value = std::nullopt}); })},
      {"average_pooling_3d__pad_none", of([](V x) {
         return F::average_pooling_3d(x, {3, 2, 2}, {.stride = {2}, .pad = {1}, .pad_value = std::nullopt});
       })},
      {"squeeze", of([](V x) { return F::squeeze(x); })},
      {"repeat", of([](V x) { return F::repeat(x, 3); })},
      {"repeat__counts", of([](V x) { return F::repeat(x, std::vector<std::int64_t>{2, 0, 1, 3}); })},
      {"decov__elements", of([](V h) { return F::decov(h, F::CovarianceReduce::kNone); })},
      {"cross_covariance__elements",
       of([](V y, V z) { return F::cross_covariance(y, z, F::CovarianceReduce::kNone); })},
      {"pow", of([](V x) { return F::pow(1.7, x); })},
      batch_renormalization("batch_renormalization", false),
      batch_renormalization("batch_renormalization__updated", true),
      {"decorrelated_batch_normalization", of(decorrelated), 1e-9},
  };
}

/// Where Chainer has no number for a class (0 / 0) it is 0 here; -infinity compares as a number.
Array comparable(const Array& x) {
  std::vector<double> values = to_vector<double>(x);
  for (double& v : values) v = std::isnan(v) ? 0 : std::max(v, -1e6);
  return array(values, x.shape());
}

class ChainerFunctionTest : public ::testing::TestWithParam<ChainerCase> {};

TEST_P(ChainerFunctionTest, GivesChainersValuesAndGradients) {
  const auto& [name, f, tolerance] = GetParam();
  static const NpzReader file(RENSA_SOURCE_DIR "/tests/golden/functions/chainer.npz");
  const auto numbered = [&name = name](const char* prefix) {
    std::vector<Array> arrays;
    for (std::string key; file.has(key = name + "/" + prefix + std::to_string(arrays.size()));) {
      arrays.push_back(file.array(key));
    }
    return arrays;
  };
  Variables xs;
  for (const Array& x : numbered("x")) xs.emplace_back(x, /*requires_grad=*/true);
  const Variables ys = f(xs);
  const std::vector<Array> expected = numbered("y"), gradients = numbered("gx");
  ASSERT_EQ(ys.size(), expected.size());
  ASSERT_FALSE(ys.empty());
  for (std::size_t i = 0; i < ys.size(); ++i)
    EXPECT_TRUE(near(comparable(ys[i].array()), comparable(expected[i]), tolerance)) << "output " << i;
  Variables outputs, gys;
  for (const Array& gy : numbered("gy")) {
    outputs.push_back(ys[gys.size()]);
    gys.emplace_back(gy);
  }
  const Variables gxs = outputs.empty() ? Variables{} : grad(outputs, xs, gys);
  ASSERT_EQ(gxs.size(), gradients.size());
  for (std::size_t i = 0; i < gxs.size(); ++i) {
    const Array found = gxs[i] ? gxs[i].array() : zeros(gradients[i].shape());
    EXPECT_TRUE(near(found, gradients[i], tolerance)) << "gradient of input " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, ChainerFunctionTest, ::testing::ValuesIn(cases()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace rensa::testing
