// A program that extends Rensa from outside, against installed headers and libraries alone: a differentiable function
// and its derivative, a link, a dataset and an extension of the trainer of its own. It learns the factor in y = 3 x by
// gradient descent. Status 0 if all is right.
#include <rensa/comm/communicators/create_communicator.h>
#include <rensa/comm/distributed_optimizer.h>
#include <rensa/core/autograd/function.h>
#include <rensa/core/initializers/initializer.h>
#include <rensa/core/links/link.h>
#include <rensa/core/optimizers/sgd.h>
#include <rensa/trainer/datasets/dataset.h>
#include <rensa/trainer/iterators/serial_iterator.h>
#include <rensa/trainer/trainer.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

namespace {

using rensa::Array;
using rensa::Variable;
using rensa::Variables;

Variable scale(const Variable& x, const Variable& w);

/// <x, y>, a scalar; any equal shapes, float32.
struct Dot final : rensa::Function {
  const char* name() const override { return "dot"; }
  Array forward(const Array& x, const Array& y) override {
    retain_inputs(0, 1);
    double sum = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) sum += double(x.data<float>()[i]) * double(y.data<float>()[i]);
    return rensa::full({}, sum);
  }
  Variables backward(const Variable& gy) override {
    const auto [x, y] = retained_inputs<2>();
    return {scale(y, gy), scale(x, gy)};
  }
};

/// w x for a scalar w: the derivative of Dot, as Dot is of it, so that both can be differentiated any number of times.
struct Scale final : rensa::Function {
  const char* name() const override { return "scale"; }
  Array forward(const Array& x, const Array& w) override {
    retain_inputs(0, 1);
    Array y = rensa::empty_like(x);
    for (std::int64_t i = 0; i < x.size(); ++i) y.data<float>()[i] = x.data<float>()[i] * w.item<float>();
    return y;
  }
  Variables backward(const Variable& gy) override {
    const auto [x, w] = retained_inputs<2>();
    return {scale(gy, w), rensa::apply<Dot>(gy, x)};
  }
};

Variable scale(const Variable& x, const Variable& w) { return rensa::apply<Scale>(x, w); }

struct Gain final : rensa::UnaryLink {
  rensa::Parameter w{{}, rensa::init::constant(1)};
  Gain() { add("w", w); }
  Variable forward(const Variable& x) override { return scale(x, w); }
};

struct Multiples final : rensa::Dataset {
  std::int64_t size() const override { return 12; }
  rensa::Example get(std::int64_t i, const rensa::SampleContext&) const override {
    const float x = float(i - 6) / 6;
    return {rensa::full({}, x), rensa::full({}, 3 * x)};
  }
};

/// Remembers the smallest loss that the trainer saw.
struct SmallestLoss final : rensa::Extension {
  double* smallest;
  explicit SmallestLoss(double* to) : smallest(to) {}
  std::string name() const override { return "SmallestLoss"; }
  void operator()(rensa::Trainer& trainer) override {
    *smallest = std::min(*smallest, trainer.observation().at("main/loss").value());
  }
};

/// |w x - t|^2, with the gradient that Dot's derivative gives it.
rensa::StandardUpdater::Loss squared_distance(Gain& model, const rensa::Batch& batch) {
  const Variable y = model(batch.x());
  Array residual = y.array().copy();
  for (std::int64_t i = 0; i < residual.size(); ++i) residual.data<float>()[i] -= batch.t().data<float>()[i];
  return {.loss = rensa::apply<Dot>(y, Variable(residual)), .observation = {}};
}

/// Sixty steps of the library's trainer; the smallest value that the extension saw.
double train(Gain& model, rensa::Iterator& batches, const std::string& out) {
  const auto comm = rensa::create_communicator("self");
  rensa::DistributedOptimizer optimizer(rensa::Sgd({.lr = 0.3}), *comm);
  optimizer.setup(model);
  rensa::StandardUpdater updater(
      batches, model, [&](const rensa::Batch& batch) { return squared_distance(model, batch); }, optimizer, *comm);
  rensa::Trainer trainer(updater, {60, rensa::Unit::kIteration}, out, *comm);
  double smallest = 1e9;
  trainer.extend(std::make_unique<SmallestLoss>(&smallest));
  trainer.run();
  return smallest;
}

/// The second derivative of <w x, w x> with respect to w is 2 |x|^2.
float second_derivative() {
  Gain model;
  const Variable y = model(rensa::array<float>({1, 2}));
  const Variables first = rensa::grad({rensa::apply<Dot>(y, y)}, {model.w}, {}, {.enable_double_backprop = true});
  return rensa::grad({first[0]}, {model.w})[0].item<float>();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Gain model;
  rensa::SerialIterator batches(std::make_shared<Multiples>(), {.batch_size = 4, .seed = 1});
  const double smallest = train(model, batches, argv[1]);
  const float w = model.w.array().item<float>();
  const float curvature = second_derivative();
  std::printf("w = %.4f (expected 3), second derivative = %.4f (expected 10), first parameter is \"%s\"\n", double(w),
              double(curvature), model.named_parameters().at(0).path.c_str());
  return std::abs(w - 3) < 1e-3f && std::abs(curvature - 10) < 1e-4f && smallest < 1e-3 ? 0 : 1;
}
