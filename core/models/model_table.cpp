#include "core/models/model_table.h"

#include <map>
#include <optional>
#include <set>

#include "core/autograd/function_hook.h"
#include "core/autograd/variable_body.h"

namespace rensa::models {
namespace {

/// Every operation with the shapes of its results, in the order in which they are called.
class Recorder final : public FunctionHook {
 public:
  struct Call {
    boost::intrusive_ptr<const Function> function;  ///< kept, though nobody may use its result
    std::string name;
    std::vector<Shape> outputs;
  };
  void after_forward(const Function& f, std::span<const Array> outputs) override {
    Call call{boost::intrusive_ptr<const Function>(&f), f.name(), {}};
    for (const Array& output : outputs) call.outputs.push_back(output.shape());
    calls.push_back(std::move(call));
  }
  std::vector<Call> calls;
};

using Shapes = std::map<std::pair<const Function*, int>, Shape>;

/// Where the graph does not know an input (nothing before it has a gradient), no shape.
std::optional<Shape> input_shape(const Function& f, int input, const Shapes& shapes) {
  if (input >= f.inputs()) return std::nullopt;
  const detail::Edge& edge = f.edge(input);
  if (edge.leaf) return edge.leaf->array.shape();
  const auto found = shapes.find({edge.function.get(), edge.output_index});
  return found == shapes.end() ? std::nullopt : std::optional(found->second);
}

std::int64_t multiply_adds(const Recorder::Call& call, const Shapes& shapes) {
  const auto shape = [&](int input) { return input_shape(*call.function, input, shapes); };
  const Shape& y = call.outputs.front();
  const std::int64_t size = total_size(y);
  if (call.name == "convolution_2d" || call.name == "linear") {
    const auto W = shape(1);
    return W ? size * (total_size(*W) / (*W)[0]) : 0;
  }
  if (call.name == "matmul") {  // (…, m, k) by (…, k, n), either of them turned or not
    const auto a = shape(0);
    return a && y.ndim() >= 2 && size > 0 ? total_size(*a) * y[y.ndim() - 1] : 0;
  }
  if (call.name == "scaled_dot_product_attention") {
    const auto q = shape(0), k = shape(1);
    return q && k ? 2 * total_size(*q) * (*k)[k->ndim() - 2] : 0;
  }
  return 0;
}

}  // namespace

std::vector<LayerRow> model_table(Link& model, const std::function<Variable()>& forward) {
  Recorder recorder;
  Variable result;
  {
    const FunctionHookScope scope(recorder);
    result = forward();
  }
  std::map<const void*, std::string> paths;  // of parameters, by where their elements lie
  for (const Link::NamedParameter& named : model.named_parameters()) {
    if (named.parameter->is_initialized()) paths[named.parameter->array().raw_data()] = named.path;
  }
  Shapes shapes;
  for (const Recorder::Call& call : recorder.calls) {
    for (std::size_t i = 0; i < call.outputs.size(); ++i)
      shapes[{call.function.get(), static_cast<int>(i)}] = call.outputs[i];
  }
  std::vector<LayerRow> rows;
  std::set<std::string> counted;
  for (const Recorder::Call& call : recorder.calls) {
    if (call.outputs.empty()) continue;
    LayerRow row{.path = "",
                 .operation = call.name,
                 .output = call.outputs.front(),
                 .multiply_adds = multiply_adds(call, shapes)};
    for (int input = 0; input < call.function->inputs(); ++input) {
      const detail::Edge& edge = call.function->edge(input);
      const auto found = edge.leaf ? paths.find(edge.leaf->array.raw_data()) : paths.end();
      if (found == paths.end()) continue;
      const std::string& path = found->second;
      row.path = path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
      if (counted.insert(path).second) row.parameters += edge.leaf->array.size();
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace rensa::models
