#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "core/functions/convolution_nd.h"
#include "core/links/convolution_2d.h"

namespace rensa {

/// Options of ConvolutionNd.
struct ConvolutionNdLinkOptions {
  int axes;              ///< spatial axes: 1 for Convolution1D, 3 for Convolution3D
  std::int64_t in, out;  ///< channels; in: kLazySize for the first batch's
  functions::EachAxis kernel;
  functions::ConvolutionNdOptions window = {};
  bool bias = true;
  Initializer initial_W = init::lecun_normal();
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_b = init::zeros();
};
/// Convolution over any number of axes: W (out, in / groups, k1, …), b (out). See functions::convolution_nd.
class ConvolutionNd : public UnaryLink {
 public:
  explicit ConvolutionNd(const ConvolutionNdLinkOptions& options);
  Variable forward(const Variable& x) override;
  Parameter W, b;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<ConvolutionNd>(options_); }

 private:
  const ConvolutionNdLinkOptions options_;
};
std::unique_ptr<ConvolutionNd> convolution_1d(ConvolutionNdLinkOptions options);  ///< options.axes is not looked at
std::unique_ptr<ConvolutionNd> convolution_3d(ConvolutionNdLinkOptions options);  ///< options.axes is not looked at

/// Options of DeconvolutionNd.
struct DeconvolutionNdLinkOptions {
  int axes;              ///< spatial axes
  std::int64_t in, out;  ///< channels; in: kLazySize for the first batch's
  functions::EachAxis kernel;
  functions::DeconvolutionOptions window = {};
  bool bias = true;
  Initializer initial_W = init::lecun_normal();
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_b = init::zeros();
};
/// Transposed convolution: W (in, out / groups, k1, …), b (out). See functions::deconvolution_nd.
class DeconvolutionNd : public UnaryLink {
 public:
  explicit DeconvolutionNd(const DeconvolutionNdLinkOptions& options);
  Variable forward(const Variable& x) override;
  Parameter W, b;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<DeconvolutionNd>(options_); }

 private:
  const DeconvolutionNdLinkOptions options_;
};
std::unique_ptr<DeconvolutionNd> deconvolution_1d(
    DeconvolutionNdLinkOptions options);  ///< options.axes is not looked at
/// As deconvolution_1d().
/// @{
std::unique_ptr<DeconvolutionNd> deconvolution_2d(DeconvolutionNdLinkOptions options);
std::unique_ptr<DeconvolutionNd> deconvolution_3d(DeconvolutionNdLinkOptions options);
/// @}

/// Options of links whose kernels are square.
struct SquareConvolutionOptions {
  std::int64_t in, out;  ///< channels; in: kLazySize for the first batch's
  std::int64_t kernel = 3, stride = 1, pad = 0, dilate = 1;
  bool bias = true;
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_W = init::lecun_normal();
  Initializer initial_b = init::zeros();
};
/// Convolution2D with gaps in its window. Keys: W, b.
std::unique_ptr<Convolution2D> dilated_convolution_2d(const SquareConvolutionOptions& options);

/// Each channel by itself: W (out, in, k, k) with `out` outputs for every channel, b (in out); dilate is not used. See
/// functions::depthwise_convolution_2d.
class DepthwiseConvolution2D : public UnaryLink {
 public:
  explicit DepthwiseConvolution2D(const SquareConvolutionOptions& options);
  Variable forward(const Variable& x) override;
  Parameter W, b;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<DepthwiseConvolution2D>(options_); }

 private:
  void initialize(std::int64_t channels);
  const SquareConvolutionOptions options_;
};

/// A window of its own at every place: W (out, OH, OW, in, k, k), b (out, OH, OW), of the first batch's size. pad and
/// dilate are not used. See functions::local_convolution_2d.
class LocalConvolution2D : public UnaryLink {
 public:
  explicit LocalConvolution2D(const SquareConvolutionOptions& options);
  Variable forward(const Variable& x) override;
  Parameter W, b;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<LocalConvolution2D>(options_); }

 private:
  const SquareConvolutionOptions options_;
};

/// Options of DeformableConvolution2D.
struct DeformableConvolution2DOptions {
  std::int64_t in, out;  ///< channels; in: kLazySize for the first batch's
  std::int64_t kernel = 3, stride = 1, pad = 0;
  bool bias = true;         ///< deform_conv/b
  bool offset_bias = true;  ///< offset_conv/b
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_W = init::lecun_normal();
  Initializer initial_b = init::zeros();
  Initializer initial_offset_W = init::lecun_normal();
  Initializer initial_offset_b = init::zeros();
};
/// Convolution whose windows are bent by offsets that another convolution computes. Keys: offset_conv/W, offset_conv/b,
/// deform_conv/W, deform_conv/b. See functions::deformable_convolution_2d_sampler.
class DeformableConvolution2D : public UnaryLink {
 public:
  explicit DeformableConvolution2D(const DeformableConvolution2DOptions& options);
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<DeformableConvolution2D>(options_); }

 private:
  const DeformableConvolution2DOptions options_;
  Convolution2D offset_conv_, deform_conv_;
};

}  // namespace rensa
