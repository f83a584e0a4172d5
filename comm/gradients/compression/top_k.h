#pragma once

#include "comm/gradients/compression/gradient_compression.h"

namespace rensa {

/// Sends the largest `share` of a bucket's elements, each with its place, and adds the others to the next step's
/// gradient. Source: Aji and Heafield, "Sparse communication for distributed gradient descent", 2017; Stich,
/// Cordonnier, Jaggi, "Sparsified SGD with memory", 2018.
class TopK final : public GradientCompression {
 public:
  /// Throws ValueError unless 0 < share ≤ 1.
  explicit TopK(double share = 0.01);
  std::string name() const override { return "top_k"; }
  void attach(const std::vector<GradientBucket>& buckets) override;
  std::size_t reduce(const GradientBucket& bucket, Communicator& comm) override;

 private:
  const double share_;
  std::vector<Array> remainders_;  ///< of each bucket, laid out like it
};

}  // namespace rensa
