#pragma once

#include <functional>
#include <vector>

#include "core/array/array.h"
#include "core/autograd/config.h"

namespace rensa {

/// Inference: no graph is recorded, dropout passes everything, batch normalization uses its running statistics, folded
/// into the convolution before it where normalized_convolution joins the two.
///
///   const InferenceMode scope;
///   for (const Array& x : pictures) answer(model(x).array());
///
/// Several threads may ask one model at the same time, each inside a scope of its own. Nobody changes its weights
/// meanwhile: what a scope has made from them (folded weights) is kept until it ends, so one scope around many calls is
/// the cheapest.
class InferenceMode : ConfigScope {
 public:
  InferenceMode();
  ~InferenceMode();

  /// Whether the calling thread is inside such a scope, and not inside another ConfigScope within it.
  static bool is_active();

  /// make(), called once for each `sources` and then kept until this thread's outermost scope ends. Sources are told
  /// apart by their elements' places, which they hold on to. Throws ValueError outside of a scope.
  static const std::vector<Array>& derived(const std::vector<Array>& sources,
                                           const std::function<std::vector<Array>()>& make);
};

}  // namespace rensa
