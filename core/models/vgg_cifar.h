#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/links/batch_normalization.h"
#include "core/links/convolution_2d.h"
#include "core/links/linear.h"

namespace rensa::models {

/// Options of VggCifar.
struct VggCifarOptions {
  std::int64_t channels = 3, classes = 10;
  std::vector<std::int64_t> widths = {64, 128, 256};  ///< channels of each stage of two convolutions
  double eps = 2e-5;                                  ///< of batch normalization
  Dtype dtype = Dtype::kFloat32;
};

/// A VGG-like network for small pictures: stages of two 3 x 3 convolutions with batch normalization and relu, 2 x 2 max
/// pooling after each, the mean over all pixels, one linear layer. x (N, channels, H, W), H and W at least 2 per stage;
/// logits (N, classes). Keys: `features/<position>/…`, `fc/…`.
class VggCifar : public UnaryLink {
 public:
  explicit VggCifar(const VggCifarOptions& options = {});
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<VggCifar>(options_); }

 private:
  struct Features : Link {
    std::vector<std::unique_ptr<Convolution2D>> convolutions;
    std::vector<std::unique_ptr<BatchNormalization>> normalizations;
    explicit Features(const VggCifarOptions& o);
  };
  const VggCifarOptions options_;
  Features features_;
  Linear fc_;
};

}  // namespace rensa::models
