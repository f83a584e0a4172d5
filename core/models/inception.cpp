#include "core/models/inception.h"

#include "core/functions/pooling.h"
#include "core/functions/shape.h"
#include "core/links/blocks.h"
#include "core/models/convolution_unit.h"
#include "core/models/layers.h"

namespace rensa::models {
namespace {

Variable pooled(const Variable& x) {
  return functions::max_pooling_2d(x, {.kernel = {3, 3}, .stride = {{1, 1}}, .pad = {1, 1}, .cover_all = false});
}

class NormalizedInception final : public UnaryLink {
 public:
  NormalizedInception(std::int64_t in, const InceptionWidths& w, double eps, Dtype dtype)
      : in_(in), widths_(w), eps_(eps), dtype_(dtype) {
    const auto unit = [&](std::int64_t from, std::int64_t to, std::int64_t kernel) {
      return std::make_unique<ConvolutionUnit>(ConvolutionUnitOptions{
          .in = from, .out = to, .kernel = kernel, .pad = kernel / 2, .eps = eps, .dtype = dtype});
    };
    branch1_ = unit(in, w.one, 1);
    branch2_.append(unit(in, w.three_reduced, 1));
    branch2_.append(unit(w.three_reduced, w.three, 3));
    branch3_.append(unit(in, w.five_reduced, 1));
    branch3_.append(unit(w.five_reduced, w.five, 3));
    branch4_.append(NumberedLayers::Function(pooled));
    branch4_.append(unit(in, w.pooled, 1));
    add("branch1", *branch1_);
    add("branch2", branch2_);
    add("branch3", branch3_);
    add("branch4", branch4_);
  }
  Variable forward(const Variable& x) override {
    return functions::concat({(*branch1_)(x), branch2_(x), branch3_(x), branch4_(x)});
  }

 protected:
  std::unique_ptr<Link> do_clone() override {
    return std::make_unique<NormalizedInception>(in_, widths_, eps_, dtype_);
  }

 private:
  const std::int64_t in_;
  const InceptionWidths widths_;
  const double eps_;
  const Dtype dtype_;
  std::unique_ptr<ConvolutionUnit> branch1_;
  NumberedLayers branch2_, branch3_, branch4_;
};

}  // namespace

std::unique_ptr<UnaryLink> inception(std::int64_t in, const InceptionWidths& w, Dtype dtype) {
  return std::make_unique<Inception>(InceptionOptions{.in = in,
                                                      .out1 = w.one,
                                                      .proj3 = w.three_reduced,
                                                      .out3 = w.three,
                                                      .proj5 = w.five_reduced,
                                                      .out5 = w.five,
                                                      .proj_pool = w.pooled,
                                                      .dtype = dtype});
}

std::unique_ptr<UnaryLink> normalized_inception(std::int64_t in, const InceptionWidths& widths, double eps,
                                                Dtype dtype) {
  return std::make_unique<NormalizedInception>(in, widths, eps, dtype);
}

}  // namespace rensa::models
