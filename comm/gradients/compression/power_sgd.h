#pragma once

#include "comm/gradients/compression/gradient_compression.h"
#include "core/device/random.h"

namespace rensa {

/// Sends a product of two thin matrices in place of each gradient matrix: M ≈ P Q^T, P (rows, rank), Q (columns, rank),
/// by one power iteration a step that starts from the step before. What is left out is added to the next step's
/// gradient. A column of Q that found nothing in a step, whose gradient had a smaller rank, starts anew from random
/// numbers, the same on all ranks.
///
/// A gradient of two axes or more is a matrix of its first axis and the others; one that the two factors would not make
/// smaller, such as a bias, travels whole.
/// Source: Vogels, Karimireddy, Jaggi, "PowerSGD: practical low-rank gradient compression for distributed
/// optimization", 2019.
class PowerSgd final : public GradientCompression {
 public:
  /// Throws ValueError unless rank is at least 1.
  explicit PowerSgd(int rank = 4);
  std::string name() const override { return "power_sgd"; }
  void attach(const std::vector<GradientBucket>& buckets) override;
  std::size_t reduce(const GradientBucket& bucket, Communicator& comm) override;

 private:
  struct Matrix {
    std::int64_t begin;  ///< in the bucket
    std::int64_t rows, columns;
    std::int64_t p, q;  ///< where its factors begin in those of the bucket
  };
  struct Whole {
    std::int64_t begin, size;  ///< in the bucket
    std::int64_t q;            ///< behind the factors Q
  };
  struct State {
    RandomStream random;  ///< of the numbers that columns start from
    std::vector<Matrix> matrices;
    std::vector<Whole> wholes;
    Array remainder;  ///< what earlier steps left out, laid out like the bucket
    Array p, q;       ///< the factors one after another; behind the Qs the gradients that travel whole
  };

  const std::int64_t rank_;
  std::vector<State> states_;  ///< of each bucket
};

}  // namespace rensa
