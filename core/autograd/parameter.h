#pragma once

#include <functional>
#include <string>

#include "core/autograd/function.h"
#include "core/autograd/variable.h"
#include "core/initializers/initializer.h"

namespace rensa {

/// A variable that training changes. It has a fixed address (links register it), so it is neither copied nor moved.
///
/// A parameter may be declared before its shape is known (a layer that takes its number of inputs from its first
/// batch); it then has no array until initialize().
class Parameter : public Variable {
 public:
  Parameter(const Shape& shape, Initializer initializer, Dtype dtype = Dtype::kFloat32);
  explicit Parameter(Initializer initializer, Dtype dtype = Dtype::kFloat32);
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;

  /// False until a lazy parameter has met its first batch.
  bool is_initialized() const { return static_cast<bool>(array()); }
  /// Allocates and fills the array, once; the values depend on the seed (see seed_parameters) at the parameter's
  /// creation and on the order of creation.
  void initialize(const Shape& shape);

  /// Moves the elements to `device`; initialize() puts them there from now on. The gradient is forgotten.
  void to(Device device);
  /// Where the elements are, or where initialize() will put them.
  Device home() const { return is_initialized() ? device() : home_; }

  /// Replaces the elements' place (not the variable): used by arenas, by loading, and by moves between devices.
  void set_array(Array array);
  /// From now on the gradient comes to lie in `view` (same shape and dtype). A gradient that is there is moved.
  void set_grad_destination(Array view);
  const Array& grad_destination() const;  ///< the place given to set_grad_destination(); no array if there is none
  /// `hook` is called once in each backward() that gives a gradient, when it is complete. Replaces an earlier one; null
  /// removes it.
  void on_gradient(GradientHook hook, GradientMoment moment = GradientMoment::kAfterFunction);
  /// `check` is called in each backward() that may give a gradient, before any is computed; what it throws ends that
  /// backward(). For gradients that somebody reads in the meantime. Replaces an earlier one; null removes it.
  void before_gradient(std::function<void()> check);

  /// From now on `gate` is asked whenever this parameter's array is about to be read, by an operation or through
  /// array(), until the gate is taken away (null). For values that are still on their way.
  void set_read_gate(ReadGate* gate);

  /// From now on operations that are given this parameter take `other`; returns the variable that they took before, to
  /// be put back with another call. For links that compute with a function of their parameter (WeightHook).
  Variable stand_in(Variable other) noexcept;

  /// How the optimizer treats this parameter, relative to its own settings (see Optimizer).
  double lr_scale = 1;            ///< multiplies the learning rate
  double weight_decay_scale = 1;  ///< multiplies the weight decay
  bool update_enabled = true;     ///< false: frozen

 private:
  Initializer initializer_;
  std::uint64_t seed_;          ///< of seed_parameters() when it was created
  std::uint64_t random_index_;  ///< number of the parameter among those created by this thread since seed_parameters()
  Dtype dtype_;
  Device home_;  ///< where initialize() puts the elements
};

/// Starts the random numbers of the parameters created afterwards by this thread: same seed, same order of
/// creation, same values.
void seed_parameters(std::uint64_t seed);

}  // namespace rensa
