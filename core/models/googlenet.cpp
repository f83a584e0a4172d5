#include "core/models/googlenet.h"

#include <array>
#include <string>

#include "core/functions/activation.h"
#include "core/functions/dropout.h"
#include "core/functions/normalization.h"
#include "core/functions/pooling.h"
#include "core/links/linear.h"
#include "core/models/convolution_unit.h"
#include "core/models/inception.h"

namespace rensa::models {
namespace {

struct Module {
  const char* name;
  InceptionWidths widths;
  std::int64_t pooling_after = 0;  ///< side of the window, stride 2; 0: none
};

/// Table 1 of the paper.
constexpr std::array<Module, 9> kModules = {{{"3a", {64, 96, 128, 16, 32, 32}},
                                             {"3b", {128, 128, 192, 32, 96, 64}, 3},
                                             {"4a", {192, 96, 208, 16, 48, 64}},
                                             {"4b", {160, 112, 224, 24, 64, 64}},
                                             {"4c", {128, 128, 256, 24, 64, 64}},
                                             {"4d", {112, 144, 288, 32, 64, 64}},
                                             {"4e", {256, 160, 320, 32, 128, 128}, 3},
                                             {"5a", {256, 160, 320, 32, 128, 128}},
                                             {"5b", {384, 192, 384, 48, 128, 128}}}};
constexpr double kEps = 1e-3;  ///< of batch normalization, as torchvision's

Variable pooled(const Variable& x, std::int64_t kernel) {
  return functions::max_pooling_2d(x, {.kernel = {kernel, kernel}, .stride = {{2, 2}}});
}

}  // namespace

GoogLeNet::GoogLeNet(const GoogLeNetOptions& o) : options_(o) {
  const auto stem = [&](const char* name, const char* normalized_name, const ConvolutionUnitOptions& unit) {
    if (o.batch_normalization) {
      stem_.push_back(std::make_unique<ConvolutionUnit>(unit));
    } else {
      stem_.push_back(std::make_unique<Convolution2D>(
          Convolution2DOptions{.in = unit.in,
                               .out = unit.out,
                               .kernel = {unit.kernel, unit.kernel},
                               .window = {.stride = {unit.stride, unit.stride}, .pad = {unit.pad, unit.pad}},
                               .dtype = o.dtype}));
    }
    add(o.batch_normalization ? normalized_name : name, *stem_.back());
  };
  stem("conv1", "conv1",
       {.in = o.channels, .out = 64, .kernel = 7, .stride = 2, .pad = 3, .eps = kEps, .dtype = o.dtype});
  stem("conv2_reduce", "conv2", {.in = 64, .out = 64, .kernel = 1, .eps = kEps, .dtype = o.dtype});
  stem("conv2", "conv3", {.in = 64, .out = 192, .kernel = 3, .pad = 1, .eps = kEps, .dtype = o.dtype});
  std::int64_t in = 192;
  for (const Module& module : kModules) {
    modules_.push_back(o.batch_normalization ? normalized_inception(in, module.widths, kEps, o.dtype)
                                             : inception(in, module.widths, o.dtype));
    add((o.batch_normalization ? "inception" : "inc") + std::string(module.name), *modules_.back());
    in = module.widths.out();
  }
  fc_ = std::make_unique<Linear>(LinearOptions{.in = in, .out = o.classes, .dtype = o.dtype});
  add(o.batch_normalization ? "fc" : "loss3_fc", *fc_);
}

GoogLeNet::~GoogLeNet() = default;

Variable GoogLeNet::forward(const Variable& x) {
  const bool normalized = options_.batch_normalization;
  const auto local = [&](const Variable& h) {
    return normalized ? h : functions::local_response_normalization(h, 5, /*k=*/1, /*alpha=*/2e-5);
  };
  const auto rectified = [&](const Variable& h) { return normalized ? h : functions::relu(h); };
  Variable h = local(pooled(rectified((*stem_[0])(x)), 3));
  h = rectified((*stem_[1])(h));
  h = pooled(local(rectified((*stem_[2])(h))), 3);
  for (std::size_t i = 0; i < modules_.size(); ++i) {
    h = (*modules_[i])(h);
    const std::int64_t window = kModules[i].pooling_after;
    if (window > 0) h = pooled(h, normalized && i == 6 ? 2 : window);  // torchvision's last one is 2 x 2
  }
  return (*fc_)(functions::dropout(functions::global_average_pooling_2d(h), options_.dropout));
}

}  // namespace rensa::models
