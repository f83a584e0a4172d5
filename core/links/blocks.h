#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/links/batch_normalization.h"
#include "core/links/convolution_2d.h"

namespace rensa {

/// Options of MlpConvolution2D.
struct MlpConvolution2DOptions {
  std::int64_t in;
  std::vector<std::int64_t> out;  ///< channels of each layer; all but the first are 1 x 1
  std::int64_t kernel = 3, stride = 1, pad = 0;
  Dtype dtype = Dtype::kFloat32;
};
/// A small network at every place: convolutions with relu between them. Keys: 0/W, 0/b, 1/W …
/// Source: Lin, Chen, Yan, "Network in network", 2013.
class MlpConvolution2D : public UnaryLink {
 public:
  explicit MlpConvolution2D(const MlpConvolution2DOptions& options);
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<MlpConvolution2D>(options_); }

 private:
  const MlpConvolution2DOptions options_;
  std::vector<std::unique_ptr<Convolution2D>> layers_;
};

/// Options of Inception.
struct InceptionOptions {
  std::int64_t in, out1, proj3, out3, proj5, out5, proj_pool;  ///< channels
  Dtype dtype = Dtype::kFloat32;
};
/// GoogLeNet's block. Keys: conv1, proj3, conv3, proj5, conv5, projp.
/// Source: Szegedy et al., "Going deeper with convolutions", 2015.
class Inception : public UnaryLink {
 public:
  explicit Inception(const InceptionOptions& options);
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Inception>(options_); }

 private:
  const InceptionOptions options_;
  Convolution2D conv1_, proj3_, conv3_, proj5_, conv5_, projp_;
};

/// Options of InceptionBn.
struct InceptionBnOptions {
  std::int64_t in, out1, proj3, out3, proj33, out33;  ///< channels; out1 = 0: no such branch
  bool average_pooling = false;
  std::int64_t proj_pool = 0;  ///< 0: the pooled picture as it is
  std::int64_t stride = 1;
  Dtype dtype = Dtype::kFloat32;
};
/// The block with batch normalization after every convolution. Keys: conv1, conv1n, proj3, proj3n, conv3, conv3n,
/// proj33, … Source: Ioffe, Szegedy, "Batch normalization", 2015.
class InceptionBn : public UnaryLink {
 public:
  explicit InceptionBn(const InceptionBnOptions& options);
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<InceptionBn>(options_); }

 private:
  struct Pair {
    std::unique_ptr<Convolution2D> convolution;
    std::unique_ptr<BatchNormalization> normalization;
    Variable operator()(const Variable& x) const;
  };
  Pair pair(const char* name, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1);
  const InceptionBnOptions options_;
  Pair conv1_, proj3_, conv3_, proj33_, conv33a_, conv33b_, poolp_;
};

}  // namespace rensa
