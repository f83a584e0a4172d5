#include "core/functions/activation.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/elementwise.h"
#include "core/kernels/activation.h"

namespace rensa::functions {
namespace {

/// Piecewise linear functions: the gradient is linear in gy, and its derivative with respect to the first input is
/// zero.
struct ReluGrad final : Function {
  const char* name() const override { return "relu_grad"; }

  Array forward(const Array& y, const Array& gy) override {
    retain_inputs(0);
    return kernels::relu_grad(y, gy);
  }
  Variables backward(const Variable& ggx) override { return {Variable(), apply<ReluGrad>(retained_input(), ggx)}; }
};

struct Relu final : Function {
  const char* name() const override { return "relu"; }

  Array forward(const Array& x) override {
    Array y = kernels::relu(x);
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override { return {apply<ReluGrad>(retained_output(), gy)}; }
};

struct LeakyReluGrad final : Function {
  double slope;
  explicit LeakyReluGrad(double s) : slope(s) {}
  const char* name() const override { return "leaky_relu_grad"; }

  Array forward(const Array& x, const Array& gy) override {
    retain_inputs(0);
    return kernels::leaky_relu_grad(x, gy, slope);
  }
  Variables backward(const Variable& ggx) override {
    return {Variable(), apply(make_function<LeakyReluGrad>(slope), retained_input(), ggx)};
  }
};

struct LeakyRelu final : Function {
  double slope;
  explicit LeakyRelu(double s) : slope(s) {}
  const char* name() const override { return "leaky_relu"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    return kernels::leaky_relu(x, slope);
  }
  Variables backward(const Variable& gy) override {
    return {apply(make_function<LeakyReluGrad>(slope), retained_input(), gy)};
  }
};

/// gx = gy y (1 - y).
struct SigmoidGrad final : Function {
  const char* name() const override { return "sigmoid_grad"; }

  Array forward(const Array& y, const Array& gy) override {
    retain_inputs(0, 1);
    return kernels::sigmoid_grad(y, gy);
  }
  Variables backward(const Variable& ggx) override {
    auto [y, gy] = retained_inputs<2>();
    return {ggx * gy * (1 - 2 * y), apply<SigmoidGrad>(y, ggx)};
  }
};

struct Sigmoid final : Function {
  const char* name() const override { return "sigmoid"; }

  Array forward(const Array& x) override {
    Array y = kernels::sigmoid(x);
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override { return {apply<SigmoidGrad>(retained_output(), gy)}; }
};

/// gx = gy (1 - y^2).
struct TanhGrad final : Function {
  const char* name() const override { return "tanh_grad"; }

  Array forward(const Array& y, const Array& gy) override {
    retain_inputs(0, 1);
    return kernels::tanh_grad(y, gy);
  }
  Variables backward(const Variable& ggx) override {
    auto [y, gy] = retained_inputs<2>();
    return {-2 * y * gy * ggx, apply<TanhGrad>(y, ggx)};
  }
};

struct Tanh final : Function {
  const char* name() const override { return "tanh"; }

  Array forward(const Array& x) override {
    Array y = kernels::tanh(x);
    retain_output(y);
    return y;
  }
  Variables backward(const Variable& gy) override { return {apply<TanhGrad>(retained_output(), gy)}; }
};

/// Below zero every derivative of elu is alpha exp(x); from zero on, the ones above the first are 0.
struct EluGradGrad final : Function {
  double alpha;
  explicit EluGradGrad(double a) : alpha(a) {}
  const char* name() const override { return "elu_grad_grad"; }

  Array forward(const Array& x, const Array& gy) override {
    retain_inputs(0, 1);
    return kernels::elu_grad_grad(x, gy, alpha);
  }
  Variables backward(const Variable& g) override {
    auto [x, gy] = retained_inputs<2>();
    return {apply(make_function<EluGradGrad>(alpha), x, g * gy), apply(make_function<EluGradGrad>(alpha), x, g)};
  }
};

struct EluGrad final : Function {
  double alpha;
  explicit EluGrad(double a) : alpha(a) {}
  const char* name() const override { return "elu_grad"; }

  Array forward(const Array& x, const Array& gy) override {
    retain_inputs(0, 1);
    return kernels::elu_grad(x, gy, alpha);
  }
  Variables backward(const Variable& ggx) override {
    auto [x, gy] = retained_inputs<2>();
    return {apply(make_function<EluGradGrad>(alpha), x, ggx * gy), apply(make_function<EluGrad>(alpha), x, ggx)};
  }
};

struct Elu final : Function {
  double alpha;
  explicit Elu(double a) : alpha(a) {}
  const char* name() const override { return "elu"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    return kernels::elu(x, alpha);
  }
  Variables backward(const Variable& gy) override {
    return {apply(make_function<EluGrad>(alpha), retained_input(), gy)};
  }
};

struct Softplus final : Function {
  double beta;
  explicit Softplus(double b) : beta(b) {}
  const char* name() const override { return "softplus"; }

  Array forward(const Array& x) override {
    retain_inputs(0);
    return kernels::softplus(x, beta);
  }
  Variables backward(const Variable& gy) override { return {gy * sigmoid(retained_input() * beta)}; }
};

}  // namespace

Variable relu(const Variable& x) { return apply<Relu>(x); }
Variable leaky_relu(const Variable& x, double slope) { return apply(make_function<LeakyRelu>(slope), x); }
Variable sigmoid(const Variable& x) { return apply<Sigmoid>(x); }
Variable tanh(const Variable& x) { return apply<Tanh>(x); }
Variable elu(const Variable& x, double alpha) { return apply(make_function<Elu>(alpha), x); }

Variable softplus(const Variable& x, double beta) {
  if (!(beta > 0)) throw ValueError("softplus: beta is ", beta, ", expected a number above 0.");
  return apply(make_function<Softplus>(beta), x);
}

Variable clipped_relu(const Variable& x, double z) {
  if (!(z > 0)) throw ValueError("clipped_relu: z is ", z, ", expected a number above 0.");
  return elementwise(kernels::clipped_relu, x, {z});
}
Variable relu6(const Variable& x) { return clipped_relu(x, 6); }
Variable hard_sigmoid(const Variable& x) { return elementwise(kernels::hard_sigmoid, x); }
Variable selu(const Variable& x, double alpha, double scale) { return elementwise(kernels::selu, x, {alpha, scale}); }
Variable silu(const Variable& x) { return elementwise(kernels::silu, x); }
Variable gelu(const Variable& x, GeluForm form) {
  return elementwise(form == GeluForm::kExact ? kernels::gelu : kernels::gelu_tanh, x);
}
Variable mish(const Variable& x) { return elementwise(kernels::mish, x); }

}  // namespace rensa::functions
