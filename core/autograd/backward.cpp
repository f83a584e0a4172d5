#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>
#include <vector>

#include "core/autograd/function_hook.h"
#include "core/autograd/variable_body.h"
#include "core/error.h"
#include "core/kernels/memory.h"

namespace rensa {
namespace detail {
namespace {

/// a + b of one shape: gradients that meet in one place.
struct SumGradients final : Function {
  const char* name() const override { return "sum_gradients"; }
  Array forward(const Array& a, const Array& b) override {
    Array sum = empty_like(a);
    kernels::copy(sum, a);
    kernels::accumulate(sum, b);
    return sum;
  }
  Variables backward(const Variable& gy) override { return {gy, gy}; }
};

/// A gradient in the dtype of what it belongs to: set_grad(), and whoever writes a Function, may give another.
struct CastGradient final : Function {
  Dtype before, after;
  CastGradient(Dtype from, Dtype to) : before(from), after(to) {}
  const char* name() const override { return "cast_gradient"; }
  Array forward(const Array& gradient) override { return gradient.to(after); }
  Variables backward(const Variable& g) override {
    return {g.dtype() == before ? g : apply(make_function<CastGradient>(after, before), g)};
  }
};
Variable in_dtype(Variable gradient, Dtype dtype) {
  if (!gradient || gradient.dtype() == dtype) return gradient;
  return apply(make_function<CastGradient>(gradient.dtype(), dtype), gradient);
}

void check_shape(const char* name, const Variable& gradient, const Variable& variable) {
  if (!gradient || gradient.shape() == variable.shape()) return;
  throw ShapeError(name, ": a gradient has shape ", gradient.shape(), ", its variable has ", variable.shape(), ".");
}

/// Their sum, where either may be no variable.
Variable joined(const Variable& a, const Variable& b) { return !a ? b : !b ? a : apply<SumGradients>(a, b); }

std::uint64_t next_walk() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

/// One walk from some outputs back to the leaves.
///
/// First every function that the outputs depend on is met once, and the gradients that each leaf will get are counted.
/// Then the functions run, latest made first: all users of a function were made after it, so its gradients are complete
/// when its turn comes, and the order of every sum is the same in every run.
class Backward {
 public:
  explicit Backward(const BackwardOptions& options) : options_(options), walk_(next_walk()) {}
  ~Backward() {
    for (Function* function : functions_) {
      function->gradients_.clear();
      function->walk_ = 0;
      function->runner_ = nullptr;
    }
  }
  Backward(const Backward&) = delete;
  Backward& operator=(const Backward&) = delete;

  void add_root(const Variable& output, Variable gradient) {
    check_shape("backward", gradient, output);
    VariableBody& body = output.body();
    if (!body.requires_grad) return;
    gradient = in_dtype(std::move(gradient), output.dtype());
    if (!body.creator) {
      roots_without_creator_.emplace_back(output, std::move(gradient));
      return;
    }
    roots_.push_back(body.creator);
    meet(body.creator.get());
    add_gradient(body.creator->gradients_[static_cast<std::size_t>(body.output_index)], std::move(gradient));
  }

  /// The walk then collects the gradients of `inputs` alone and touches no leaf's grad().
  void collect(const Variables& inputs) {
    wanted_ = &inputs;
    collected_.resize(inputs.size());
  }

  /// Takes the gradient of a leaf whose function has not computed the others yet, if somebody waits for it.
  void take_early(Function& function, int input, Variable& gradient) {
    const Edge& edge = function.edge(input);
    if (wanted_ || has_function_hooks || !gradient || !edge.leaf || !edge.leaf->extras) return;
    const VariableExtras& extras = *edge.leaf->extras;
    if (!extras.on_gradient || extras.moment != GradientMoment::kEarly) return;
    if (input >= std::numeric_limits<decltype(function.given_)>::digits) return;
    function.given_ |= 1u << input;
    deliver_to_leaf(*edge.leaf, std::exchange(gradient, {}), function.name());
  }

  Variables run() {
    const ConfigScope scope({.train = config().train, .enable_backprop = options_.enable_double_backprop});
    count_gradients();
    for (auto& [leaf, gradient] : roots_without_creator_) deliver_to_leaf(leaf.body(), gradient, "backward");
    const auto later = [](const Function* a, const Function* b) { return a->sequence_ > b->sequence_; };
    if (!std::is_sorted(functions_.begin(), functions_.end(), later)) {
      std::sort(functions_.begin(), functions_.end(), later);
    }
    for (Function* function : functions_) process(*function);
    return std::move(collected_);
  }

 private:
  void meet(Function* function) {
    if (function->walk_ == walk_) return;
    if (function->walk_ != 0) {
      throw GraphError(function->name(), ": backward() was called inside backward() on the same graph.");
    }
    function->walk_ = walk_;
    function->into_leaves_ = !wanted_;
    function->visited_edges_ = 0;
    function->gradients_.resize(std::max<std::size_t>(1, function->outputs_.size()));
    functions_.push_back(function);
  }

