#include "core/kernels/activation.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/math.h"
#include "core/kernels/memory.h"
#include "core/kernels/reduction.h"
#include "tests/core/kernels/cuda/gpu_case.h"

namespace rensa {
namespace {

using namespace testing;
using Arrays = std::vector<Array>;

class ElementwiseGpuTest : public GpuTest {};

/// As it lies, transposed, with gaps, and of a size that is no multiple of a vector.
Arrays layouts(Dtype dtype, double mean, double deviation) {
  const Array x = numbers({6, 35}, dtype, 1, mean, deviation);
  return {x,
          x.transpose(),
          x.slice(1, {.step = 3}),
          numbers({2, 3, 4, 5}, dtype, 2, mean, deviation).channels_last(),
          numbers({}, dtype, 3, mean, deviation),
          numbers({0, 3}, dtype, 3),
          numbers({100003}, dtype, 4, mean, deviation)};
}

TEST_F(ElementwiseGpuTest, UnaryFormulasInEveryLayout) {
  for (const Dtype dtype : kFloatingTypes) {
    for (const auto* kernel : {&kernels::relu, &kernels::sigmoid, &kernels::tanh, &kernels::exp, &kernels::abs}) {
      for (const Array& x : layouts(dtype, 0, 2)) {
        expect_same(kernel->name(), {x}, [&](const Arrays& in) { return (*kernel)(in[0]); });
      }
    }
    for (const auto* kernel : {&kernels::log, &kernels::sqrt}) {
      expect_same(kernel->name(), {kernels::abs(numbers({1000}, dtype, 1, 0, 3))},
                  [&](const Arrays& in) { return (*kernel)(in[0]); });
    }
  }
}

TEST_F(ElementwiseGpuTest, BinaryFormulasBroadcast) {
  for (const Dtype dtype : kFloatingTypes) {
    for (const auto* kernel : {&kernels::add, &kernels::sub, &kernels::mul, &kernels::div, &kernels::maximum,
                               &kernels::minimum, &kernels::not_less, &kernels::equal}) {
      const Array a = numbers({6, 35}, dtype, 1), b = numbers({6, 35}, dtype, 2, 3);
      const auto run = [&](const Arrays& in) { return (*kernel)(in[0], in[1]); };
      expect_same(kernel->name(), {a, b}, run);
      expect_same(kernel->name(), {a.transpose(), b.transpose()}, run);
      expect_same(kernel->name(), {a, b.transpose().contiguous().transpose()}, run);
      expect_same(kernel->name(), {a, numbers({35}, dtype, 3, 2)}, run);
      expect_same(kernel->name(), {numbers({6, 1}, dtype, 3), b}, run);
      expect_same(kernel->name(), {numbers({7, 1, 5}, dtype, 3), numbers({6, 1}, dtype, 4, 2)}, run);
    }
    for (const auto* kernel : {&kernels::relu_grad, &kernels::tanh_grad, &kernels::sigmoid_grad, &kernels::abs_grad}) {
      const Array y = numbers({6, 35}, dtype, 1), gy = numbers({6, 35}, dtype, 2);
      const auto run = [&](const Arrays& in) { return (*kernel)(in[0], in[1]); };
      expect_same(kernel->name(), {y, gy}, run);
      expect_same(kernel->name(), {y.slice(1, {.step = 2}), gy.slice(1, {.step = 2})}, run);
      expect_same(kernel->name(), {y, gy.transpose().contiguous().transpose()}, run);
    }
    const Array base = kernels::abs(numbers({500}, dtype, 5));
    expect_same(
        "pow", {base, numbers({500}, dtype, 6)}, [](const Arrays& in) { return kernels::pow(in[0], in[1]); }, 8);
  }
}

TEST_F(ElementwiseGpuTest, NumbersBesideAnArray) {
  for (const Dtype dtype : kFloatingTypes) {
    const Array x = kernels::add_number(kernels::abs(numbers({1001}, dtype, 1)), 0.5);
    for (const auto* kernel :
         {&kernels::add_number, &kernels::mul_number, &kernels::div_number, &kernels::number_divided_by,
          &kernels::pow_number, &kernels::leaky_relu, &kernels::elu, &kernels::softplus}) {
      expect_same(kernel->name(), {x}, [&](const Arrays& in) { return (*kernel)(in[0], 1.7); }, 4);
    }
    expect_same("clip", {numbers({1001}, dtype, 2)}, [](const Arrays& in) { return kernels::clip(in[0], -0.5, 1); });
  }
}

TEST_F(ElementwiseGpuTest, FormulasWithTheirDerivatives) {
  struct Case {
    const kernels::Differentiable* kernel;
    double mean, deviation;  ///< of x: inside the formula's domain
  };
  const Case cases[] = {
      {&kernels::gelu, 0, 2},    {&kernels::gelu_tanh, 0, 2}, {&kernels::silu, 0, 2},       {&kernels::mish, 0, 2},
      {&kernels::sin, 0, 2},     {&kernels::cos, 0, 2},       {&kernels::tan, 0, 0.2},      {&kernels::arcsin, 0, 0.1},
      {&kernels::arctan, 0, 2},  {&kernels::sinh, 0, 1},      {&kernels::arcsinh, 0, 2},    {&kernels::arccosh, 3, 0.2},
      {&kernels::expm1, 0, 1},   {&kernels::log1p, 1, 0.1},   {&kernels::log2, 3, 0.3},     {&kernels::rsqrt, 3, 0.3},
      {&kernels::floor, 0, 3},   {&kernels::sign, 0, 3},      {&kernels::erf, 0, 1},        {&kernels::erfc, 0, 1},
      {&kernels::erfcx, 1, 0.3}, {&kernels::erfinv, 0, 0.1},  {&kernels::ndtri, 0.5, 0.02}, {&kernels::log_ndtr, 0, 2},
      {&kernels::lgamma, 4, 0.3}};
  for (const Dtype dtype : kFloatingTypes) {
    for (const Case& c : cases) {
      const Array x = numbers({300}, dtype, 1, c.mean, c.deviation), gy = numbers({300}, dtype, 2);
      for (int order = 0; order <= kernels::kMostDerivatives; ++order) {
        expect_same(
            std::string(c.kernel->name()) + " order " + std::to_string(order), {x, order == 0 ? Array() : gy},
            [&](const Arrays& in) { return (*c.kernel)(in[0], in[1], order, {}); }, order < 2 ? 8 : 64);
      }
    }
    expect_same(
        "polygamma", {numbers({300}, dtype, 3, 5, 0.5)},
        [](const Arrays& in) { return kernels::polygamma(in[0], Array(), 0, {2, 0}); }, 8);
  }
}

TEST_F(ElementwiseGpuTest, CopiesBetweenAllDtypesAndLayouts) {
  for (int from = 0; from < kDtypes; ++from) {
    for (int to = 0; to < kDtypes; ++to) {
      const Array x = numbers({5, 7, 9}, Dtype::kFloat32, 1, 30, 8).to(static_cast<Dtype>(from));
      const auto target = static_cast<Dtype>(to);
      expect_same("cast", {x}, [&](const Arrays& in) { return in[0].to(target); });
      expect_same("strided cast", {x.transpose()}, [&](const Arrays& in) {
        const Array y = zeros({9, 7, 5}, target, in[0].device());
        y.copy_from(in[0]);
        return y;
      });
    }
  }
  for (const Dtype dtype : {Dtype::kBool, Dtype::kFloat16, Dtype::kFloat32, Dtype::kInt64}) {
    const Array x = numbers({3, 40, 17, 5}, Dtype::kFloat32, 1, 3).to(dtype);
    expect_same("to channels-last", {x}, [](const Arrays& in) { return in[0].channels_last(); });
    expect_same("from channels-last", {x.channels_last()}, [](const Arrays& in) { return in[0].contiguous(); });
    expect_same("fill", {x}, [](const Arrays& in) {
      const Array y = in[0].copy();
      y.slice(1, {.step = 3}).fill(1);
      return y;
    });
  }
}

TEST_F(ElementwiseGpuTest, AccumulateAddsInEveryDtype) {
  for (int dtype = 1; dtype < kDtypes; ++dtype) {
    const Array x = numbers({11, 13}, Dtype::kFloat32, 1, 20, 3).to(static_cast<Dtype>(dtype)),
                y = numbers({11, 13}, Dtype::kFloat32, 2, 20, 3).to(x.dtype());
    expect_same_written("accumulate", {x, y}, [](const Arrays& in) { kernels::accumulate(in[0], in[1]); });
    expect_same_written("strided accumulate", {x, y.transpose().contiguous()},
                        [](const Arrays& in) { kernels::accumulate(in[0], in[1].transpose()); });
  }
}

}  // namespace
}  // namespace rensa
