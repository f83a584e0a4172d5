#include "core/models/inception.h"

#include <string>

#include "core/functions/activation.h"
#include "core/functions/pooling.h"
#include "core/functions/shape.h"
#include "core/models/convolution_unit.h"
#include "core/models/layers.h"

namespace rensa::models {
namespace {

Variable pooled(const Variable& x) {
  return functions::max_pooling_2d(x, {.kernel = {3, 3}, .stride = {{1, 1}}, .pad = {1, 1}, .cover_all = false});
}

Convolution2DOptions plain(std::int64_t in, std::int64_t out, std::int64_t kernel, Dtype dtype) {
  const std::int64_t pad = kernel / 2;
  return {.in = in, .out = out, .kernel = {kernel, kernel}, .window = {.pad = {pad, pad}}, .dtype = dtype};
}

class Inception final : public UnaryLink {
 public:
  Inception(std::int64_t in, const InceptionWidths& w, Dtype dtype)
      : in_(in),
        widths_(w),
        dtype_(dtype),
        conv1_(plain(in, w.one, 1, dtype)),
        proj3_(plain(in, w.three_reduced, 1, dtype)),
        conv3_(plain(w.three_reduced, w.three, 3, dtype)),
        proj5_(plain(in, w.five_reduced, 1, dtype)),
        conv5_(plain(w.five_reduced, w.five, 5, dtype)),
        projp_(plain(in, w.pooled, 1, dtype)) {
    add("conv1", conv1_);
    add("proj3", proj3_);
    add("conv3", conv3_);
    add("proj5", proj5_);
    add("conv5", conv5_);
    add("projp", projp_);
  }
  Variable forward(const Variable& x) override {
    using functions::relu;
    return relu(functions::concat({conv1_(x), conv3_(relu(proj3_(x))), conv5_(relu(proj5_(x))), projp_(pooled(x))}));
  }

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Inception>(in_, widths_, dtype_); }

 private:
  const std::int64_t in_;
  const InceptionWidths widths_;
  const Dtype dtype_;
  Convolution2D conv1_, proj3_, conv3_, proj5_, conv5_, projp_;
};

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

std::unique_ptr<UnaryLink> inception(std::int64_t in, const InceptionWidths& widths, Dtype dtype) {
  return std::make_unique<Inception>(in, widths, dtype);
}

std::unique_ptr<UnaryLink> normalized_inception(std::int64_t in, const InceptionWidths& widths, double eps,
                                                Dtype dtype) {
  return std::make_unique<NormalizedInception>(in, widths, eps, dtype);
}

}  // namespace rensa::models