  void expect_gradient(VariableBody& leaf) const {
    if (wanted_) return;  // a walk for grad() may run inside another, whose counts stay
    if (leaf.walk != walk_) {
      leaf.walk = walk_;
      leaf.pending = 0;
      if (leaf.extras && leaf.extras->before_gradient) leaf.extras->before_gradient();
    }
    ++leaf.pending;
  }

  void count_gradients() {
    for (const auto& [leaf, gradient] : roots_without_creator_) expect_gradient(leaf.body());
    for (std::size_t next = 0; next < functions_.size(); ++next) {
      for (const Edge& edge : functions_[next]->edges_) {
        if (edge.function) {
          meet(edge.function.get());
        } else if (edge.leaf) {
          expect_gradient(*edge.leaf);
        }
      }
    }
  }

  void process(Function& function) {
    collect_outputs(function);
    for (std::size_t i = 0; i < function.outputs_.size(); ++i) {
      if (function.outputs_[i].unchained) function.gradients_[i] = Variable();
    }
    const bool any = !function.edges_.empty() && std::any_of(function.gradients_.begin(), function.gradients_.end(),
                                                             [](const Variable& g) { return static_cast<bool>(g); });
    Variables gradients;
    function.added_ = function.given_ = 0;
    if (any) {
      if (has_function_hooks) hooks_before(function, /*forward=*/false);
      function.runner_ = this;
      gradients = function.outputs_.size() == 1 ? function.backward(function.gradients_.front())
                                                : function.backward(function.gradients_);
      function.runner_ = nullptr;
      if (gradients.size() != function.edges_.size()) {
        throw GraphError(function.name(), ": backward returned ", gradients.size(), " gradients for ",
                         function.edges_.size(),
                         " inputs. Return one an input; an empty Variable where there is none.");
      }
      if (has_function_hooks) hooks_after_backward(function, gradients);
    }
    function.gradients_.clear();
    const bool released = release(function);
    for (std::size_t i = 0; i < function.edges_.size(); ++i) {
      const Edge& edge = function.edges_[i];
      if (is_marked(function.given_, i)) {
        if (any && gradients[i]) throw_given_twice(function);
      } else if (edge.leaf) {
        deliver_to_leaf(*edge.leaf, any ? std::move(gradients[i]) : Variable(), function.name());
      } else if (edge.function) {
        edge.function->visited_edges_ += released;
        if (!any) continue;
        Variable& sum = edge.function->gradients_[static_cast<std::size_t>(edge.output_index)];
        if (is_marked(function.added_, i)) {
          check_is_the_sum(function, gradients[i], sum);
        } else if (gradients[i]) {
          add_gradient(sum, std::move(gradients[i]));
        }
      }
    }
  }

  static bool is_marked(std::uint32_t bits, std::size_t input) {
    return input < std::numeric_limits<decltype(bits)>::digits && (bits >> input & 1u) != 0;
  }
  [[noreturn]] static void throw_given_twice(const Function& function) {
    throw GraphError(function.name(),
                     ": backward gave the gradient of an input early and returned one for it, too. Return what "
                     "give_early() returned.");
  }
  static void check_is_the_sum(const Function& function, const Variable& gradient, const Variable& sum) {
    if (gradient && gradient.array().raw_data() == sum.array().raw_data()) return;
    throw GraphError(function.name(),
                     ": backward took the gradient so far of an input and returned another array. Add "
                     "to the one that take_gradient_so_far() gave, and return it.");
  }

  void collect_outputs(Function& function) {
    if (!wanted_ && !options_.retain_grad) return;
    for (std::size_t i = 0; i < function.outputs_.size(); ++i) {
      VariableBody* variable = function.outputs_[i].variable;
      if (!variable || !function.gradients_[i]) continue;
      if (options_.retain_grad) variable->extras_of().grad = function.gradients_[i];
      if (wanted_) collect_gradient(*variable, function.gradients_[i]);
    }
  }

  void collect_gradient(const VariableBody& variable, const Variable& gradient) {
    for (std::size_t i = 0; i < wanted_->size(); ++i) {
      if ((*wanted_)[i].body_.get() == &variable)
        add_gradient(collected_[i], in_dtype(gradient, variable.array.dtype()));
    }
  }

  /// Gives back what the function saved, if nobody outside this walk can ask for it: all its users were released
  /// in this walk too. (A second loss on the same trunk keeps the trunk alive until its own walk.)
  bool release(Function& function) {
    if (options_.retain_graph || options_.enable_double_backprop || wanted_) return false;
    std::int64_t known = function.visited_edges_ + std::count(roots_.begin(), roots_.end(), &function);
    for (const auto& output : function.outputs_) known += output.variable != nullptr;
    if (static_cast<std::int64_t>(function.use_count()) > known) return false;
    function.release();
    return true;
  }

