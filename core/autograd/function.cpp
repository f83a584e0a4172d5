#include "core/autograd/function.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "core/autograd/function_hook.h"
#include "core/autograd/graph.h"
#include "core/autograd/variable_body.h"
#include "core/error.h"

namespace rensa {
namespace {

thread_local constinit std::uint64_t last_sequence = 0;

/// Nodes that lost their last owner. A chain of them is taken apart in a loop: by recursion, a graph of a hundred
/// thousand steps would overflow the stack.
struct Graveyard {
  std::vector<boost::intrusive_ptr<Function>> waiting;
  bool at_work = false;
};
thread_local Graveyard graveyard;

/// forward(), with this thread's hooks around it if there are any.
template <class Forward>
Array hooked(const Function& function, const Forward& forward) {
  if (!detail::has_function_hooks) [[likely]]
    return forward();
  detail::hooks_before(function, /*forward=*/true);
  Array y = forward();
  detail::hooks_after_forward(function, {&y, 1});
  return y;
}

}  // namespace

std::uint64_t detail::last_function() { return last_sequence; }

Function::~Function() {
  for (detail::Edge& edge : edges_) {
    if (edge.function && edge.function->use_count() == 1) graveyard.waiting.push_back(std::move(edge.function));
  }
  if (graveyard.at_work || graveyard.waiting.empty()) return;
  graveyard.at_work = true;
  while (!graveyard.waiting.empty()) {
    const boost::intrusive_ptr<Function> last = std::move(graveyard.waiting.back());
    graveyard.waiting.pop_back();
  }
  graveyard.at_work = false;
}

Array Function::forward(const Array& x) {
  Arrays outputs = forward(Arrays{x});
  return std::move(outputs.front());
}
Array Function::forward(const Array& x0, const Array& x1) {
  Arrays outputs = forward(Arrays{x0, x1});
  return std::move(outputs.front());
}
Array Function::forward(const Array& x0, const Array& x1, const Array& x2) {
  Arrays outputs = forward(Arrays{x0, x1, x2});
  return std::move(outputs.front());
}
Arrays Function::forward(const Arrays& inputs) {
  throw GraphError(name(), ": forward is not defined for ", inputs.size(), " inputs.");
}

// Each asks the other, so that either may be the one that a function has.
Variables Function::backward(const Variable& gy) { return backward(Variables{gy}); }
Variables Function::backward(const Variables& gys) {
  if (gys.size() == 1) throw GraphError(name(), ": has no gradient.");
  return backward(gys.front());
}

void Function::retain_output(const Array& y, int index) {
  const auto at = static_cast<std::size_t>(index);
  if (outputs_.size() <= at) outputs_.resize(at + 1);
  outputs_[at].saved = y;
}

void Function::check_not_released() const {
  if (released_) {
    throw GraphError(name(),
                     ": what the graph saved is released after backward(). Pass {.retain_graph = true} to walk ",
                     "a graph twice.");
  }
}

Variable Function::retained_input(int position) const {
  check_not_released();
  const int index = saved_indices_[static_cast<std::size_t>(position)];
  const Input& input = saved_inputs_[static_cast<std::size_t>(position)];
  const detail::Edge& from = edge(index);
  check_not_written(from.leaf ? from.leaf->array : input.saved, input.buffer, input.version, "input", index);
  if (from.leaf) return Variable(from.leaf);
  if (!from.function) return input.saved ? Variable(input.saved) : Variable();
  auto& output = from.function->outputs_[static_cast<std::size_t>(from.output_index)];
  if (output.variable) return Variable(boost::intrusive_ptr<detail::VariableBody>(output.variable));
  return from.function->make_output(input.saved, from.output_index);
}

Variable Function::retained_output(int index) {
  check_not_released();
  Output& output = outputs_[static_cast<std::size_t>(index)];
  check_not_written(output.saved, output.saved.buffer().get(), output.version, "output", index);
  if (output.variable) return Variable(boost::intrusive_ptr<detail::VariableBody>(output.variable));
  return make_output(output.saved, index);
}

void Function::check_not_written(const Array& now, const Buffer* buffer, std::uint32_t version, const char* what,
                                 int index) const {
  if (!buffer || now.buffer().get() != buffer || buffer->version() == version) return;
  throw_written(now, std::string(what).append(" ").append(std::to_string(index)));
}

const Array& Function::kept(const KeptArray& kept, const char* what) const {
  check_not_released();
  if (kept.array && kept.array.buffer()->version() != kept.version) throw_written(kept.array, what);
  return kept.array;
}

void Function::throw_written(const Array& now, const std::string& what) const {
  throw GraphError(name(), ": its gradient needs its ", what, ", ", now.dtype(), " ", now.shape(),
                   ", which was written in place after it was computed with. Write into a copy(), or call backward() "
                   "before fill(), copy_from(), an assignment by index, or an optimizer's update().");
}

Array Function::gradient_destination(int input) const {
  const detail::Edge& to = edge(input);
  if (!into_leaves_ || config().enable_backprop || !to.leaf || !to.leaf->extras || to.leaf->extras->grad) return {};
  // Two gradients of one leaf must not be written to one place.
  const auto uses = std::count_if(edges_.begin(), edges_.end(), [&](const auto& e) { return e.leaf == to.leaf; });
  const Array& place = to.leaf->extras->grad_destination;
  return uses == 1 && place && place.is_contiguous() ? place : Array();  // kernels write in row-major order
}

Array Function::take_gradient_so_far(int input, const Shape& shape, Dtype dtype) {
  const detail::Edge& to = edge(input);
  if (!to.function || walk_ == 0 || config().enable_backprop || detail::has_function_hooks) return {};
  const Variable& sum = to.function->gradients_[static_cast<std::size_t>(to.output_index)];
  if (!sum || sum.shape() != shape || sum.dtype() != dtype || !sum.may_be_overwritten()) return {};
  if (input >= std::numeric_limits<decltype(added_)>::digits) return {};
  added_ |= 1u << input;
  return sum.array();
}

Variable Function::make_output(Array y, int index) {
  Variable variable(std::move(y));
  variable.body_->creator = this;
  variable.body_->output_index = index;
  variable.body_->requires_grad = true;
  outputs_[static_cast<std::size_t>(index)].variable = variable.body_.get();
  return variable;
}

/// Makes this function a node of the graph, if anything upstream wants a gradient.
bool Function::link_inputs(const Variable* const* inputs, std::size_t count) {
  if (!config().enable_backprop) return false;
  bool wanted = false;
  for (std::size_t i = 0; i < count; ++i) wanted = wanted || inputs[i]->requires_grad();
  if (!wanted) return false;

  edges_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (!inputs[i]->requires_grad()) continue;
    const auto& body = inputs[i]->body_;
    if (body->creator) {
      edges_[i].function = body->creator;
      edges_[i].output_index = body->output_index;
    } else {
      edges_[i].leaf = body;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!(retained_mask_ >> i & 1u)) continue;
    saved_indices_.push_back(static_cast<std::uint8_t>(i));
    const Array& array = inputs[i]->array();
    const Buffer* buffer = array.buffer().get();
    saved_inputs_.push_back({edges_[i].leaf ? Array() : array, buffer, buffer ? buffer->version() : 0});
  }
  for (Output& output : outputs_) {
    if (output.saved) output.version = output.saved.buffer()->version();
  }
  sequence_ = ++last_sequence;
  return true;
}

