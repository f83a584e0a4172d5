#pragma once

#include <cstdint>

namespace rensa {

class Serializer;

/// What the loss is multiplied by before backward(), so that small gradients are not lost in float16; the optimizer
/// divides by it. A dynamic one starts at 1, doubles in every step until gradients are not finite, is halved then, and
/// grows by 2^(1 / interval) a step from there on, between 1 and 65504. As Chainer's.
/// Source: Micikevicius et al., "Mixed precision training", 2018, section 3.2.
class LossScale {
 public:
  LossScale() = default;
  /// Throws ValueError if the scale is not positive.
  static LossScale fixed(double scale);
  /// Throws ValueError if the interval is below 1.
  static LossScale dynamic(std::int64_t interval);

  double value() const { return value_; }            ///< what the loss is multiplied by
  bool is_dynamic() const { return interval_ > 0; }  ///< whether it moves
  /// What a settled dynamic scale grows by in each step.
  double growth() const;
  bool is_settled() const { return settled_; }  ///< whether it has once been found too large
  /// After a step whose gradients were finite, or not.
  void after_step(bool finite);
  /// Takes over what a dynamic scale became elsewhere.
  void become(double value, bool settled);
  /// Saves or loads a dynamic scale, under "loss_scale"; a file without it leaves it as it is.
  void serialize(Serializer& serializer);

 private:
  double value_ = 1;
  std::int64_t interval_ = 0;  ///< 0: fixed
  bool settled_ = false;       ///< gradients were not finite once
};

}  // namespace rensa
