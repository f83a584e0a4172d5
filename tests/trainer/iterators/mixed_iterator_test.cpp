#include "trainer/iterators/mixed_iterator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/links/linear.h"
#include "trainer/classifier.h"
#include "trainer/datasets/array_dataset.h"
#include "trainer/iterators/multithread_iterator.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::int64_t kSide = 8, kSamples = 20;

/// Picture i is i everywhere, of class i.
class Plain final : public InPlaceDataset {
 public:
  std::int64_t size() const override { return kSamples; }
  std::vector<FieldSpec> fields() const override {
    return {{{3, kSide, kSide}, Dtype::kFloat32, Layout::kChannelsLast}, {{}, Dtype::kInt32, Layout::kRowMajor}};
  }
  void fill(std::int64_t index, const SampleContext&, const BatchSlot& slot) const override {
    std::ranges::fill(slot.data<float>(0), static_cast<float>(index));
    slot.data<std::int32_t>(1)[0] = static_cast<std::int32_t>(index);
  }
};

std::unique_ptr<MixedIterator> mixed(const MixOptions& options, int rank = 0, int size = 1, bool repeat = true) {
  return std::make_unique<MixedIterator>(
      make_iterator(std::make_shared<Plain>(),
                    {.batch_size = 8, .repeat = repeat, .seed = 5, .rank = rank, .size = size}, {.threads = 2}),
      options);
}

std::vector<float> values(const Array& x) { return to_vector<float>(x); }

TEST(MixedIteratorTest, MixupBlendsPixelsAsItSharesLabels) {
  const auto iterator = mixed({.mixup_alpha = 1, .seed = 2});
  std::vector<float> shares;
  for (int step = 0; step < 20; ++step) {
    const Batch batch = iterator->next().value();
    const MixedLabels labels = mixed_labels(batch).value();
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      const float share = labels.share.data<float>()[i];
      const auto own = static_cast<float>(labels.own.data<std::int32_t>()[i]);
      const auto other = static_cast<float>(labels.other.data<std::int32_t>()[i]);
      EXPECT_EQ(labels.other.data<std::int32_t>()[i], labels.own.data<std::int32_t>()[i ^ 1]);
      EXPECT_NEAR(batch.x().select(0, i).copy().data<float>()[5], share * own + (1 - share) * other, 1e-4);
      shares.push_back(share);
    }
  }
  double mean = 0;
  for (const float share : shares) mean += share / static_cast<double>(shares.size());
  EXPECT_NEAR(mean, 0.5, 0.1);  // Beta(1, 1) is uniform
}

TEST(MixedIteratorTest, CutmixExchangesTheAreaThatTheLabelsSay) {
  const auto iterator = mixed({.cutmix_alpha = 1, .seed = 2});
  for (int step = 0; step < 20; ++step) {
    const Batch batch = iterator->next().value();
    const MixedLabels labels = mixed_labels(batch).value();
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      const auto own = static_cast<float>(labels.own.data<std::int32_t>()[i]);
      const std::vector<float> x = values(batch.x().select(0, i));
      const double left = static_cast<double>(std::ranges::count(x, own)) / static_cast<double>(x.size());
      EXPECT_NEAR(left, labels.share.data<float>()[i], 1e-6);
    }
  }
}

TEST(MixedIteratorTest, RanksMixAsOneRankDoes) {
  const auto whole = mixed({.mixup_alpha = 0.4, .cutmix_alpha = 1, .seed = 3});
  const auto first = mixed({.mixup_alpha = 0.4, .cutmix_alpha = 1, .seed = 3}, 0, 2);
  const auto second = mixed({.mixup_alpha = 0.4, .cutmix_alpha = 1, .seed = 3}, 1, 2);
  for (int step = 0; step < 6; ++step) {
    const Batch all = whole->next().value(), a = first->next().value(), b = second->next().value();
    for (std::size_t field = 0; field < 4; ++field) {
      const Array& found = all.fields[field];
      EXPECT_EQ(to_vector<double>(found.slice(0, {.stop = 4})), to_vector<double>(a.fields[field]));
      EXPECT_EQ(to_vector<double>(found.slice(0, {.start = 4})), to_vector<double>(b.fields[field]));
    }
  }
}

