#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/links/batch_normalization.h"
#include "core/links/convolution_2d.h"

namespace rensa::models {

/// Options of ConvolutionUnit.
struct ConvolutionUnitOptions {
  std::int64_t in, out;
  std::int64_t kernel = 3, stride = 1, pad = 0, groups = 1;
  double eps = 1e-5;  ///< of batch normalization
  /// What follows the normalization.
  enum class Activation { kNone, kRelu, kRelu6 } activation = Activation::kRelu;
  std::string convolution_name = "conv", normalization_name = "bn";
  Dtype dtype = Dtype::kFloat32;
};

/// A convolution without bias, batch normalization and a rectifier: what networks after 2015 are made of. Keys: conv/W,
/// bn/gamma … under the names in the options.
class ConvolutionUnit final : public UnaryLink {
 public:
  explicit ConvolutionUnit(const ConvolutionUnitOptions& options);
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<ConvolutionUnit>(options_); }

 private:
  const ConvolutionUnitOptions options_;
  Convolution2D convolution_;
  BatchNormalization normalization_;
};

}  // namespace rensa::models
