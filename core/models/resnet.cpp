#include "core/models/resnet.h"

#include <array>
#include <map>

#include "core/error.h"
#include "core/functions/dropout.h"
#include "core/functions/pooling.h"
#include "core/links/normalized_convolution.h"

namespace rensa::models {
namespace {

using StageSizes = std::array<int, 4>;

StageSizes stage_sizes(int layers) {
  static const std::map<int, StageSizes> table = {
      {18, {2, 2, 2, 2}}, {34, {3, 4, 6, 3}}, {50, {3, 4, 6, 3}}, {101, {3, 4, 23, 3}}, {152, {3, 8, 36, 3}}};
  const auto found = table.find(layers);
  if (found == table.end()) {
    throw ValueError("ResNet: there is no network of ", layers, " layers, expected 18, 34, 50, 101 or 152.");
  }
  return found->second;
}

bool has_bottlenecks(int layers) { return layers >= 50; }
std::int64_t expansion(int layers) { return has_bottlenecks(layers) ? 4 : 1; }

std::unique_ptr<Convolution2D> convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                           Dtype dtype, std::int64_t groups = 1) {
  const std::int64_t pad = kernel / 2;
  return std::make_unique<Convolution2D>(
      Convolution2DOptions{.in = in,
                           .out = out,
                           .kernel = {kernel, kernel},
                           .window = {.stride = {stride, stride}, .pad = {pad, pad}, .groups = groups},
                           .bias = false,
                           .initial_W = init::he_normal(1, /*fan_out=*/true),
                           .dtype = dtype});
}

std::unique_ptr<BatchNormalization> normalization(std::int64_t size, const ResNetOptions& o) {
  return std::make_unique<BatchNormalization>(
      BatchNormalizationLinkOptions{.size = size, .eps = o.eps, .dtype = o.dtype});
}

}  // namespace

/// Two or three convolutions beside a shortcut, which is projected where the shape changes.
class ResNet::Block : public Link {
 public:
  Block(std::int64_t in, std::int64_t width, std::int64_t stride, const ResNetOptions& o) {
    const std::int64_t out = width * expansion(o.layers);
    if (has_bottlenecks(o.layers)) {
      const std::int64_t inner = width * o.group_width / 64 * o.groups;
      append(convolution(in, inner, 1, 1, o.dtype), inner, o);
      append(convolution(inner, inner, 3, stride, o.dtype, o.groups), inner, o);
      append(convolution(inner, out, 1, 1, o.dtype), out, o);
    } else {
      append(convolution(in, width, 3, stride, o.dtype), width, o);
      append(convolution(width, out, 3, 1, o.dtype), out, o);
    }
    if (o.zero_last_gamma) {
      const Parameter& gamma = normalizations_.back()->gamma;
      gamma.array().copy_from(zeros(gamma.shape(), gamma.dtype()));
    }
    if (stride == 1 && in == out) return;
    downsample_ = std::make_unique<Downsample>(convolution(in, out, 1, stride, o.dtype), normalization(out, o));
    add("downsample", *downsample_);
  }

  Variable operator()(const Variable& x) {
    const Variable shortcut =
        downsample_ ? normalized_convolution(*downsample_->project, *downsample_->normalize, x) : x;
    Variable h = x;
    for (std::size_t i = 0; i < convolutions_.size(); ++i) {
      const bool last = i + 1 == convolutions_.size();
      h = normalized_convolution(*convolutions_[i], *normalizations_[i], h,
                                 {.residual = last ? &shortcut : nullptr, .relu = true});
    }
    return h;
  }

 private:
  struct Downsample : Link {
    std::unique_ptr<Convolution2D> project;
    std::unique_ptr<BatchNormalization> normalize;
    Downsample(std::unique_ptr<Convolution2D> c, std::unique_ptr<BatchNormalization> n)
        : project(std::move(c)), normalize(std::move(n)) {
      add("0", *project);
      add("1", *normalize);
    }
  };

  void append(std::unique_ptr<Convolution2D> c, std::int64_t out, const ResNetOptions& o) {
    convolutions_.push_back(std::move(c));
    normalizations_.push_back(normalization(out, o));
    const std::string number = std::to_string(convolutions_.size());
    add("conv" + number, *convolutions_.back());
    add("bn" + number, *normalizations_.back());
  }

  std::vector<std::unique_ptr<Convolution2D>> convolutions_;
  std::vector<std::unique_ptr<BatchNormalization>> normalizations_;
  std::unique_ptr<Downsample> downsample_;
};

struct ResNet::Stage : Link {
  std::vector<std::unique_ptr<Block>> blocks;

  Stage(std::int64_t& channels, std::int64_t width, std::int64_t stride, int count, const ResNetOptions& o) {
    for (int i = 0; i < count; ++i) {
      blocks.push_back(std::make_unique<Block>(channels, width, i == 0 ? stride : 1, o));
      channels = width * expansion(o.layers);
      add(std::to_string(i), *blocks.back());
    }
  }
};

ResNet::ResNet(const ResNetOptions& o) : options_(o) {
  const StageSizes sizes = stage_sizes(o.layers);
  conv1_ = convolution(o.channels, o.width, o.small_pictures ? 3 : 7, o.small_pictures ? 1 : 2, o.dtype);
  bn1_ = normalization(o.width, o);
  add("conv1", *conv1_);
  add("bn1", *bn1_);
  std::int64_t channels = o.width;
  for (std::size_t stage = 0; stage < sizes.size(); ++stage) {
    stages_.push_back(std::make_unique<Stage>(channels, o.width << stage, stage == 0 ? 1 : 2, sizes[stage], o));
    add("layer" + std::to_string(stage + 1), *stages_.back());
  }
  fc_ = std::make_unique<Linear>(LinearOptions{.in = channels, .out = o.classes, .dtype = o.dtype});
  add("fc", *fc_);
}

ResNet::~ResNet() = default;

Variable ResNet::forward(const Variable& x) {
  Variable h = normalized_convolution(*conv1_, *bn1_, x, {.relu = true});
  if (!options_.small_pictures) {
    h = functions::max_pooling_2d(h, {.kernel = {3, 3}, .stride = {{2, 2}}, .pad = {1, 1}, .cover_all = false});
  }
  for (const auto& stage : stages_) {
    for (const auto& block : stage->blocks) h = (*block)(h);
  }
  return (*fc_)(functions::dropout(functions::global_average_pooling_2d(h), options_.dropout));
}

namespace {
std::unique_ptr<ResNet> of_layers(ResNetOptions options, int layers) {
  options.layers = layers;
  return std::make_unique<ResNet>(options);
}
}  // namespace

std::unique_ptr<ResNet> resnext50(ResNetOptions options) {
  options.groups = 32;
  options.group_width = 4;
  return of_layers(options, 50);
}
std::unique_ptr<ResNet> resnet18(ResNetOptions options) { return of_layers(options, 18); }
std::unique_ptr<ResNet> resnet34(ResNetOptions options) { return of_layers(options, 34); }
std::unique_ptr<ResNet> resnet50(ResNetOptions options) { return of_layers(options, 50); }
std::unique_ptr<ResNet> resnet101(ResNetOptions options) { return of_layers(options, 101); }
std::unique_ptr<ResNet> resnet152(ResNetOptions options) { return of_layers(options, 152); }

}  // namespace rensa::models
