#include "core/models/nin.h"

#include <string>
#include <vector>

#include "core/functions/activation.h"
#include "core/functions/dropout.h"
#include "core/functions/pooling.h"
#include "core/links/convolution_2d.h"

namespace rensa::models {

/// A convolution and two of 1 x 1, relu between them: Chainer's MLPConvolution2D.
class Nin::MlpConvolution final : public Link {
 public:
  struct Window {
    std::int64_t kernel, stride = 1, pad = 0;
  };
  MlpConvolution(std::int64_t in, const std::array<std::int64_t, 3>& widths, const Window& window, Dtype dtype) {
    for (const std::int64_t width : widths) {
      const Window w = convolutions_.empty() ? window : Window{1};
      convolutions_.push_back(std::make_unique<Convolution2D>(
          Convolution2DOptions{.in = in,
                               .out = width,
                               .kernel = {w.kernel, w.kernel},
                               .window = {.stride = {w.stride, w.stride}, .pad = {w.pad, w.pad}},
                               .initial_W = init::he_normal(),
                               .dtype = dtype}));
      add(std::to_string(convolutions_.size() - 1), *convolutions_.back());
      in = width;
    }
  }
  Variable operator()(const Variable& x) {
    Variable h = (*convolutions_[0])(x);
    for (std::size_t i = 1; i < convolutions_.size(); ++i) h = (*convolutions_[i])(functions::relu(h));
    return h;
  }

 private:
  std::vector<std::unique_ptr<Convolution2D>> convolutions_;
};

Nin::Nin(const NinOptions& o)
    : options_(o),
      stages_{std::make_unique<MlpConvolution>(o.channels, std::array<std::int64_t, 3>{96, 96, 96},
                                               MlpConvolution::Window{11, 4}, o.dtype),
              std::make_unique<MlpConvolution>(96, std::array<std::int64_t, 3>{256, 256, 256},
                                               MlpConvolution::Window{5, 1, 2}, o.dtype),
              std::make_unique<MlpConvolution>(256, std::array<std::int64_t, 3>{384, 384, 384},
                                               MlpConvolution::Window{3, 1, 1}, o.dtype),
              std::make_unique<MlpConvolution>(384, std::array<std::int64_t, 3>{1024, 1024, o.classes},
                                               MlpConvolution::Window{3, 1, 1}, o.dtype)} {
  for (std::size_t i = 0; i < stages_.size(); ++i) add("mlpconv" + std::to_string(i + 1), *stages_[i]);
}

Nin::~Nin() = default;

Variable Nin::forward(const Variable& x) {
  Variable h = x;
  for (std::size_t i = 0; i < 3; ++i) {
    h = functions::max_pooling_2d(functions::relu((*stages_[i])(h)), {.kernel = {3, 3}, .stride = {{2, 2}}});
  }
  return functions::global_average_pooling_2d((*stages_[3])(functions::dropout(h, options_.dropout)));
}

}  // namespace rensa::models
