#pragma once

#include "comm/gradients/compression/gradient_compression.h"

namespace rensa {

/// Sends one bit for each element, its sign, and for each parameter the mean of its positive and of its other elements,
/// which stand for them. What that gets wrong is added to the next step's gradient. Source: Seide, Fu, Droppo, Li, Yu,
/// "1-bit stochastic gradient descent and its application to data-parallel distributed training of speech DNNs", 2014
/// (its means are taken over columns).
class OneBit final : public GradientCompression {
 public:
  std::string name() const override { return "one_bit"; }
  void attach(const std::vector<GradientBucket>& buckets) override;
  std::size_t reduce(const GradientBucket& bucket, Communicator& comm) override;

 private:
  std::vector<Array> remainders_;  ///< of each bucket, laid out like it
};

}  // namespace rensa
