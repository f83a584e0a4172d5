#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "comm/links/communicator_statistics.h"
#include "comm/links/multi_node_batch_normalization.h"
#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/batch_normalization.h"
#include "core/functions/reduction.h"
#include "core/links/linear.h"
#include "core/models/resnet.h"
#include "tests/conformance/conformance.h"

// Every rank works on its part of a batch and compares with one process on the whole of it, which it computes itself.

namespace rensa::testing {
namespace {

namespace F = functions;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::int64_t kSamples = 11, kChannels = 3;

/// Rank 0 has nothing, the last rank the most, if there are several.
struct Part {
  std::int64_t begin, end;
  explicit Part(const Communicator& comm) {
    const std::int64_t size = comm.size(), rank = comm.rank();
    const auto border = [&](std::int64_t r) {
      return size == 1 ? r * kSamples : kSamples * r * (r - 1) / (size * (size - 1));
    };
    begin = border(rank);
    end = border(rank + 1);
  }
  Array of(const Array& whole) const { return whole.slice(0, {.start = begin, .stop = end}).copy(); }
};

void expect_near(const Array& found, const Array& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(found.shape(), expected.shape()) << what;
  const std::vector<double> a = to_vector<double>(found), b = to_vector<double>(expected);
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(a[i], b[i], tolerance * (1 + std::abs(b[i]))) << what << " at " << i;
}

Array sum_over_ranks(Communicator& comm, const Array& x) {
  const Array total = x.copy();
  comm.all_reduce(total);
  return total;
}

struct Form {
  bool pictures, relu, residual;
  Dtype dtype;
  double mean;
  Shape shape() const { return pictures ? Shape{kSamples, kChannels, 3, 2} : Shape{kSamples, kChannels}; }
};

struct Inputs {
  Array x, residual, gy, gamma, beta;
  explicit Inputs(const Form& form) {
    const auto numbers = [&](const Shape& shape, std::uint64_t seed, double mean = 0) {
      return (Variable(random_array(shape, seed)) + mean).array().to(form.dtype);
    };
    x = numbers(form.shape(), 1, form.mean);
    residual = numbers(form.shape(), 2);
    gy = numbers(form.shape(), 3);
    gamma = numbers({kChannels}, 4);
    beta = numbers({kChannels}, 5);
  }
};

struct Outcome {
  Array y = {}, gx = {}, gresidual = {}, ggamma = {}, gbeta = {}, avg_mean = {}, avg_var = {};
};

Outcome normalize(const Form& form, const Inputs& in, const std::function<Array(const Array&)>& part,
                  StatisticsReducer* reducer) {
  Outcome out{.avg_mean = zeros({kChannels}, form.dtype), .avg_var = ones({kChannels}, form.dtype)};
  const Variable x(part(in.x), true), residual(part(in.residual), true), gamma(in.gamma.copy(), true),
      beta(in.beta.copy(), true);
  Variable y = F::batch_normalization(x, gamma, beta, &out.avg_mean, &out.avg_var,
                                      {.relu = form.relu, .reducer = reducer}, form.residual ? &residual : nullptr);
  out.y = y.array();
  y.set_grad(part(in.gy));
  y.backward();
  out.gx = x.grad();
  out.gresidual = form.residual ? residual.grad() : Array();
  out.ggamma = gamma.grad();
  out.gbeta = beta.grad();
  return out;
}

void compare_with_one_process(Communicator& comm, const Form& form, StatisticsReducer& reducer) {
  const double tolerance = form.dtype == Dtype::kFloat64 ? 1e-10 : 2e-5;
  const Inputs in(form);
  const Part part(comm);
  const Outcome whole = normalize(form, in, [](const Array& x) { return x.copy(); }, nullptr);
  const Outcome mine = normalize(form, in, [&](const Array& x) { return part.of(x); }, &reducer);
  expect_near(mine.y, part.of(whole.y), tolerance, "y");
  expect_near(mine.gx, part.of(whole.gx), tolerance, "gx");
  if (form.residual) expect_near(mine.gresidual, part.of(whole.gresidual), tolerance, "gradient of the residual");
  expect_near(sum_over_ranks(comm, mine.ggamma), whole.ggamma, tolerance, "gradient of gamma");
  expect_near(sum_over_ranks(comm, mine.gbeta), whole.gbeta, tolerance, "gradient of beta");
  expect_near(mine.avg_mean, whole.avg_mean, tolerance, "avg_mean");
  expect_near(mine.avg_var, whole.avg_var, tolerance, "avg_var");
}

void values_and_gradients(Communicator& comm) {
  CommunicatorStatistics gathered(comm), two_calls(comm, /*gathered_ranks=*/2);
  for (const bool pictures : {false, true}) {
    for (const bool relu : {false, true}) {
      for (const bool residual : {false, true}) {
        for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat64}) {
          SCOPED_TRACE(
              detail::join(pictures ? "pictures " : "rows ", relu ? "relu " : "", residual ? "residual " : "", dtype));
          const Form form{pictures, relu, residual, dtype, /*mean=*/2};
          compare_with_one_process(comm, form, gathered);
          compare_with_one_process(comm, form, two_calls);
        }
      }
    }
  }
}

