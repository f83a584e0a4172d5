#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/links/link.h"

namespace rensa::models {

/// Links and functions in a row, whose keys are their positions: unlike a Sequential's, which number links alone, those
/// of torchvision, where relu and pooling have a number too.
class NumberedLayers final : public UnaryLink {
 public:
  using Function = std::function<Variable(const Variable&)>;  ///< a step without parameters
  /// Adds one position.
  /// @{
  void append(std::unique_ptr<UnaryLink> link);
  void append(Function function) { layers_.push_back({nullptr, std::move(function)}); }
  /// @}
  Variable forward(const Variable& x) override;

 private:
  struct Layer {
    std::unique_ptr<UnaryLink> link;
    Function function;
  };
  std::vector<Layer> layers_;
};

// Each call below appends one position, a convolution two: itself and relu.

/// Options of append_convolution().
struct PlainConvolution {
  std::int64_t in, out, kernel = 3, stride = 1, pad = 0;
  Dtype dtype = Dtype::kFloat32;
};
/// A convolution with bias and He-normal weights, and relu.
void append_convolution(NumberedLayers& layers, const PlainConvolution& convolution);
/// A linear layer with weights N(0, 0.01²), as the networks of 2012 to 2014 have them.
void append_linear(NumberedLayers& layers, std::int64_t in, std::int64_t out, Dtype dtype);
void append_relu(NumberedLayers& layers);                   ///< one position, without parameters
void append_dropout(NumberedLayers& layers, double ratio);  ///< one position, without parameters
/// `cover_all`: a last window may reach over the edge (Caffe's rounding up).
void append_max_pooling(NumberedLayers& layers, std::int64_t kernel, std::int64_t stride, bool cover_all = false);

}  // namespace rensa::models
