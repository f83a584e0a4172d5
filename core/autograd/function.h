#pragma once

#include <array>
#include <boost/container/small_vector.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "core/autograd/config.h"
#include "core/autograd/variable.h"
#include "core/device/cpu/small_blocks.h"

namespace rensa {

using Arrays = boost::container::small_vector<Array, 1>;  ///< inputs or outputs of a function

/// Called when a leaf's gradient of one backward() is complete.
using GradientHook = std::function<void(const Variable&)>;
/// When such a hook is called.
enum class GradientMoment {
  kAfterFunction,  ///< when the function that gave the last part of it has computed its other gradients, too
  kEarly,          ///< maybe before: that function may still read the leaf's elements, which the hook must leave alone
};

namespace detail {
/// Where a function's input came from: the function before it, or a leaf.
struct Edge {
  boost::intrusive_ptr<Function> function;
  int output_index = 0;
  boost::intrusive_ptr<VariableBody> leaf;

  explicit operator bool() const { return function || leaf; }  ///< false: no gradient is wanted
};
}  // namespace detail

/// An array that a function computes with and that is none of its inputs (labels, a condition), with the state that it
/// is in. backward() gets it from Function::kept().
struct KeptArray {
  KeptArray(const Array& a)  // NOLINT(google-explicit-constructor): it is that array
      : array(a), version(a ? a.buffer()->version() : 0) {}
  Array array;            ///< for forward(); none once it is released
  std::uint32_t version;  ///< of its buffer
};

/// A differentiable operation, and the node that it leaves in the graph. Write a class with forward() and backward()
/// side by side, hide it in the source file of a free function, and call apply:
///
///   struct Tanh final : Function {
///     const char* name() const override { return "tanh"; }
///     Array forward(const Array& x) override { Array y = kernels::tanh(x); retain_output(y); return y; }
///     Variables backward(const Variable& gy) override { return {apply<TanhGrad>(retained_output(), gy)}; }
///   };
///   Variable tanh(const Variable& x) { return apply<Tanh>(x); }
///
/// forward() works on arrays and says what backward needs (retain_inputs, retain_output, or plain members). backward()
/// works on variables, through functions that are differentiable themselves; when nobody asked for double backprop it
/// runs in NoBackpropMode and records nothing. It returns one gradient an input, or no variable where there is none to
/// give; needs_input_grad(i) tells which are wanted. Gradients may be overwritten once they are returned, unless
/// somebody else holds the array. gradient_destination() and take_gradient_so_far() save passes over memory, and
/// give_early() saves time where gradients travel; no function needs them.
class Function : public boost::intrusive_ref_counter<Function, boost::thread_safe_counter>,
                 public cpu::FromSmallBlocks {
 public:
  virtual ~Function();
  virtual const char* name() const = 0;  ///< for error messages, hooks and drawings: "tanh"

  /// Override the one with the right number of inputs, or the general one.
  /// @{
  virtual Array forward(const Array& x);
  virtual Array forward(const Array& x0, const Array& x1);
  virtual Array forward(const Array& x0, const Array& x1, const Array& x2);
  virtual Arrays forward(const Arrays& inputs);
  /// @}

  /// Gradients with respect to the inputs. Override one of them: from the gradient of the one output,
  virtual Variables backward(const Variable& gy);
  /// or of however many there are; an output that nothing used has no variable in `gys`.
  virtual Variables backward(const Variables& gys);

  int inputs() const { return static_cast<int>(edges_.size()); }  ///< how many inputs it had
  /// Where that input came from.
  const detail::Edge& edge(int input) const { return edges_[static_cast<std::size_t>(input)]; }

 protected:
  Function() = default;

  // In forward():
  /// Keeps the inputs with these numbers, in that order, for retained_inputs().
  template <class... Index>
  void retain_inputs(Index... index) {
    ((retained_mask_ |= 1u << index), ...);
  }
  void retain_output(const Array& y, int index = 0);  ///< keeps an output for retained_output()

  // In backward():
  /// Whether the gradient of that input is wanted.
  bool needs_input_grad(int input) const { return static_cast<bool>(edge(input)); }
  /// The inputs named to retain_inputs, in that order, as variables of the graph.
  template <std::size_t N>
  std::array<Variable, N> retained_inputs() const {
    return [this]<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<Variable, N>{retained_input(static_cast<int>(I))...};
    }(std::make_index_sequence<N>());
  }
  /// Number `position` of retain_inputs(). Throws GraphError if its elements were written in place since.
  Variable retained_input(int position = 0) const;
  /// The output kept by retain_output(), as a variable of the graph. Throws GraphError as retained_input() does.
  Variable retained_output(int index = 0);
  /// The array, `what` for the message. Throws GraphError as retained_input() does.
  const Array& kept(const KeptArray& array, const char* what) const;
  /// Where the gradient of a leaf is to lie, if it has such a place in row-major order and nothing is there yet;
  /// otherwise, and while grad() collects gradients that no leaf is to keep, no array. A function that writes its
  /// result there (and returns it) saves a copy; using it is optional.
  Array gradient_destination(int input) const;
  /// The sum of what other functions have sent to that input in this walk, if it has this shape and dtype and nobody
  /// else sees it; otherwise, for an input that is a leaf, and while a FunctionHook looks at gradients, no array. A
  /// function that took it must add its own gradient in place and return that array, which saves a pass over memory;
  /// taking it is optional.
  Array take_gradient_so_far(int input, const Shape& shape, Dtype dtype);
  /// For a function that computes the gradient of a parameter apart from its others, and first: gives it to the
  /// parameter now, if a hook that asked for it early is waiting (GradientMoment::kEarly). Returns what backward() is
  /// to return for that input: no variable if it was given, otherwise `gradient`. Using it is optional.
  Variable give_early(int input, Variable gradient);
  /// Releases what forward() kept in members of its own. Retained inputs and outputs are released by the base.
  virtual void release_saved() {}

