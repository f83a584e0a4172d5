// A program that extends Rensa from outside, against installed headers and libraries alone: a differentiable function and its
// derivative, a link and a dataset of its own. It learns the factor in y = 3 x by gradient descent. Status 0 if all is right.
#include <rensa/core/autograd/function.h>
#include <rensa/core/initializers/initializer.h>
#include <rensa/core/links/link.h>
#include <rensa/trainer/datasets/dataset.h>
#include <rensa/trainer/iterators/serial_iterator.h>

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
  Variable operator()(const Variable& x) override { return scale(x, w); }
};

struct Multiples final : rensa::Dataset {
  std::int64_t size() const override { return 12; }
  rensa::Example get(std::int64_t i, const rensa::SampleContext&) const override {
    const float x = float(i - 6) / 6;
    return {rensa::full({}, x), rensa::full({}, 3 * x)};
  }
};

/// Descends |w x - t|^2 / 2, whose gradient is that of <w x, r> for a residual r that is a leaf of its own.
float train(Gain& model, rensa::Iterator& batches) {
  for (int step = 0; step < 60; ++step) {
    const rensa::Batch batch = batches.next().value();
    const Variable y = model(batch.x());
    Array residual = y.array().copy();
    for (std::int64_t i = 0; i < residual.size(); ++i) residual.data<float>()[i] -= batch.t().data<float>()[i];
    model.clear_grads();
    rensa::apply<Dot>(y, Variable(residual)).backward();
    *model.w.array().data<float>() -= 0.3f * model.w.grad().item<float>();
  }
  return model.w.array().item<float>();
}

/// The second derivative of <w x, w x> with respect to w is 2 |x|^2.
float second_derivative() {
  Gain model;
  const Variable y = model(rensa::array<float>({1, 2}));
  const Variables first = rensa::grad({rensa::apply<Dot>(y, y)}, {model.w}, {}, {.enable_double_backprop = true});
  return rensa::grad({first[0]}, {model.w})[0].item<float>();
}

}  // namespace

int main() {
  Gain model;
  rensa::SerialIterator batches(std::make_shared<Multiples>(), {.batch_size = 4, .seed = 1});
  const float w = train(model, batches);
  const float curvature = second_derivative();
  std::printf("w = %.4f (expected 3), second derivative = %.4f (expected 10), first parameter is \"%s\"\n", double(w),
              double(curvature), model.named_parameters().at(0).path.c_str());
  return std::abs(w - 3) < 1e-3f && std::abs(curvature - 10) < 1e-4f ? 0 : 1;
}
