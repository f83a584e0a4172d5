#include <gmock/gmock.h>

#include <cmath>

#include "core/autograd/gradient_check.h"
#include "core/device/allocator.h"
#include "core/error.h"
#include "core/functions/accuracy.h"
#include "core/functions/arithmetic.h"
#include "core/functions/convolution.h"
#include "core/functions/evaluation.h"
#include "core/functions/reduction.h"
#include "core/functions/region_pooling.h"
#include "core/functions/sampling.h"
#include "core/functions/sequence_losses.h"
#include "core/functions/softmax_cross_entropy.h"
#include "tests/core/functions/function_case.h"
#include "tests/support/golden_file.h"

namespace rensa::testing {
namespace {

namespace F = functions;
using ::testing::ElementsAre;
using V = const Variable&;

Array whole(std::initializer_list<std::int64_t> values, const Shape& shape) { return array(values, shape); }
Array samples() { return whole({1, 3, 0, 0, 4, 2}, {3, 2}); }

Array shifted_labels(const Shape& shape) {
  std::vector<std::int64_t> t = to_vector<std::int64_t>(labels(shape, 6));
  for (std::int64_t& label : t) --label;
  return array(t, shape);
}

void expect_plain_convolution_without_offsets() {
  const Array x = random_array({2, 3, 5, 6}, 1), W = random_array({4, 3, 2, 3}, 2), b = random_array({4}, 3);
  const Variable bias(b);
  const Array plain = F::convolution_2d(x, W, &bias, {.stride = {2, 2}, .pad = {1, 1}}).array();
  const Array none = zeros({2, 12, plain.shape()[2], plain.shape()[3]}, Dtype::kFloat64);
  EXPECT_TRUE(near(F::deformable_convolution_2d_sampler(x, none, W, &bias, 2, 1).array(), plain, 1e-13));
}

std::vector<FunctionCase> sampling_cases() {
  return {
      {.name = "resize_images",
       .f = of([](V x) { return F::resize_images(x, 7, 3); }),
       .inputs = {{"ab45"}},
       .may_be_empty = "ab",
       .refusals = {{"resize_images: from (1, 1, 2, 2) to 0", [] { F::resize_images(zeros({1, 1, 2, 2}), 0, 1); }}}},
      {.name = "resize_images__edges",
       .f = of([](V x) { return F::resize_images(x, 7, 3, F::ResizeMode::kBilinear, false); }),
       .inputs = {{"ab45"}},
       .may_be_empty = "ab",
       .refusals = {{"resize_images: expected x", [] { F::resize_images(zeros({1, 2, 2}), 1, 1); }}}},
      {.name = "resize_images__nearest",
       .f = of([](V x) { return F::resize_images(x, 7, 3, F::ResizeMode::kNearest, false); }),
       .inputs = {{"ab45"}},
       .may_be_empty = "ab",
       .refusals = {{"resize_images: expected x", [] { F::resize_images(zeros({1, 2, 2}), 1, 1); }}}},
      {.name = "spatial_transformer_grid",
       .f = of([](V theta) { return F::spatial_transformer_grid(theta, 3, 4); }),
       .inputs = {{"a23"}},
       .may_be_empty = "a",
       .refusals = {{"expected theta (batch, 2, 3)", [] { F::spatial_transformer_grid(zeros({1, 3, 2}), 2, 2); }}}},
      {.name = "spatial_transformer_sampler",
       .f = of([](V x, V grid) { return F::spatial_transformer_sampler(x, grid); }),
       .inputs = {{"ab45"}, {"a2hw", -1.2, 1.2}},
       .may_be_empty = "hw",
       .float_tolerance = 1e-4,
       .refusals = {{"expected the grid (batch, 2, h, w)",
                     [] { F::spatial_transformer_sampler(zeros({1, 1, 2, 2}), zeros({1, 3, 2, 2})); }}}},
      {.name = "deformable_convolution_2d_sampler",
       .f = of([](V x, V offset, V W) { return F::deformable_convolution_2d_sampler(x, offset, W, nullptr, 1, 1); }),
       .inputs = {{"a244"}, {"a855", 0.1, 0.4}, {"3222"}},
       .float_tolerance = 1e-4,
       .values = expect_plain_convolution_without_offsets,
       .refusals = {{"deformable_convolution_2d_sampler: expected x",
                     [] {
                       F::deformable_convolution_2d_sampler(zeros({1, 1, 3, 3}), zeros({1, 2, 3, 3}),
                                                            zeros({1, 2, 1, 1}));
                     }}}},
  };
}

std::vector<FunctionCase> region_cases() {
  static const Array rois = array<double>({0, 0, 3, 4, 1.2, 0.6, 5.8, 3.4}, {2, 4}), pictures = whole({1, 0}, {2});
  static const F::RegionOptions options{.height = 2, .width = 3, .spatial_scale = 0.75};
  using Pool = Variable (*)(V, const Array&, const Array&, const F::RegionOptions&);
  const auto region = [](const char* name, Pool f, std::function<void()> values) {
    return FunctionCase{.name = name,
                        .f = of([f](V x) { return f(x, rois, pictures, options); }),
                        .inputs = {{"2b54"}},
                        .may_be_empty = "b",
                        .values = std::move(values),
                        .refusals = {{std::string(name) + ": region 0 is in picture 1",
                                      [f] { f(zeros({1, 1, 2, 2}), rois, pictures, options); }}}};
  };
  // A picture that is its own row number times ten plus its column.
  const auto picture = [] {
    std::vector<double> v;
    for (int i = 0; i < 24; ++i) v.push_back(10 * (i / 6) + i % 6);
    return array(v, {1, 1, 4, 6});
  };
  const auto whole_picture = array<double>({0, 0, 4, 6}, {1, 4}), first = whole({0}, {1});
  const F::RegionOptions two{.height = 2, .width = 2, .sampling_ratio = {2}};
  const auto expect = [=](Pool f, std::initializer_list<double> values) {
    return [=, v = std::vector<double>(values)] {
      EXPECT_TRUE(near(f(picture(), whole_picture, first, two).array(), array(v, {1, 1, 2, 2}), 1e-14));
    };
  };
  return {
      region("roi_max_pooling_2d", F::roi_max_pooling_2d, expect(F::roi_max_pooling_2d, {12, 15, 32, 35})),
      region("roi_average_pooling_2d", F::roi_average_pooling_2d, expect(F::roi_average_pooling_2d, {6, 9, 26, 29})),
      // Places 0.5 and 1.5, 2.5 and 3.5 down (the last is cut to 3); 0.75 and 2.25, 3.75 and 5.25 across (cut to 5).
      region("roi_max_align_2d", F::roi_max_align_2d, expect(F::roi_max_align_2d, {17.25, 20, 32.25, 35})),
      region("roi_average_align_2d", F::roi_average_align_2d,
             expect(F::roi_average_align_2d, {11.5, 14.375, 29, 31.875})),
      {.name = "roi_pooling_2d",
       .f = of([](V x) { return F::roi_pooling_2d(x, array<double>({1, 0, 0, 3, 4, 0, 1, 1, 2, 3}, {2, 5}), 2, 2); }),
       .inputs = {{"2b54"}},
       .may_be_empty = "b",
       .values =
           [=] {
             EXPECT_TRUE(near(F::roi_pooling_2d(picture(), array<double>({0, 0, 0, 5, 3}, {1, 5}), 2, 2).array(),
                              array<double>({12, 15, 32, 35}, {1, 1, 2, 2}), 1e-14));
           },
       .refusals = {{"roi_pooling_2d: expected rois (R, 5)",
                     [] { F::roi_pooling_2d(zeros({1, 1, 2, 2}), zeros({1, 4}), 1, 1); }}}},
  };
}

TEST(RegionPoolingTest, AnswersForARegionDoNotDependOnTheOthers) {
  const Array x = random_array({1, 2, 6, 5}, 1), first = whole({0}, {1});
  const Array rois = array<double>({0, 0, 6, 5, 1, 1, 2, 2, 0, 0, 5, 4, 1, 2, 2, 3}, {4, 4});
  for (const auto align : {F::roi_max_align_2d, F::roi_average_align_2d}) {
    const Array together = align(x, rois, zeros({4}, Dtype::kInt64), {.height = 2, .width = 2}).array();
    for (std::int64_t r = 0; r < 4; ++r) {
      const Slice row{.start = r, .stop = r + 1};
      const Array alone = align(x, rois.slice(0, row), first, {.height = 2, .width = 2}).array();
      EXPECT_TRUE(near(together.slice(0, row), alone, 1e-14)) << "region " << r;
    }
    EXPECT_EQ(align(x, zeros({0, 4}), zeros({0}, Dtype::kInt64), {}).shape(), Shape({0, 2, 7, 7}));
  }
}

TEST(RegionPoolingTest, NotANumberIsTheLargestWhereverItIs) {
  for (std::int64_t at = 0; at < 4; ++at) {
    const Array x = array<float>({1, 2, 3, 4}, {1, 1, 2, 2});
    x.data<float>()[at] = NAN;
    const Variable y =
        F::roi_max_pooling_2d(x, whole({0, 0, 2, 2}, {1, 4}), whole({0}, {1}), {.height = 1, .width = 1});
    EXPECT_TRUE(std::isnan(y.item<float>())) << at;
  }
}

TEST(RegionPoolingTest, ALargeRegionIsPaidForOnce) {
  const Array x = random_array({1, 2, 100, 100}, 1);
  const F::RegionOptions two{.height = 2, .width = 2};
  const auto peak = [&](std::int64_t count) {
    std::vector<double> rois;
    for (std::int64_t r = 0; r < count; ++r) rois.insert(rois.end(), {0, 0, r ? 2.0 : 100.0, r ? 2.0 : 100.0});
    const std::size_t before = allocator({}).statistics().in_use;
    allocator({}).reset_peak();
    F::roi_average_align_2d(x, array(rois, {count, 4}), zeros({count}, Dtype::kInt64), two);
    return allocator({}).statistics().peak_in_use - before;
  };
  EXPECT_LT(peak(64), 2 * peak(1));
}

/// Of 1e18 places in a bin the picture has a few.
TEST(RegionPoolingTest, ReadsARegionOnlyInsideOfThePicture) {
  const Array far = array<double>({-1e9, -1e9, 1e9, 1e9}, {1, 4}), picture = full({1, 1, 3, 3}, 3.0, Dtype::kFloat64);
  const Array found = F::roi_max_align_2d(picture, far, whole({0}, {1}), {.height = 2, .width = 2}).array();
  EXPECT_TRUE(near(found, full({1, 1, 2, 2}, 3.0, Dtype::kFloat64), 1e-12));
}

TEST(RegionPoolingTest, RefusesEdgesThatAreNoPixels) {
  for (const double edge : std::initializer_list<double>{NAN, INFINITY, -1e300}) {
    const Array rois = array<double>({0, 0, 1, 1, 0, 0, edge, 1}, {2, 4});
    for (const auto pool : {F::roi_max_pooling_2d, F::roi_average_align_2d}) {
      EXPECT_THAT([&] { pool(zeros({1, 1, 3, 3}), rois, whole({0, 0}, {2}), {}); },
                  ::testing::ThrowsMessage<ValueError>(::testing::HasSubstr("region 1 has an edge at pixel")));
    }
  }
}

std::vector<FunctionCase> sequence_cases() {
  return {
      {.name = "connectionist_temporal_classification",
       .f =
           [](const Variables& xs) {
             const F::CtcOptions options{.input_length = whole({4, 6, 5}, {3}), .label_length = whole({2, 3, 0}, {3})};
             return Variables{
                 F::connectionist_temporal_classification(xs, whole({1, 2, 0, 3, 3, 1, 0, 0, 0}, {3, 3}), options)};
           },
       .inputs = {{"34"}, {"34"}, {"34"}, {"34"}, {"34"}, {"34"}},
       .tolerance = 1e-11,
       .refusals = {{"label 0 of row 0 is 5",
                     [] { F::connectionist_temporal_classification({zeros({1, 4})}, whole({5}, {1, 1})); }},
                    {"the blank symbol is 4",
                     [] {
                       F::connectionist_temporal_classification({zeros({1, 4})}, whole({1}, {1, 1}),
                                                                {.blank_symbol = 4});
                     }}}},
      {.name = "crf1d",
       .f = of([](V cost, V x0, V x1, V x2) {
         return F::crf1d(cost, {x0, x1, x2}, {whole({0, 1, 2}, {3}), whole({2, 2, 0}, {3}), whole({1, 0}, {2})});
       }),
       .inputs = {{"33"}, {"33"}, {"33"}, {"23"}},
       .refusals = {{"crf1d: step 1 is (3, 3)",
                     [] {
                       F::crf1d(zeros({3, 3}), {zeros({2, 3}), zeros({3, 3})},
                                {whole({0, 0}, {2}), whole({0, 0, 0}, {3})});
                     }}}},
      {.name = "negative_sampling",
       .f = of([](V x, V W) {
         return F::negative_sampling(x, whole({2, 1, -1}, {3}), W, [](const Shape&) { return samples(); }, 2);
       }),
       .inputs = {{"3b"}, {"5b"}},
       .may_be_empty = "b",
       .refusals = {{"negative_sampling: expected x",
                     [] {
                       F::negative_sampling(
                           zeros({3, 4}), whole({1}, {1}), zeros({5, 4}), [](const Shape&) { return samples(); }, 2);
                     }}}},
      {.name = "black_out",
       .f = of([](V x, V W) { return F::black_out(x, whole({2, 1, 0}, {3}), W, samples()); }),
       .inputs = {{"3b", -1, 1}, {"5b", -1, 1}},
       .refusals = {{"black_out: expected x",
                     [] { F::black_out(zeros({3, 4}), whole({1}, {1}), zeros({5, 4}), samples()); }}}},
      {.name = "softmax_cross_entropy__weighted",
       .f = of([](V x) {
         return F::softmax_cross_entropy(x, shifted_labels({x.shape()[0], x.shape()[2]}),
                                         {.class_weight = array<double>({0.5, 1, 2, 0.3, 1.5})});
       }),
       .inputs = {{"a5c"}},
       .may_be_empty = "ac",
       .refusals = {{"class_weight is (2,)",
                     [] { F::softmax_cross_entropy(zeros({1, 3}), whole({0}, {1}), {.class_weight = ones({2})}); }}}},
      {.name = "softmax_cross_entropy__soft",
       .f = of([](V x, V t) { return F::soft_cross_entropy(x, t); }),
       .inputs = {{"ab"}, {"ab", 0, 1}},
       .refusals = {{"soft_cross_entropy: expected x and t",
                     [] { F::soft_cross_entropy(zeros({1, 3}), zeros({1, 2})); }}}},
      {.name = "softmax_cross_entropy__divergence",
       .f = of([](V x, V t) { return F::soft_cross_entropy(x, t, F::SoftTargetLoss::kKlDivergence); }),
       .inputs = {{"ab"}, {"ab", 0.2, 1}},
       .refusals = {{"soft_cross_entropy: expected x and t", [] { F::soft_cross_entropy(zeros({3}), zeros({3})); }}}},
  };
}

INSTANTIATE_TEST_SUITE_P(Sampling, FunctionCaseTest, ::testing::ValuesIn(sampling_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Region, FunctionCaseTest, ::testing::ValuesIn(region_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Sequence, FunctionCaseTest, ::testing::ValuesIn(sequence_cases()), case_name);

TEST(ConnectionistTemporalClassificationTest, ASequenceOfNoStepsSpellsNothing) {
  const Variable x(random_array({2, 3}, 1), true);
  const auto losses = [&](std::int64_t steps, std::int64_t labels) {
    F::CtcOptions options{.input_length = whole({steps, 1}, {2}), .label_length = whole({labels, 1}, {2})};
    options.reduce = F::LossReduce::kNone;
    return F::connectionist_temporal_classification({x, x}, whole({1, 1}, {2, 1}), options);
  };
  EXPECT_EQ(to_vector<double>(losses(0, 0).array())[0], 0);
  EXPECT_GT(to_vector<double>(losses(0, 1).array())[0], 1e20);
  EXPECT_LT(to_vector<double>(losses(1, 1).array())[0], 100);
  F::sum(losses(0, 0)).backward();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(to_vector<double>(x.grad())[static_cast<std::size_t>(i)], 0);
}

TEST(Crf1dTest, FindsTheBestPath) {
  // Going from a class to itself costs so much that the path must change classes.
  const Array cost = array<double>({-9, 0, 0, -9}, {2, 2});
  const F::CrfPath best = F::argmax_crf1d(
      cost, {array<double>({3, 0, 0, 1}, {2, 2}), array<double>({1, 0, 5, 0}, {2, 2}), array<double>({1, 0}, {1, 2})});
  EXPECT_THAT(to_vector<double>(best.score), ElementsAre(3 + 0 + 1, 1 + 5));
  EXPECT_THAT(to_vector<std::int64_t>(best.path[0]), ElementsAre(0, 1));
  EXPECT_THAT(to_vector<std::int64_t>(best.path[1]), ElementsAre(1, 0));
  EXPECT_THAT(to_vector<std::int64_t>(best.path[2]), ElementsAre(0));
  EXPECT_THROW(F::argmax_crf1d(cost, {}), ValueError);
}

TEST(EvaluationTest, CountsWhatWasFoundAndWhatWasThere) {
  const Array y = array<float>({2, 1, 0, 3, 1, 0, 0, 4, 1, 0, 1, 9}, {4, 3}), t = whole({0, 1, 1, 2}, {4});
  const F::ClassificationSummary s = F::classification_summary(y, t);
  EXPECT_THAT(to_vector<double>(s.precision), ElementsAre(0.5, 1, 1));
  EXPECT_THAT(to_vector<double>(s.recall), ElementsAre(1, 0.5, 1));
  EXPECT_THAT(to_vector<std::int64_t>(s.support), ElementsAre(1, 2, 1));
  EXPECT_NEAR(to_vector<double>(F::f1_score(y, t))[0], 2.0 / 3, 1e-15);
  EXPECT_THAT(to_vector<double>(F::precision(y, t, 0)), ElementsAre(0, 1, 1));
  EXPECT_THAT(to_vector<double>(F::recall(y, t, 2)), ElementsAre(1, 0.5, 0));
  EXPECT_NEAR(to_vector<double>(F::fbeta_score(y, t, 2))[1], 5 * 0.5 / 4.5, 1e-15);
  EXPECT_THROW(F::classification_summary(y, whole({3, 0, 0, 0}, {4})), ValueError);
  EXPECT_EQ(F::binary_accuracy(array<float>({1, -1, 2, 0}), whole({1, 1, -1, 1}, {4})), 2.0 / 3);
  EXPECT_NEAR(F::r2_score(array<float>({1, 2, 4}), array<float>({1, 2, 3})), 0.5, 1e-12);
  EXPECT_EQ(F::r2_score(ones({3}), ones({3})), 0);
}

TEST(EvaluationTest, LeavesOutLabelsBelowZeroAndTakesAxesBehindTheClasses) {
  const Array y = array<float>({2, 1, 1, 3, 0, 4, 1, 9}, {2, 2, 2}), t = whole({0, -1, 1, 1}, {2, 2});
  const F::ClassificationSummary s = F::classification_summary(y, t);  // guesses 0, 1 and 1, 1
  EXPECT_THAT(to_vector<std::int64_t>(s.support), ElementsAre(1, 2));
  EXPECT_THAT(to_vector<double>(s.precision), ElementsAre(1, 1));
  EXPECT_THAT(to_vector<double>(F::recall(y, t, -1, 3)), ElementsAre(1, 1, 0));
  EXPECT_THROW(F::precision(y, t, -1, 1), ValueError);
  EXPECT_THROW(F::precision(y, whole({0, 1}, {2})), ShapeError);
}

TEST(EvaluationTest, R2IsTheMeanOverTheColumns) {
  const Array y = array<double>({1, 10, 2, 20, 4, 30}, {3, 2}), t = array<double>({1, 10, 2, 20, 3, 30}, {3, 2});
  EXPECT_THAT(to_vector<double>(F::r2_scores(y, t)), ElementsAre(0.5, 1));
  EXPECT_EQ(F::r2_score(y, t), 0.75);
}

}  // namespace
}  // namespace rensa::testing