/// E[x²] - E[x]² would leave no digit of a variance of 1 beside a mean of 1e8.
void variance_beside_a_large_mean(Communicator& comm) {
  const Form form{.pictures = true, .relu = false, .residual = false, .dtype = Dtype::kFloat64, .mean = 1e8};
  const Inputs in(form);
  const Part part(comm);
  CommunicatorStatistics gathered(comm), two_calls(comm, 2);
  for (StatisticsReducer* reducer : {&gathered, &two_calls}) {
    Array mean = zeros({kChannels}, Dtype::kFloat64), var = zeros({kChannels}, Dtype::kFloat64);
    Array true_mean = zeros({kChannels}, Dtype::kFloat64), true_var = zeros({kChannels}, Dtype::kFloat64);
    F::batch_normalization(part.of(in.x), in.gamma, in.beta, &mean, &var, {.decay = 0, .reducer = reducer});
    F::batch_normalization((Variable(in.x) - 1e8).array(), in.gamma, in.beta, &true_mean, &true_var, {.decay = 0});
    expect_near(var, true_var, 1e-6, "variance");
  }
}

/// Gradients of a function of the gradients: x, gamma, beta and gy take part.
void second_derivatives(Communicator& comm) {
  for (const bool relu : {false, true}) {
    const Form form{.pictures = true, .relu = relu, .residual = false, .dtype = Dtype::kFloat64, .mean = 0.5};
    const Inputs in(form);
    const Array weight_x = random_array(form.shape(), 6), weight_gamma = random_array({kChannels}, 7);
    const auto differentiate = [&](const std::function<Array(const Array&)>& part, StatisticsReducer* reducer) {
      const Variable x(part(in.x), true), gamma(in.gamma.copy(), true), beta(in.beta.copy(), true),
          gy(part(in.gy), true);
      const Variable y = F::batch_normalization(x, gamma, beta, nullptr, nullptr, {.relu = relu, .reducer = reducer});
      const Variables g = grad({y}, {x, gamma}, {gy}, {.enable_double_backprop = true});
      // gamma's gradient is the rank's share: weighted alike on all ranks, the sum over them is the whole's
      (F::sum(g[0] * g[0] * Variable(part(weight_x))) + F::sum(g[1] * Variable(weight_gamma))).backward();
      return std::array<Array, 4>{x.grad(), gy.grad(), gamma.grad(), beta.grad()};
    };
    const Part part(comm);
    CommunicatorStatistics reducer(comm);
    const auto whole = differentiate([](const Array& x) { return x.copy(); }, nullptr);
    const auto mine = differentiate([&](const Array& x) { return part.of(x); }, &reducer);
    expect_near(mine[0], part.of(whole[0]), 1e-10, "x");
    expect_near(mine[1], part.of(whole[1]), 1e-10, "gy");
    expect_near(sum_over_ranks(comm, mine[2]), whole[2], 1e-10, "gamma");
    EXPECT_EQ(static_cast<bool>(mine[3]), static_cast<bool>(whole[3]));
  }
}

void a_batch_without_a_variance(Communicator& comm) {
  CommunicatorStatistics reducer(comm);
  const Array x = zeros({comm.rank() == 0 ? 1 : 0, 2});
  EXPECT_THAT([&] { F::batch_normalization(x, ones({2}), zeros({2}), nullptr, nullptr, {.reducer = &reducer}); },
              ThrowsMessage<ValueError>(HasSubstr("at least 2")));  // on every rank: nobody waits for the others
}

