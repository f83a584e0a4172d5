#pragma once

#include <cstdint>

#include "core/functions/normalization.h"
#include "core/links/link.h"

namespace rensa {

/// Options of LayerNormalization and RmsNormalization.
struct LayerNormalizationOptions {
  std::int64_t size = kLazySize;  ///< features of the last axis
  double eps = 1e-6;
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_gamma = init::ones();
  Initializer initial_beta = init::zeros();
};
/// Each row by itself, x (…, size). Keys: gamma, beta. See functions::layer_normalization.
class LayerNormalization : public UnaryLink {
 public:
  explicit LayerNormalization(const LayerNormalizationOptions& options = {});
  Variable forward(const Variable& x) override;
  Parameter gamma, beta;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<LayerNormalization>(options_); }

 private:
  const LayerNormalizationOptions options_;
};

/// The same without the mean and beta. Key: gamma. See functions::rms_normalization.
class RmsNormalization : public UnaryLink {
 public:
  explicit RmsNormalization(const LayerNormalizationOptions& options = {});
  Variable forward(const Variable& x) override;
  Parameter gamma;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<RmsNormalization>(options_); }

 private:
  const LayerNormalizationOptions options_;
};

/// Options of GroupNormalization.
struct GroupNormalizationOptions {
  std::int64_t groups;
  std::int64_t size = kLazySize;  ///< channels
  double eps = 1e-5;
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_gamma = init::ones();
  Initializer initial_beta = init::zeros();
};
/// Keys: gamma, beta. See functions::group_normalization.
class GroupNormalization : public UnaryLink {
 public:
  explicit GroupNormalization(const GroupNormalizationOptions& options);
  Variable forward(const Variable& x) override;
  Parameter gamma, beta;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<GroupNormalization>(options_); }

 private:
  const GroupNormalizationOptions options_;
};

/// Options of BatchRenormalization.
struct BatchRenormalizationLinkOptions {
  std::int64_t size;  ///< channels
  functions::BatchRenormalizationOptions normalization = {};
  Dtype dtype = Dtype::kFloat32;
};
/// Keys: gamma, beta, avg_mean, avg_var, N. See functions::batch_renormalization.
class BatchRenormalization : public UnaryLink {
 public:
  explicit BatchRenormalization(const BatchRenormalizationLinkOptions& options);
  Variable forward(const Variable& x) override;
  Parameter gamma, beta;
  Array avg_mean, avg_var, N;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<BatchRenormalization>(options_); }

 private:
  const BatchRenormalizationLinkOptions options_;
};

/// Options of DecorrelatedBatchNormalization.
struct DecorrelatedBatchNormalizationLinkOptions {
  std::int64_t size;  ///< channels
  functions::DecorrelatedBatchNormalizationOptions normalization = {};
  Dtype dtype = Dtype::kFloat32;
};
/// Keys: avg_mean, avg_projection, N. See functions::decorrelated_batch_normalization.
class DecorrelatedBatchNormalization : public UnaryLink {
 public:
  explicit DecorrelatedBatchNormalization(const DecorrelatedBatchNormalizationLinkOptions& options);
  Variable forward(const Variable& x) override;
  Array avg_mean, avg_projection, N;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<DecorrelatedBatchNormalization>(options_); }

 private:
  const DecorrelatedBatchNormalizationLinkOptions options_;
};

}  // namespace rensa
