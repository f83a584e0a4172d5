#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicators/communicator.h"
#include "comm/gradients/gradient_bucket.h"

namespace rensa {

/// Replaces the mean of a bucket over the ranks by something near it that costs less to send. Write your own, or take
/// PowerSgd, TopK or OneBit.
///
/// What is left out of a step should be added to the next one (error feedback): then the sum over steps stays right. A
/// compression keeps that itself, for each bucket, between attach() and the next attach(). It is not saved with the
/// optimizer: a resumed run starts without remainders.
class GradientCompression {
 public:
  virtual ~GradientCompression() = default;
  virtual std::string name() const = 0;  ///< "one_bit", "power_sgd" or "top_k": the option that asks for it
  /// The buckets to come. Called again when they are cut anew: after the first step (which travels whole), and when
  /// parameters join.
  virtual void attach(const std::vector<GradientBucket>& buckets) = 0;
  /// On the communication thread, for one bucket after another in the same order on all ranks: bucket.gradients, the
  /// gradients of this rank (of float32 or float64, without the loss scale), become about their mean over the ranks,
  /// with the same bits on all. Returns how many bytes this rank gave to the communicator.
  virtual std::size_t reduce(const GradientBucket& bucket, Communicator& comm) = 0;
};

/// "power_sgd" or "power_sgd:RANK", "top_k" or "top_k:SHARE", "one_bit"; null for "" and "none". Throws ValueError that
/// lists the names for another one.
std::shared_ptr<GradientCompression> make_compression(const std::string& text);

}  // namespace rensa