TEST(MixedIteratorTest, GoesOnExactly) {
  const MixOptions options{.mixup_alpha = 0.2, .cutmix_alpha = 0.2, .seed = 7};
  const auto iterator = mixed(options);
  for (int step = 0; step < 3; ++step) iterator->next();
  const IteratorState state = iterator->state();
  const auto resumed = mixed(options);
  resumed->restore(state);
  for (int step = 0; step < 4; ++step) {
    const Batch a = iterator->next().value(), b = resumed->next().value();
    EXPECT_EQ(values(a.x()), values(b.x()));
    EXPECT_EQ(values(a.fields[3]), values(b.fields[3]));
  }
}

TEST(MixedIteratorTest, AnOddSampleStaysAsItIs) {
  const auto iterator = mixed({.mixup_alpha = 1, .seed = 1}, 1, 3);  // positions 2 to 4 of 8
  const Batch batch = iterator->next().value();
  ASSERT_EQ(batch.first, 2);
  ASSERT_EQ(batch.size(), 3);
  EXPECT_EQ(mixed_labels(batch)->share.data<float>()[2], 1);
  EXPECT_EQ(batch.x().select(0, 2).copy().data<float>()[0], static_cast<float>(batch.t().data<std::int32_t>()[2]));
}

TEST(MixedIteratorTest, RefusesWhatCannotBe) {
  EXPECT_THAT([] { mixed({}); }, ThrowsMessage<ValueError>(HasSubstr("above 0")));
  EXPECT_THAT([] { mixed({.mixup_alpha = -1}); }, ThrowsMessage<ValueError>(HasSubstr("-1")));
  EXPECT_THAT([] { mixed({.mixup_alpha = INFINITY}); }, ThrowsMessage<ValueError>(HasSubstr("inf")));
  EXPECT_THAT([] { mixed({.cutmix_alpha = NAN}); }, ThrowsMessage<ValueError>(HasSubstr("nan")));
  const auto rows =
      std::make_shared<ArrayDataset>(std::vector<Array>{zeros({4, 6}, Dtype::kFloat32), zeros({4}, Dtype::kInt32)});
  MixedIterator flat(make_iterator(rows, {.batch_size = 2}, {.threads = 0}), {.cutmix_alpha = 1});
  EXPECT_THAT([&] { flat.next(); }, ThrowsMessage<ShapeError>(HasSubstr("cutmix")));
  for (const auto& [x, t] : {std::pair(Dtype::kFloat64, Dtype::kInt32), {Dtype::kFloat32, Dtype::kInt64}}) {
    const auto others = std::make_shared<ArrayDataset>(std::vector<Array>{zeros({4, 6}, x), zeros({4}, t)});
    MixedIterator iterator(make_iterator(others, {.batch_size = 2}, {.threads = 0}), {.mixup_alpha = 1});
    EXPECT_THAT([&] { iterator.next(); }, ThrowsMessage<DtypeError>(HasSubstr("expected float32 and one int32 label")));
  }
}

TEST(MixedIteratorTest, TheLossIsOfBothLabels) {
  seed_parameters(1);
  Classifier model(std::make_unique<Linear>(LinearOptions{.in = 3, .out = 5}));
  Batch batch;
  batch.indices = {0, 1};
  batch.fields = {array<float>({1, 2, 3, -1, 0, 2}, {2, 3}), array<std::int32_t>({4, 1}), array<std::int32_t>({1, 4}),
                  array<float>({0.75f, 0.25f})};
  EXPECT_FALSE(mixed_labels(batch));  // four fields of some other dataset
  batch.is_mixed = true;
  const auto loss_of = [&](std::int64_t row, std::int32_t label) {
    const Variable y = model.predictor()(Variable(batch.x().slice(0, {.start = row, .stop = row + 1})));
    return functions::softmax_cross_entropy(y, array<std::int32_t>({label})).item<double>();
  };
  const double want = (0.75 * loss_of(0, 4) + 0.25 * loss_of(0, 1) + 0.25 * loss_of(1, 1) + 0.75 * loss_of(1, 4)) / 2;
  EXPECT_NEAR(model(batch).loss.item<double>(), want, 1e-6);
}

}  // namespace
}  // namespace rensa
