#include "core/autograd/graph.h"

#include <sstream>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/autograd/function.h"
#include "core/autograd/variable_body.h"
#include "core/error.h"

namespace rensa {
namespace detail {

/// Every function behind some outputs, each once, the outputs' own first. Functions with numbers up to `mark` are not
/// entered: their outputs count as leaves.
class GraphWalk {
 public:
  explicit GraphWalk(const Variables& outputs, std::uint64_t mark = 0) : mark_(mark) {
    for (const Variable& output : outputs) {
      if (!output) continue;
      if (Function* creator = output.creator()) {
        meet(creator, output.body_->output_index);
      } else if (output.requires_grad()) {
        meet(output.body_);
      }
    }
    for (std::size_t next = 0; next < functions_.size(); ++next) {
      for (int i = 0; i < functions_[next]->inputs(); ++i) {
        const Edge& edge = functions_[next]->edge(i);
        if (edge.function) meet(edge.function.get(), edge.output_index);
        if (edge.leaf) meet(edge.leaf);
      }
    }
  }
  const std::vector<Function*>& functions() const { return functions_; }
  const Variables& leaves() const { return leaves_; }
  static const void* identity(const Variable& v) { return v.body_.get(); }

 private:
  void meet(Function* function, int output_index) {
    if (function->sequence_ > mark_) {
      if (seen_.insert(function).second) functions_.push_back(function);
      return;
    }
    VariableBody* output = function->outputs_[static_cast<std::size_t>(output_index)].variable;
    if (!output) {
      throw GraphError("forget: the function uses an output of ", function->name(),
                       " that was computed before it and that nobody holds any more, so that backward could not ",
                       "compute with it again. Pass it to forget as an input.");
    }
    meet(boost::intrusive_ptr<VariableBody>(output));
  }
  void meet(const boost::intrusive_ptr<VariableBody>& leaf) {
    if (seen_.insert(leaf.get()).second) leaves_.push_back(Variable(leaf));
  }

  const std::uint64_t mark_;
  std::vector<Function*> functions_;
  Variables leaves_;
  std::unordered_set<const void*> seen_;
};

Variables taken_from_outside(const Variables& outputs, std::uint64_t mark) { return GraphWalk(outputs, mark).leaves(); }

AsLeaves::AsLeaves(const Variables& variables) : variables_(variables) {
  for (const Variable& v : variables_) creators_.push_back(std::move(v.body_->creator));
}
AsLeaves::~AsLeaves() {
  for (std::size_t i = variables_.size(); i-- > 0;) variables_[i].body_->creator = std::move(creators_[i]);
}

}  // namespace detail

namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

std::string label_of(const Variable& v, const char* otherwise, const GraphDrawingOptions& options) {
  std::ostringstream text;
  text << (v.name().empty() ? otherwise : v.name());
  if (options.show_shapes && v.array()) text << ' ' << v.dtype() << ' ' << v.shape();
  return quoted(text.str());
}

}  // namespace

Variables leaves_of(const Variables& outputs) { return detail::GraphWalk(outputs).leaves(); }

std::string graph_as_dot(const Variables& outputs, const GraphDrawingOptions& options) {
  const detail::GraphWalk walk(outputs);
  std::unordered_map<const void*, std::string> names;
  std::ostringstream dot;
  dot << "digraph {\n  rankdir=" << options.rankdir << ";\n";
  for (const Variable& leaf : walk.leaves()) {
    const std::string name = std::string("v").append(std::to_string(names.size()));
    names.emplace(detail::GraphWalk::identity(leaf), name);
    dot << "  " << name << " [shape=ellipse, label=" << label_of(leaf, "leaf", options) << "];\n";
  }
  for (const Function* function : walk.functions()) {
    const std::string name = std::string("f").append(std::to_string(names.size()));
    names.emplace(function, name);
    dot << "  " << name << " [shape=box, label=" << quoted(function->name()) << "];\n";
  }
  for (const Function* function : walk.functions()) {
    for (int i = 0; i < function->inputs(); ++i) {
      const detail::Edge& edge = function->edge(i);
      if (edge)
        dot << "  " << names.at(edge.function ? static_cast<const void*>(edge.function.get()) : edge.leaf.get())
            << " -> " << names.at(function) << ";\n";
    }
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i] || !outputs[i].creator()) continue;
    dot << "  y" << i << " [shape=ellipse, label=" << label_of(outputs[i], "output", options) << "];\n";
    dot << "  " << names.at(outputs[i].creator()) << " -> y" << i << ";\n";
  }
  dot << "}\n";
  return dot.str();
}

}  // namespace rensa