  void add_gradient(Variable& sum, Variable gradient) const {
    if (!sum) {
      sum = std::move(gradient);
    } else if (!config().enable_backprop && sum.may_be_overwritten()) {
      kernels::accumulate(sum.array(), gradient.array());
    } else {
      sum = apply<SumGradients>(sum, gradient);
    }
  }

  void deliver_to_leaf(VariableBody& leaf, Variable gradient, const char* from) {
    if (gradient) {
      if (gradient.shape() != leaf.array.shape()) {
        throw GraphError(from, ": its gradient has shape ", gradient.shape(), ", the variable has ", leaf.array.shape(),
                         ".");
      }
      if (wanted_) {
        collect_gradient(leaf, gradient);
      } else {
        accumulate(leaf, std::move(gradient));
      }
    }
    if (wanted_ || leaf.walk != walk_ || --leaf.pending > 0) return;
    if (leaf.extras && leaf.extras->grad && leaf.extras->on_gradient) {
      leaf.extras->on_gradient(Variable(boost::intrusive_ptr<VariableBody>(&leaf)));
    }
  }

  void accumulate(VariableBody& leaf, Variable gradient) const {
    VariableExtras& extras = leaf.extras_of();
    gradient = in_dtype(std::move(gradient), leaf.array.dtype());
    extras.grad = in_dtype(std::move(extras.grad), leaf.array.dtype());
    const Array& destination = extras.grad_destination;
    if (!destination || options_.enable_double_backprop) {
      add_gradient(extras.grad, std::move(gradient));
    } else if (extras.grad) {
      if (extras.grad.array().raw_data() != destination.raw_data()) {  // set_grad() gave it, or it has a graph
        destination.copy_from(extras.grad.array());
        extras.grad = Variable(destination);
      }
      kernels::accumulate(destination, gradient.array());
    } else {
      if (gradient.array().raw_data() != destination.raw_data()) kernels::copy(destination, gradient.array());
      extras.grad = Variable(destination);
    }
  }

  const BackwardOptions options_;
  const std::uint64_t walk_;
  std::vector<Function*> functions_;
  boost::container::small_vector<boost::intrusive_ptr<Function>, 1> roots_;
  boost::container::small_vector<std::pair<Variable, Variable>, 1> roots_without_creator_;
  const Variables* wanted_ = nullptr;
  Variables collected_;
};

namespace {

/// What a scalar starts from; `otherwise` is what to do with others.
Variable seed(const char* name, const Variable& output, double loss_scale, const char* otherwise) {
  if (output.size() != 1)
    throw GraphError(name, ": starts from a scalar, found shape ", output.shape(), ". ", otherwise);
  Array one = empty_like(output.array());
  one.fill(loss_scale);
  return Variable(one);
}

}  // namespace
}  // namespace detail

Variable Function::give_early(int input, Variable gradient) {
  if (runner_) runner_->take_early(*this, input, gradient);
  return gradient;
}

void Variable::backward(const BackwardOptions& options) const { rensa::backward(Variables{*this}, options); }

void backward(const Variables& outputs, const BackwardOptions& options) {
  detail::Backward walk(options);
  for (const Variable& output : outputs) {
    walk.add_root(output, output.grad_variable() ? output.grad_variable()
                                                 : detail::seed("backward", output, options.loss_scale,
                                                                "Sum it, or call set_grad() first."));
  }
  walk.run();
}

Variables grad(const Variables& outputs, const Variables& inputs, const Variables& grad_outputs,
               const GradOptions& options) {
  if (!grad_outputs.empty() && grad_outputs.size() != outputs.size()) {
    throw GraphError("grad: ", outputs.size(), " outputs, but ", grad_outputs.size(), " grad_outputs.");
  }
  if (!options.grad_inputs.empty() && options.grad_inputs.size() != inputs.size()) {
    throw GraphError("grad: ", inputs.size(), " inputs, but ", options.grad_inputs.size(), " grad_inputs.");
  }
  for (std::size_t i = 0; i < options.grad_inputs.size(); ++i) {
    detail::check_shape("grad", options.grad_inputs[i], inputs[i]);
  }
  detail::Backward walk({.retain_grad = options.retain_grad,
                         .enable_double_backprop = options.enable_double_backprop,
                         .loss_scale = options.loss_scale});
  walk.collect(inputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const bool given = !grad_outputs.empty() && grad_outputs[i];
    walk.add_root(outputs[i],
                  given ? grad_outputs[i] : detail::seed("grad", outputs[i], options.loss_scale, "Give grad_outputs."));
  }
  Variables gradients = walk.run();
  const ConfigScope scope({.train = config().train, .enable_backprop = options.enable_double_backprop});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!options.grad_inputs.empty()) {
      gradients[i] = detail::joined(detail::in_dtype(options.grad_inputs[i], inputs[i].dtype()), gradients[i]);
    }
    if (!options.set_grad) continue;
    Variable input = inputs[i];
    input.set_grad(gradients[i]);
  }
  return gradients;
}

}  // namespace rensa
