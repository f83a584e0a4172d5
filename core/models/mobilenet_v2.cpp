#include "core/models/mobilenet_v2.h"

#include <array>
#include <string>
#include <vector>

#include "core/functions/pooling.h"
#include "core/links/normalized_convolution.h"
#include "core/models/convolution_unit.h"
#include "core/models/layers.h"

namespace rensa::models {
namespace {

using Activation = ConvolutionUnitOptions::Activation;

/// Widens by 1 x 1, filters each channel by 3 x 3, narrows by 1 x 1 without a rectifier; a shortcut where the shape
/// stays.
class InvertedResidual final : public UnaryLink {
 public:
  struct Options {
    std::int64_t in, out, stride, expansion;
    double eps;
    Dtype dtype;
  };
  explicit InvertedResidual(const Options& o) : options_(o), conv_(o) { add("conv", conv_); }

  Variable forward(const Variable& x) override {
    Variable h = x;
    for (const auto& unit : conv_.units) h = (*unit)(h);
    const bool same = options_.stride == 1 && options_.in == options_.out;
    return normalized_convolution(*conv_.narrow, *conv_.normalize, h, {.residual = same ? &x : nullptr});
  }

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<InvertedResidual>(options_); }

 private:
  /// Units, narrow convolution and its normalization, numbered in one row as torchvision does.
  struct Row : Link {
    std::vector<std::unique_ptr<ConvolutionUnit>> units;
    std::unique_ptr<Convolution2D> narrow;
    std::unique_ptr<BatchNormalization> normalize;

    explicit Row(const Options& o) {
      const std::int64_t hidden = o.in * o.expansion;
      ConvolutionUnitOptions unit{.in = o.in,
                                  .out = hidden,
                                  .kernel = 1,
                                  .eps = o.eps,
                                  .activation = Activation::kRelu6,
                                  .convolution_name = "0",
                                  .normalization_name = "1",
                                  .dtype = o.dtype};
      if (o.expansion != 1) units.push_back(std::make_unique<ConvolutionUnit>(unit));
      unit.in = unit.groups = hidden;
      unit.kernel = 3;
      unit.stride = o.stride;
      unit.pad = 1;
      units.push_back(std::make_unique<ConvolutionUnit>(unit));
      narrow = std::make_unique<Convolution2D>(Convolution2DOptions{.in = hidden,
                                                                    .out = o.out,
                                                                    .kernel = {1, 1},
                                                                    .bias = false,
                                                                    .initial_W = init::he_normal(1, /*fan_out=*/true),
                                                                    .dtype = o.dtype});
      normalize = std::make_unique<BatchNormalization>(
          BatchNormalizationLinkOptions{.size = o.out, .eps = o.eps, .dtype = o.dtype});
      int number = 0;
      for (const auto& each : units) add(std::to_string(number++), *each);
      add(std::to_string(number), *narrow);
      add(std::to_string(number + 1), *normalize);
    }
  };
  const Options options_;
  Row conv_;
};

struct Stage {
  std::int64_t expansion, width, count, stride;
};
/// Table 2 of the paper.
constexpr std::array<Stage, 7> kStages = {
    {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}};

}  // namespace

MobileNetV2::MobileNetV2(const MobileNetV2Options& o) : options_(o) {
  const auto unit = [&](std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
    return std::make_unique<ConvolutionUnit>(ConvolutionUnitOptions{.in = in,
                                                                    .out = out,
                                                                    .kernel = kernel,
                                                                    .stride = stride,
                                                                    .pad = kernel / 2,
                                                                    .eps = o.eps,
                                                                    .activation = Activation::kRelu6,
                                                                    .convolution_name = "0",
                                                                    .normalization_name = "1",
                                                                    .dtype = o.dtype});
  };
  std::int64_t in = 32;
  features_.append(unit(o.channels, in, 3, 2));
  for (const Stage& stage : kStages) {
    for (std::int64_t i = 0; i < stage.count; ++i, in = stage.width) {
      features_.append(std::make_unique<InvertedResidual>(
          InvertedResidual::Options{in, stage.width, i == 0 ? stage.stride : 1, stage.expansion, o.eps, o.dtype}));
    }
  }
  features_.append(unit(in, 1280, 1, 1));
  append_dropout(classifier_, o.dropout);
  append_linear(classifier_, 1280, o.classes, o.dtype);
  add("features", features_);
  add("classifier", classifier_);
}

Variable MobileNetV2::forward(const Variable& x) {
  return classifier_(functions::global_average_pooling_2d(features_(x)));
}

}  // namespace rensa::models
