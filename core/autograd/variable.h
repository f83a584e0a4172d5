#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "core/array/array.h"

namespace rensa {

class Function;
namespace detail {
struct VariableBody;
class Backward;
class GraphWalk;
class AsLeaves;
void intrusive_ptr_add_ref(const VariableBody* body) noexcept;
void intrusive_ptr_release(const VariableBody* body) noexcept;
}  // namespace detail

/// Is asked before the array of a variable is read: see Parameter::set_read_gate.
class ReadGate {
 public:
  virtual void before_read() = 0;  ///< returns when the array may be read

 protected:
  ~ReadGate() = default;
};

/// Options of Variable::backward() and backward().
struct BackwardOptions {
  bool retain_grad = false;             ///< keep the gradients of intermediate variables too
  bool enable_double_backprop = false;  ///< record the gradients' own graph, so that they can be differentiated
  bool retain_graph = false;            ///< keep what the graph saved, so that backward() can be called again
  double loss_scale = 1;                ///< the start gradient of a scalar; gradients come out multiplied by it
};

/// An array in a graph of differentiable operations. A cheap handle: copies are the same variable.
///
/// A Variable made from an Array is a leaf; one that a function returns remembers that function, and backward() walks
/// from there to the leaves. A default-constructed Variable is "no variable" and false in a condition.
///
/// Threads: a graph belongs to the thread that builds it. Parameters may be read by several threads at once as long as
/// nobody updates them (see docs/threads.md).
class Variable {
 public:
  Variable() = default;
  Variable(Array array, bool requires_grad = false);  // NOLINT(google-explicit-constructor): functions take arrays too

  /// False for no variable, such as a gradient that does not exist.
  explicit operator bool() const { return body_ != nullptr; }
  /// Whether both are handles of one variable.
  bool is(const Variable& other) const { return body_ == other.body_; }
  const Array& array() const;  ///< the elements; no array for no variable
  /// The array's.
  /// @{
  const Shape& shape() const { return array().shape(); }
  int ndim() const { return array().ndim(); }
  std::int64_t size() const { return array().size(); }
  Dtype dtype() const { return array().dtype(); }
  Device device() const { return array().device(); }
  /// @}
  /// The only element, converted to T. Throws ShapeError if there are more.
  template <class T>
  T item() const {
    return array().template item<T>();
  }

  /// Whether backward() gives it a gradient: said by a leaf, inherited by what depends on one.
  bool requires_grad() const;
  void set_requires_grad(bool value);  ///< of a leaf; throws GraphError otherwise
  const std::string& name() const;     ///< for drawings and messages; empty unless set
  void set_name(std::string name);     ///< names it in drawings and messages

  /// The gradient's array, or no array before backward() and after clear_grad().
  Array grad() const;
  const Variable& grad_variable() const;  ///< with its own graph after backward({.enable_double_backprop = true})
  void set_grad(Variable grad);  ///< replaces the gradient; throws ShapeError unless it has the variable's shape
  void clear_grad();             ///< from now on there is none: the next backward() starts from zero
  /// Adds the other's gradient, if it has one, in this variable's dtype and on its device; the other keeps its own.
  /// Throws ShapeError unless the shapes are equal.
  void add_grad(const Variable& other);
  /// Overwrites the elements with the other's, converted to this variable's dtype and device. Throws ShapeError unless
  /// the shapes are equal.
  void copy_data(const Variable& other);

  /// The function that returned this variable; null for a leaf.
  Function* creator() const;
  void unchain();           ///< forgets the creator: backward() will stop here
  void unchain_backward();  ///< cuts every link from here back to the leaves (truncated backpropagation)

  /// Computes the gradient of this variable (usually a scalar loss) with respect to every leaf that requires one, and
  /// adds it to the leaf's grad(). Starts from grad() if set, else from ones times loss_scale; anything but a scalar
  /// must have its grad set. What the graph saved is released on the way unless another variable still needs it or the
  /// options keep it. Throws GraphError.
  void backward(const BackwardOptions& options = {}) const;

 private:
  friend class Function;
  friend class Parameter;
  friend class detail::Backward;
  friend class detail::GraphWalk;
  friend class detail::AsLeaves;
  friend struct detail::VariableBody;
  explicit Variable(boost::intrusive_ptr<detail::VariableBody> body) : body_(std::move(body)) {}
  /// True if nobody else can see the elements and they lie without gaps, so that they may be overwritten.
  bool may_be_overwritten() const;
  detail::VariableBody& body() const;

  boost::intrusive_ptr<detail::VariableBody> body_;
};

using Variables = boost::container::small_vector<Variable, 4>;  ///< Inputs, outputs or gradients of functions

/// Options of grad(), which always keeps what the graph saved: the first three are those of backward().
struct GradOptions {
  bool retain_grad = false, enable_double_backprop = false;
  double loss_scale = 1;
  Variables grad_inputs = {};  ///< is added to the gradients: one for each input, no variable for none; empty: nothing
  bool set_grad = false;       ///< the inputs' gradients are replaced by the result too
};
/// Gradients of `outputs` with respect to `inputs`, returned and not added to any grad(). `grad_outputs` may be empty
/// (ones for scalars). An input that the outputs do not depend on gets no variable.
Variables grad(const Variables& outputs, const Variables& inputs, const Variables& grad_outputs = {},
               const GradOptions& options = {});

/// backward() from several outputs at once, each with its grad set.
void backward(const Variables& outputs, const BackwardOptions& options = {});

}  // namespace rensa