 private:
  friend class detail::Backward;
  friend class detail::GraphWalk;
  friend struct detail::VariableBody;
  template <class... Inputs>
  friend Variable apply(boost::intrusive_ptr<Function> function, const Inputs&... inputs);
  friend Variables apply_all(boost::intrusive_ptr<Function> function, const Variables& inputs);
  friend class Variable;

  Variable run(const Variable& x);
  Variable run(const Variable& x0, const Variable& x1);
  Variable run(const Variable& x0, const Variable& x1, const Variable& x2);
  Variables run(const Variables& inputs);
  Variable connect(const Variable* const* inputs, std::size_t count, Array y);
  bool link_inputs(const Variable* const* inputs, std::size_t count);
  Variable make_output(Array y, int index);
  void check_not_released() const;
  void release();
  void cut();
  void cut_output(int index);

  void check_not_written(const Array& now, const Buffer* buffer, std::uint32_t version, const char* what,
                         int index) const;
  [[noreturn]] void throw_written(const Array& now, const std::string& what) const;

  struct Output {
    detail::VariableBody* variable = nullptr;  ///< the living variable of this output, if any; not owned
    Array saved;                               ///< set by retain_output
    std::uint32_t version = 0;                 ///< of the saved array's buffer
    bool unchained = false;                    ///< gradients that arrive here go no further
  };
  struct Input {
    Array saved;                     ///< no array for a leaf, which is asked itself
    const Buffer* buffer = nullptr;  ///< where the elements lay
    std::uint32_t version = 0;
  };
  boost::container::small_vector<detail::Edge, 3> edges_;
  boost::container::small_vector<Output, 1> outputs_;
  boost::container::small_vector<Input, 2> saved_inputs_;
  boost::container::small_vector<std::uint8_t, 4> saved_indices_;
  std::uint32_t retained_mask_ = 0;
  bool released_ = false;
  bool into_leaves_ = false;    ///< the walk that is under way gives the leaves their gradients: it is not grad()'s
  std::uint64_t sequence_ = 0;  ///< functions of a thread are numbered as they are made: backward runs the latest first

  // Of the walk that is under way:
  Variables gradients_;
  std::uint64_t walk_ = 0;
  std::int64_t visited_edges_ = 0;
  detail::Backward* runner_ = nullptr;  ///< the walk, while backward() runs
  std::uint32_t added_ = 0;             ///< bits of the inputs to whose gradients backward() has added its own
  std::uint32_t given_ = 0;             ///< bits of the inputs that have their gradients already
};

/// Runs `function` on 1, 2 or 3 inputs; its one output. A missing Variable as last input is an input that is not there.
template <class... Inputs>
Variable apply(boost::intrusive_ptr<Function> function, const Inputs&... inputs) {
  static_assert(sizeof...(Inputs) >= 1 && sizeof...(Inputs) <= 3, "use apply_all for more than three inputs");
  return function->run(inputs...);
}
/// For a function without members to set.
template <class F, class... Inputs>
Variable apply(const Inputs&... inputs) {
  return apply(boost::intrusive_ptr<Function>(new F), inputs...);
}
/// Any number of inputs and outputs.
Variables apply_all(boost::intrusive_ptr<Function> function, const Variables& inputs);

/// For apply() with a function that has members: make_function<Elu>(alpha).
template <class F, class... Arguments>
boost::intrusive_ptr<Function> make_function(Arguments&&... arguments) {
  return new F{std::forward<Arguments>(arguments)...};
}

}  // namespace rensa
