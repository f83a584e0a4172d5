#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/links/link_hook.h"

namespace rensa {

/// Options of SpectralNormalization.
struct SpectralNormalizationOptions {
  int n_power_iteration = 1;                    ///< steps of power iteration in each forward pass
  double eps = 1e-6;                            ///< added to the norms that vectors are divided by
  bool use_gamma = false;                       ///< a factor that is trained, at first W's largest singular value
  std::optional<double> factor = std::nullopt;  ///< divides the singular value
  std::string weight_name = "W";
  std::string name = "SpectralNormalization";
};

/// The link computes with W / σ(W), σ being the largest singular value of W seen as a matrix with one row for each
/// output, as power iteration approximates it: σ = uᵀ W v. u is saved with the link as "W_u" and changes in training
/// only; the factor is its parameter "gamma", to be there before the optimizer's setup(). Links that take sizes from
/// their first batch have both after it. Throws ValueError for n_power_iteration below 1.
/// Source: Miyato et al., "Spectral normalization for generative adversarial networks", 2018.
///
///   convolution.add_hook(std::make_shared<SpectralNormalization>());
class SpectralNormalization final : public WeightHook {
 public:
  explicit SpectralNormalization(SpectralNormalizationOptions options = {});
  std::string_view name() const override { return options_.name; }
  void added(Link& link) override;
  void removed(Link& link) override;
  std::shared_ptr<LinkHook> clone() const override { return std::make_shared<SpectralNormalization>(options_); }

 protected:
  Variable value_of(Link& link, Parameter& W) override;

 private:
  Variable as_matrix(const Variable& W) const;
  void prepare(const Parameter& W);
  void iterate(const Array& matrix);

  const SpectralNormalizationOptions options_;
  bool outputs_are_second_ = false;   ///< of W's axes, as in transposed convolutions
  Array u_;                           ///< (outputs): the approximation that is kept
  Array u_now_, v_now_;               ///< (1, outputs) and (1, others): that of the last forward pass
  std::unique_ptr<Parameter> gamma_;  ///< null without use_gamma
};

/// Options of WeightStandardization.
struct WeightStandardizationOptions {
  double eps = 1e-5;  ///< added to the standard deviation
  std::string weight_name = "W";
  std::string name = "WeightStandardization";
};

/// The link computes with W whose mean is 0 and whose standard deviation 1 over all axes but the first, for each
/// output. Source: Qiao et al., "Micro-batch training with batch-channel normalization and weight standardization",
/// 2019.
class WeightStandardization final : public WeightHook {
 public:
  explicit WeightStandardization(WeightStandardizationOptions options = {})
      : WeightHook(options.weight_name), options_(std::move(options)) {}
  std::string_view name() const override { return options_.name; }
  std::shared_ptr<LinkHook> clone() const override { return std::make_shared<WeightStandardization>(options_); }

 protected:
  Variable value_of(Link& link, Parameter& W) override;

 private:
  const WeightStandardizationOptions options_;
};

}  // namespace rensa
