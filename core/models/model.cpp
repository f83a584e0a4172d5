#include "core/models/model.h"

#include <functional>
#include <utility>

#include "core/error.h"
#include "core/models/alexnet.h"
#include "core/models/googlenet.h"
#include "core/models/googlenet_bn.h"
#include "core/models/mlp.h"
#include "core/models/mobilenet_v2.h"
#include "core/models/nin.h"
#include "core/models/resnet.h"
#include "core/models/vgg.h"
#include "core/models/vgg_cifar.h"
#include "core/models/vision_transformer.h"

namespace rensa::models {
namespace {

std::int64_t channels_of(const ModelOptions& o) {
  if (o.input.ndim() == 3) return o.input[0];
  throw ShapeError("a convolutional network takes samples (channels, height, width), these are ", o.input, ".");
}

template <int kLayers, bool kSmallPictures = false>
std::unique_ptr<UnaryLink> resnet(const ModelOptions& o) {
  return std::make_unique<ResNet>(ResNetOptions{.layers = kLayers,
                                                .channels = channels_of(o),
                                                .classes = o.classes,
                                                .width = o.width,
                                                .small_pictures = kSmallPictures,
                                                .eps = o.eps,
                                                .zero_last_gamma = o.zero_last_gamma,
                                                .dropout = o.dropout,
                                                .dtype = o.dtype});
}

std::int64_t side_of(const ModelOptions& o) {
  channels_of(o);
  if (o.input[1] == o.input[2]) return o.input[1];
  throw ShapeError("a network with linear layers takes square pictures, these are ", o.input, ".");
}

std::unique_ptr<UnaryLink> resnext(const ModelOptions& o) {
  return resnext50({.channels = channels_of(o),
                    .classes = o.classes,
                    .width = o.width,
                    .eps = o.eps,
                    .zero_last_gamma = o.zero_last_gamma,
                    .dropout = o.dropout,
                    .dtype = o.dtype});
}

template <int kLayers>
std::unique_ptr<UnaryLink> vgg(const ModelOptions& o) {
  return std::make_unique<Vgg>(VggOptions{
      .layers = kLayers, .channels = channels_of(o), .size = side_of(o), .classes = o.classes, .dtype = o.dtype});
}

template <bool kNormalized>
std::unique_ptr<UnaryLink> googlenet(const ModelOptions& o) {
  return std::make_unique<GoogLeNet>(GoogLeNetOptions{
      .channels = channels_of(o), .classes = o.classes, .batch_normalization = kNormalized, .dtype = o.dtype});
}

std::unique_ptr<UnaryLink> vision_transformer(const ModelOptions& o, std::int64_t size, int heads) {
  return std::make_unique<VisionTransformer>(VisionTransformerOptions{.channels = channels_of(o),
                                                                      .side = side_of(o),
                                                                      .classes = o.classes,
                                                                      .size = size,
                                                                      .heads = heads,
                                                                      .hidden = 4 * size,
                                                                      .dropout = o.dropout,
                                                                      .dtype = o.dtype});
}

using Maker = std::function<std::unique_ptr<UnaryLink>(const ModelOptions&)>;

const std::vector<std::pair<std::string, Maker>>& makers() {
  static const std::vector<std::pair<std::string, Maker>> table = {
      {"mlp",
       [](const ModelOptions& o) {
         return std::make_unique<Mlp>(
             MlpOptions{.in = total_size(o.input), .units = o.units, .out = o.classes, .dtype = o.dtype});
       }},
      {"vgg_cifar",
       [](const ModelOptions& o) {
         return std::make_unique<VggCifar>(VggCifarOptions{.channels = channels_of(o),
                                                           .classes = o.classes,
                                                           .widths = {o.width, 2 * o.width, 4 * o.width},
                                                           .eps = o.eps,
                                                           .dtype = o.dtype});
       }},
      {"resnet18", resnet<18>},
      {"resnet34", resnet<34>},
      {"resnet50", resnet<50>},
      {"resnet101", resnet<101>},
      {"resnet152", resnet<152>},
      {"cifar_resnet18", resnet<18, true>},
      {"resnext50", resnext},
      {"alexnet",
       [](const ModelOptions& o) {
         return std::make_unique<AlexNet>(
             AlexNetOptions{.channels = channels_of(o), .size = side_of(o), .classes = o.classes, .dtype = o.dtype});
       }},
      {"nin",
       [](const ModelOptions& o) {
         return std::make_unique<Nin>(NinOptions{.channels = channels_of(o), .classes = o.classes, .dtype = o.dtype});
       }},
      {"googlenet", googlenet<false>},
      {"googlenet_bn",
       [](const ModelOptions& o) {
         return std::make_unique<GoogLeNetBn>(
             GoogLeNetBnOptions{.channels = channels_of(o), .classes = o.classes, .dtype = o.dtype});
       }},
      {"googlenet_torchvision", googlenet<true>},
      {"vgg16", vgg<16>},
      {"vgg19", vgg<19>},
      {"mobilenet_v2",
       [](const ModelOptions& o) {
         return std::make_unique<MobileNetV2>(
             MobileNetV2Options{.channels = channels_of(o), .classes = o.classes, .dtype = o.dtype});
       }},
      {"vit_s_16", [](const ModelOptions& o) { return vision_transformer(o, 384, 6); }},
      {"vit_b_16", [](const ModelOptions& o) { return vision_transformer(o, 768, 12); }},
  };
  return table;
}

}  // namespace

const std::vector<std::string>& model_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const auto& [name, make] : makers()) result.push_back(name);
    return result;
  }();
  return names;
}

std::unique_ptr<UnaryLink> make_model(const std::string& name, const ModelOptions& options) {
  for (const auto& [each, make] : makers()) {
    if (each == name) return make(options);
  }
  throw ValueError("there is no network \"", name, "\", expected one of: ", detail::list(model_names()), ".");
}

}  // namespace rensa::models