void copies_of_models(Communicator& comm) {
  seed_parameters(3);
  const auto net = models::resnet18({.classes = 4, .width = 4, .dtype = Dtype::kFloat64});
  Sequential row(
      std::make_unique<Linear>(LinearOptions{.in = 5, .out = kChannels, .dtype = Dtype::kFloat64}),
      std::make_unique<BatchNormalization>(BatchNormalizationLinkOptions{.size = kChannels, .dtype = Dtype::kFloat64}),
      F::relu);
  Sequential whole(clone(row), clone(row));  // nested
  for (UnaryLink* model : {static_cast<UnaryLink*>(net.get()), static_cast<UnaryLink*>(&whole)}) {
    model->parameters().front()->lr_scale = 0.5;
    const std::unique_ptr<UnaryLink> copy = create_mnbn_model(*model, comm);
    const auto theirs = model->named_parameters(), ours = copy->named_parameters();
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_EQ(ours[i].path, theirs[i].path);
      EXPECT_NE(ours[i].parameter->array().raw_data(), theirs[i].parameter->array().raw_data());
      EXPECT_EQ(to_vector<double>(ours[i].parameter->array()), to_vector<double>(theirs[i].parameter->array()));
    }
    EXPECT_EQ(copy->parameters().front()->lr_scale, 0.5);
    const auto persistents = copy->named_persistents();
    ASSERT_EQ(persistents.size(), model->named_persistents().size());
    for (std::size_t i = 0; i < persistents.size(); ++i)
      EXPECT_EQ(persistents[i].path, model->named_persistents()[i].path);
    int shared = 0;
    for (const auto& named : copy->named_links()) {
      const auto* normalization = dynamic_cast<const BatchNormalization*>(named.link);
      if (normalization) shared += normalization->reducer() != nullptr;
    }
    EXPECT_GT(shared, 0);
    for (const auto& named : model->named_links()) {
      const auto* normalization = dynamic_cast<const BatchNormalization*>(named.link);
      if (normalization) {
        EXPECT_EQ(normalization->reducer(), nullptr);
      }
    }
    EXPECT_EQ(share_batch_statistics(*clone(*copy), comm), shared);
  }
}

/// Check 16 of ChainerMN's tests: parts through the shared normalization are the whole batch through the plain one, and
/// parts through plain ones are not.
void models_on_parts_of_a_batch(Communicator& comm) {
  seed_parameters(5);
  Sequential plain(
      std::make_unique<Linear>(LinearOptions{.in = 4, .out = kChannels, .dtype = Dtype::kFloat64}),
      std::make_unique<BatchNormalization>(BatchNormalizationLinkOptions{.size = kChannels, .dtype = Dtype::kFloat64}),
      F::relu, std::make_unique<Linear>(LinearOptions{.in = kChannels, .out = 2, .dtype = Dtype::kFloat64}));
  const auto shared = create_mnbn_model(plain, comm);
  const auto alone = clone(plain);
  const std::int64_t share = 4;
  const Array x = random_array({share * comm.size(), 4}, 8);
  const auto gradients = [&](UnaryLink& model, const Array& batch, bool of_all) {
    F::sum(model(batch) * model(batch)).backward();
    std::vector<Array> result;
    for (const auto& named : model.named_parameters()) {
      result.push_back(of_all ? sum_over_ranks(comm, named.parameter->grad()) : named.parameter->grad());
    }
    return result;
  };
  const Array mine = x.slice(0, {.start = share * comm.rank(), .stop = share * (comm.rank() + 1)}).copy();
  const auto expected = gradients(*clone(plain), x, false), found = gradients(*shared, mine, true),
             separate = gradients(*alone, mine, true);
  double difference = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expect_near(found[i], expected[i], 1e-10, plain.named_parameters()[i].path);
    const std::vector<double> a = to_vector<double>(separate[i]), b = to_vector<double>(expected[i]);
    for (std::size_t j = 0; j < a.size(); ++j) difference = std::max(difference, std::abs(a[j] - b[j]));
  }
  if (comm.size() > 1) {
    EXPECT_GT(difference, 1e-3);
  }
}

/// The options of the one-process link hold over ranks, too: no beta, a size from the first batch, fine-tuning.
void options_of_the_link(Communicator& comm) {
  const BatchNormalizationLinkOptions o{
      .dtype = Dtype::kFloat64, .use_beta = false, .initial_gamma = init::constant(2)};
  BatchNormalization whole(o);
  MultiNodeBatchNormalization shared(o, comm);
  const Array x = random_array({kSamples, kChannels}, 8);
  for (BatchNormalization* link : {&whole, static_cast<BatchNormalization*>(&shared)}) link->start_finetuning();
  Array y, expected;
  for (int step = 0; step < 2; ++step) {
    expected = whole(Variable(x)).array();
    y = shared(Variable(Part(comm).of(x))).array();
  }
  expect_near(y, Part(comm).of(expected), 1e-10, "y");
  expect_near(shared.avg_mean, whole.avg_mean, 1e-10, "avg_mean");
  EXPECT_EQ(shared.named_parameters().size(), 1u);
  EXPECT_EQ(clone(shared)->named_parameters().size(), 1u);
}

}  // namespace

std::vector<ConformanceCheck> normalization_checks() {
  return {{"normalization_values_and_gradients", values_and_gradients},
          {"normalization_variance_beside_a_large_mean", variance_beside_a_large_mean},
          {"normalization_second_derivatives", second_derivatives},
          {"normalization_a_batch_without_a_variance", a_batch_without_a_variance},
          {"normalization_copies_of_models", copies_of_models},
          {"normalization_models_on_parts_of_a_batch", models_on_parts_of_a_batch},
          {"normalization_options_of_the_link", options_of_the_link}};
}

}  // namespace rensa::testing
