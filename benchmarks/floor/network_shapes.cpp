#include "benchmarks/floor/network_shapes.h"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

namespace rensa::floor {
namespace {

/// Builds the list while it walks through the network; x_ is the shape of the current activation.
class Walk {
 public:
  Walk(std::int64_t batch, std::int64_t channels, std::int64_t size, double element_bytes)
      : element_bytes_(element_bytes), batch_(batch), channels_(channels), height_(size), width_(size) {}

  void convolution(std::int64_t out, std::int64_t kernel, std::int64_t stride) {
    Convolution c{batch_, channels_, height_, width_, out, kernel, stride, shapes_.convolutions.empty()};
    auto same = std::find_if(shapes_.convolutions.begin(), shapes_.convolutions.end(),
                             [&](const Convolution& o) { return o.same_shape(c); });
    if (same == shapes_.convolutions.end()) {
      shapes_.convolutions.push_back(c);
    } else {
      ++same->count;
    }
    parameters(out * channels_ * kernel * kernel);
    channels_ = out;
    height_ = c.out_height();
    width_ = c.out_width();
  }
  /// Forward: x for the statistics, x, y. Backward: x and gy for the sums, x, gy, gx. ReLU rides along.
  void batch_normalization() {
    passes(8);
    parameters(2 * channels_);
  }
  /// Forward: the shortcut is read. Backward: its gradient is written.
  void add() { passes(2); }
  void relu() { passes(5); }  // x, y; y, gy, gx
  void max_pooling(std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
    passes(2);  // x; gx
    height_ = (height_ + 2 * pad - kernel) / stride + 1;
    width_ = (width_ + 2 * pad - kernel) / stride + 1;
    passes(2);  // y; gy
  }
  void global_average() {
    passes(2);  // x; gx
    height_ = width_ = 1;
  }
  void linear(std::int64_t out) {
    shapes_.products.push_back({batch_, channels_, out, shapes_.products.empty() && shapes_.convolutions.empty()});
    parameters((channels_ + 1) * out);
    channels_ = out;
  }
  std::array<std::int64_t, 3> shape() const { return {channels_, height_, width_}; }
  void set_shape(std::array<std::int64_t, 3> s) { channels_ = s[0], height_ = s[1], width_ = s[2]; }

  NetworkShapes finish() {
    // momentum SGD reads p, g, v and writes p, v; of 16-bit weights it reads g and writes another p in 16 bits
    const double others = element_bytes_ < kFloat ? 2 * element_bytes_ : kFloat;
    shapes_.other_bytes += (4 * kFloat + others) / kFloat * shapes_.parameter_bytes;
    return shapes_;
  }

 private:
  void passes(int count) {
    shapes_.other_bytes += count * element_bytes_ * static_cast<double>(batch_ * channels_ * height_ * width_);
  }
  void parameters(std::int64_t count) { shapes_.parameter_bytes += kFloat * static_cast<double>(count); }

  static constexpr double kFloat = 4;  // bytes
  double element_bytes_;
  std::int64_t batch_, channels_, height_, width_;
  NetworkShapes shapes_;
};

NetworkShapes mlp(std::int64_t batch, double element_bytes) {
  Walk walk(batch, 784, 1, element_bytes);
  walk.linear(1000);
  walk.relu();
  walk.linear(1000);
  walk.relu();
  walk.linear(10);
  return walk.finish();
}

NetworkShapes vgg_cifar(std::int64_t batch, std::int64_t size, double element_bytes) {
  Walk walk(batch, 3, size, element_bytes);
  for (std::int64_t width : {64, 128, 256}) {
    for (int i = 0; i < 2; ++i) {
      walk.convolution(width, 3, 1);
      walk.batch_normalization();
    }
    walk.max_pooling(2, 2, 0);
  }
  walk.global_average();
  walk.linear(10);
  return walk.finish();
}

void residual_block(Walk& walk, std::int64_t width, std::int64_t stride, bool bottleneck) {
  const std::int64_t out = bottleneck ? 4 * width : width;
  const auto x = walk.shape();
  if (bottleneck) {
    walk.convolution(width, 1, 1);
    walk.batch_normalization();
    walk.convolution(width, 3, stride);
    walk.batch_normalization();
    walk.convolution(out, 1, 1);
  } else {
    walk.convolution(width, 3, stride);
    walk.batch_normalization();
    walk.convolution(out, 3, 1);
  }
  walk.batch_normalization();
  walk.add();
  if (stride == 1 && x[0] == out) return;
  walk.set_shape(x);
  walk.convolution(out, 1, stride);
  walk.batch_normalization();
}

NetworkShapes resnet(std::int64_t batch, std::int64_t size, double element_bytes, bool bottleneck,
                     std::array<int, 4> blocks) {
  Walk walk(batch, 3, size, element_bytes);
  walk.convolution(64, 7, 2);
  walk.batch_normalization();
  walk.max_pooling(3, 2, 1);
  for (int stage = 0; stage < 4; ++stage) {
    for (int i = 0; i < blocks[stage]; ++i) {
      residual_block(walk, std::int64_t{64} << stage, stage > 0 && i == 0 ? 2 : 1, bottleneck);
    }
  }
  walk.global_average();
  walk.linear(1000);
  return walk.finish();
}

}  // namespace

NetworkShapes network_shapes(const std::string& model, std::int64_t batch, std::int64_t image_size, int element_bytes) {
  if (model == "mlp") return mlp(batch, element_bytes);
  if (model == "vgg_cifar") return vgg_cifar(batch, image_size, element_bytes);
  const std::map<std::string, std::pair<bool, std::array<int, 4>>> resnets{{"resnet18", {false, {2, 2, 2, 2}}},
                                                                           {"resnet34", {false, {3, 4, 6, 3}}},
                                                                           {"resnet50", {true, {3, 4, 6, 3}}},
                                                                           {"resnet101", {true, {3, 4, 23, 3}}},
                                                                           {"resnet152", {true, {3, 8, 36, 3}}}};
  if (auto found = resnets.find(model); found != resnets.end()) {
    return resnet(batch, image_size, element_bytes, found->second.first, found->second.second);
  }
  throw std::invalid_argument("floor: unknown model '" + model +
                              "'; known: mlp, vgg_cifar, resnet18, 34, 50, 101, 152");
}

}  // namespace rensa::floor