Variable Function::connect(const Variable* const* inputs, std::size_t count, Array y) {
  if (!link_inputs(inputs, count)) return Variable(std::move(y));
  if (outputs_.empty()) outputs_.resize(1);
  return make_output(std::move(y), 0);
}

Variable Function::run(const Variable& x) {
  const Variable* inputs[] = {&x};
  return connect(inputs, 1, hooked(*this, [&] { return forward(x.array()); }));
}
Variable Function::run(const Variable& x0, const Variable& x1) {
  const Variable* inputs[] = {&x0, &x1};
  return connect(inputs, 2, hooked(*this, [&] { return forward(x0.array(), x1.array()); }));
}
Variable Function::run(const Variable& x0, const Variable& x1, const Variable& x2) {
  const Variable* inputs[] = {&x0, &x1, &x2};
  return connect(inputs, 3, hooked(*this, [&] { return forward(x0.array(), x1.array(), x2.array()); }));
}

Variables Function::run(const Variables& inputs) {
  Arrays arrays;
  boost::container::small_vector<const Variable*, 8> pointers;
  for (const Variable& input : inputs) {
    arrays.push_back(input.array());
    pointers.push_back(&input);
  }
  if (detail::has_function_hooks) detail::hooks_before(*this, /*forward=*/true);
  Arrays ys = forward(arrays);
  if (detail::has_function_hooks) detail::hooks_after_forward(*this, {ys.data(), ys.size()});
  Variables outputs;
  const bool linked = link_inputs(pointers.data(), pointers.size());
  if (linked && outputs_.size() < ys.size()) outputs_.resize(ys.size());
  for (std::size_t i = 0; i < ys.size(); ++i) {
    outputs.push_back(linked ? make_output(std::move(ys[i]), static_cast<int>(i)) : Variable(std::move(ys[i])));
  }
  return outputs;
}

Variables apply_all(boost::intrusive_ptr<Function> function, const Variables& inputs) { return function->run(inputs); }

/// Ends the graph here: nothing upstream is kept or reached any more.
void Function::cut() {
  release();
  edges_.clear();
}

void Function::cut_output(int index) {
  outputs_[static_cast<std::size_t>(index)].unchained = true;
  for (const Output& output : outputs_) {
    if (!output.unchained) return;
  }
  cut();
}

void Function::release() {
  saved_inputs_.clear();
  saved_indices_.clear();
  for (Output& output : outputs_) output.saved = Array();
  release_saved();
  released_ = true;
}

}  // namespace rensa
