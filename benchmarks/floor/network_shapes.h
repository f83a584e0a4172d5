#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace rensa::floor {

/// One convolution of a network, square kernel. Padding is (kernel - 1) / 2.
struct Convolution {
  std::int64_t batch, channels, height, width;  // of x
  std::int64_t out_channels, kernel, stride;
  bool first = false;  // nobody needs the gradient of the pictures
  int count = 1;       // how often the network has it

  std::int64_t pad() const { return (kernel - 1) / 2; }
  std::int64_t out_height() const { return (height + 2 * pad() - kernel) / stride + 1; }
  std::int64_t out_width() const { return (width + 2 * pad() - kernel) / stride + 1; }
  /// Multiplications and additions of one of forward, gradient of x, gradient of W.
  double flops() const { return 2.0 * batch * out_channels * out_height() * out_width() * channels * kernel * kernel; }
  bool same_shape(const Convolution& o) const {
    return batch == o.batch && channels == o.channels && height == o.height && width == o.width &&
           out_channels == o.out_channels && kernel == o.kernel && stride == o.stride && first == o.first;
  }
};

/// y (rows, out) = x (rows, in) W^T (in, out).
struct Product {
  std::int64_t rows, in, out;
  bool first = false;
  double flops() const { return 2.0 * rows * in * out; }
};

/// What a training step of a network consists of.
struct NetworkShapes {
  std::vector<Convolution> convolutions;  // distinct shapes, with counts
  std::vector<Product> products;
  double other_bytes = 0;  // what all other operations read and write at least, forward and backward
  double parameter_bytes = 0;
};

/// `model`: mlp, vgg_cifar, resnet18, 34, 50, 101 or 152, with the sizes of scripts/oracle/networks.py.
/// `element_bytes`: of activations and gradients; the optimizer keeps float32 and writes the weights in that size, too.
/// Throws std::invalid_argument for another name.
NetworkShapes network_shapes(const std::string& model, std::int64_t batch, std::int64_t image_size, int element_bytes);

}  // namespace rensa::floor
