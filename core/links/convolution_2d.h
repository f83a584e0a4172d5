#pragma once

#include <array>
#include <cstdint>

#include "core/functions/convolution.h"
#include "core/links/link.h"

namespace rensa {

/// Options of Convolution2D.
struct Convolution2DOptions {
  std::int64_t in, out;                         ///< channels of x (kLazySize: those of the first batch), of y
  std::array<std::int64_t, 2> kernel = {3, 3};  ///< vertical, horizontal
  functions::ConvolutionOptions window = {};    ///< stride, pad, dilate, groups
  bool bias = true;
  Initializer initial_W = init::lecun_normal();
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_b = init::zeros();
};

/// Two-dimensional convolution: x (N, in, H, W'), W (out, in / groups, kh, kw), b (out). W starts LeCun-normal, b at
/// zero. See functions::convolution_2d.
class Convolution2D : public UnaryLink {
 public:
  explicit Convolution2D(const Convolution2DOptions& options);
  Variable forward(const Variable& x) override;

  Parameter W, b;
  const bool bias;
  const functions::ConvolutionOptions window;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Convolution2D>(options_); }

 private:
  const Convolution2DOptions options_;
};

}  // namespace rensa
