#include "core/autograd/variable.h"

#include <utility>
#include <vector>

#include "core/autograd/variable_body.h"
#include "core/error.h"
#include "core/kernels/memory.h"

namespace rensa {
namespace detail {

void intrusive_ptr_add_ref(const VariableBody* body) noexcept {
  boost::sp_adl_block::intrusive_ptr_add_ref(
      static_cast<const boost::intrusive_ref_counter<VariableBody, boost::thread_safe_counter>*>(body));
}
void intrusive_ptr_release(const VariableBody* body) noexcept {
  boost::sp_adl_block::intrusive_ptr_release(
      static_cast<const boost::intrusive_ref_counter<VariableBody, boost::thread_safe_counter>*>(body));
}

VariableBody::~VariableBody() {
  if (!creator) return;
  auto& output = creator->outputs_[static_cast<std::size_t>(output_index)];
  if (output.variable == this) output.variable = nullptr;
}

}  // namespace detail

Variable::Variable(Array array, bool requires_grad) : body_(new detail::VariableBody(std::move(array))) {
  body_->requires_grad = requires_grad;
}

detail::VariableBody& Variable::body() const {
  if (!body_)
    throw GraphError("variable: there is no variable here (it was default-constructed, or an input left out).");
  return *body_;
}

bool Variable::may_be_overwritten() const {
  return body().use_count() == 1 && body().array.buffer()->use_count() == 1 && body().array.is_dense();
}

const Array& Variable::array() const {
  static const Array none;
  if (!body_) return none;
  if (body_->extras && body_->extras->read_gate) [[unlikely]]
    body_->extras->read_gate->before_read();
  return body_->array;
}

bool Variable::requires_grad() const { return body_ && body_->requires_grad; }

void Variable::set_requires_grad(bool value) {
  if (body().creator)
    throw GraphError("set_requires_grad: only a leaf can be asked, this is an output of ", creator()->name());
  body().requires_grad = value;
}

const std::string& Variable::name() const {
  static const std::string none;
  return body().extras ? body().extras->name : none;
}
void Variable::set_name(std::string name) { body().extras_of().name = std::move(name); }

const Variable& Variable::grad_variable() const {
  static const Variable none;
  return body().extras ? body().extras->grad : none;
}
Array Variable::grad() const { return grad_variable().array(); }

void Variable::set_grad(Variable grad) {
  if (grad && grad.shape() != shape()) {
    throw ShapeError("set_grad: the gradient's shape ", grad.shape(), " must be the variable's, ", shape(), ".");
  }
  body().extras_of().grad = std::move(grad);
}

void Variable::clear_grad() {
  if (body().extras) body().extras->grad = Variable();
}

void Variable::add_grad(const Variable& other) {
  const Array given = other.grad();
  if (!given) return;
  if (given.shape() != shape())
    throw ShapeError("add_grad: the other's gradient is ", given.shape(), ", this variable is ", shape(), ".");
  Array sum = given.to(device()).to(dtype());
  if (sum.raw_data() == given.raw_data()) sum = sum.copy();  // the other keeps its own
  if (const Array own = grad()) kernels::accumulate(sum, own.to(dtype()));
  detail::VariableExtras& extras = body().extras_of();
  if (extras.grad_destination) {
    extras.grad_destination.copy_from(sum);
    sum = extras.grad_destination;
  }
  extras.grad = Variable(sum);
}

void Variable::copy_data(const Variable& other) {
  if (!array()) throw GraphError("copy_data: there is no array to write into; initialize() the parameter first.");
  if (other.shape() != shape())
    throw ShapeError("copy_data: the other variable is ", other.shape(), ", this one is ", shape(), ".");
  array().copy_from(other.array());
}

Function* Variable::creator() const { return body().creator.get(); }

void Variable::unchain() {
  if (!body().creator) return;
  const boost::intrusive_ptr<Function> creator = std::move(body().creator);
  creator->outputs_[static_cast<std::size_t>(body().output_index)].variable = nullptr;
  creator->cut_output(body().output_index);
}

void Variable::unchain_backward() {
  std::vector<boost::intrusive_ptr<Function>> to_cut;
  if (body().creator) to_cut.push_back(body().creator);
  while (!to_cut.empty()) {
    const boost::intrusive_ptr<Function> function = std::move(to_cut.back());
    to_cut.pop_back();
    for (const detail::Edge& edge : function->edges_) {
      if (edge.function) to_cut.push_back(edge.function);
    }
    function->cut();
  }
  unchain();
}

}  // namespace rensa
