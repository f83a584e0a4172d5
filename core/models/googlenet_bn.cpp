#include "core/models/googlenet_bn.h"

#include <array>
#include <string>

#include "core/functions/pooling.h"
#include "core/links/normalized_convolution.h"

namespace rensa::models {
namespace {

/// Channels; without a 1 x 1 branch (out1 = 0) the module halves the picture and passes the pooled one on.
struct Module {
  const char* name;
  std::int64_t out1, proj3, out3, proj33, out33, proj_pool;
  bool average_pooling;
};

constexpr std::array<Module, 10> kModules = {{{"inc3a", 64, 64, 64, 64, 96, 32, true},
                                              {"inc3b", 64, 64, 96, 64, 96, 64, true},
                                              {"inc3c", 0, 128, 160, 64, 96, 0, false},
                                              {"inc4a", 224, 64, 96, 96, 128, 128, true},
                                              {"inc4b", 192, 96, 128, 96, 128, 128, true},
                                              {"inc4c", 160, 128, 160, 128, 160, 128, true},
                                              {"inc4d", 96, 128, 192, 160, 192, 128, true},
                                              {"inc4e", 0, 128, 192, 192, 256, 0, false},
                                              {"inc5a", 352, 192, 320, 160, 224, 128, true},
                                              {"inc5b", 352, 192, 320, 192, 224, 128, false}}};

Convolution2DOptions convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                 Dtype dtype) {
  return {.in = in,
          .out = out,
          .kernel = {kernel, kernel},
          .window = {.stride = {stride, stride}, .pad = {kernel / 2, kernel / 2}},
          .bias = false,
          .dtype = dtype};
}

Variable halved(const Variable& x) {
  return functions::max_pooling_2d(x, {.kernel = {3, 3}, .stride = {{2, 2}}, .pad = {1, 1}, .cover_all = false});
}

}  // namespace

GoogLeNetBn::GoogLeNetBn(const GoogLeNetBnOptions& o)
    : options_(o),
      conv1_(convolution(o.channels, 64, 7, 2, o.dtype)),
      norm1_({.size = 64, .dtype = o.dtype}),
      conv2_(convolution(64, 192, 3, 1, o.dtype)),
      norm2_({.size = 192, .dtype = o.dtype}) {
  add("conv1", conv1_);
  add("norm1", norm1_);
  add("conv2", conv2_);
  add("norm2", norm2_);
  std::int64_t in = 192;
  for (const Module& m : kModules) {
    const bool halves = m.out1 == 0;
    modules_.push_back(std::make_unique<InceptionBn>(InceptionBnOptions{.in = in,
                                                                        .out1 = m.out1,
                                                                        .proj3 = m.proj3,
                                                                        .out3 = m.out3,
                                                                        .proj33 = m.proj33,
                                                                        .out33 = m.out33,
                                                                        .average_pooling = m.average_pooling,
                                                                        .proj_pool = m.proj_pool,
                                                                        .stride = halves ? 2 : 1,
                                                                        .dtype = o.dtype}));
    add(m.name, *modules_.back());
    in = m.out1 + m.out3 + m.out33 + (halves ? in : m.proj_pool);
  }
  out_ = std::make_unique<Linear>(LinearOptions{.in = in, .out = o.classes, .dtype = o.dtype});
  add("out", *out_);
}

Variable GoogLeNetBn::forward(const Variable& x) {
  Variable h = halved(normalized_convolution(conv1_, norm1_, x, {.relu = true}));
  h = halved(normalized_convolution(conv2_, norm2_, h, {.relu = true}));
  for (const auto& module : modules_) h = (*module)(h);
  return (*out_)(functions::global_average_pooling_2d(h));
}

}  // namespace rensa::models
