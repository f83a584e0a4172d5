#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/array/array.h"
#include "core/links/link.h"

namespace rensa::testing {

/// Training as PyTorch did it: tests/golden/training_<network>.json holds its losses and gradients, and says how to
/// make the same weights, pictures and labels from HashedNumbers.
///
///   TrainingGolden golden("mlp");
///   golden.set_parameters(model, Dtype::kFloat64);
///   … loss of golden.input(step, dtype) and golden.labels(step); optimizer with golden.learning_rate() …
class TrainingGolden {
 public:
  explicit TrainingGolden(const std::string& network);

  /// The network's own settings ("units", "width", "widths", "classes", …).
  const nlohmann::json& settings() const { return file_; }
  double learning_rate() const { return file_.at("learning_rate"); }
  double momentum() const { return file_.at("momentum"); }
  std::vector<double> losses(Dtype dtype) const;
  double evaluation_loss() const { return file_.at("evaluation_loss_f64"); }

  /// The batch of that step: a few batches come again and again in the same order.
  Array input(int step, Dtype dtype) const;  ///< (batch, 784) or (batch, 3, size, size)
  Array labels(int step) const;              ///< (batch), int32

  /// PyTorch's name of a parameter: "layer1/0/bn1/gamma" is "layer1.0.bn1.weight".
  using Rename = std::function<std::string(const std::string& path)>;
  static std::string pytorch_name(const std::string& path);

  /// Gives every parameter its start value in that dtype, and every persistent value the dtype.
  /// Throws std::runtime_error that names what is missing on either side, or whose shape differs.
  void set_parameters(Link& model, Dtype dtype, const Rename& rename = pytorch_name) const;

  /// Largest difference between the model's gradients and those of step 1, over all parameters: norms relative to the
  /// norm, sampled elements relative to the largest element of that parameter. Names the parameter in `where`.
  double gradient_difference(Link& model, std::string* where, const Rename& rename = pytorch_name) const;

 private:
  const nlohmann::json& entry(const std::string& name) const;
  Shape input_shape() const;
  nlohmann::json file_;
};

}  // namespace rensa::testing
