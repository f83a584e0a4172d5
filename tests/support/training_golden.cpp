#include "tests/support/training_golden.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

#include "tests/support/golden_file.h"
#include "tests/support/hashed_numbers.h"

namespace rensa::testing {
namespace {

Array hashed_array(std::uint64_t stream, const Shape& shape, double bound) {
  const HashedNumbers numbers(stream);
  std::vector<double> values(static_cast<std::size_t>(total_size(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = numbers.uniform(static_cast<std::int64_t>(i), bound);
  return array(values, shape);
}

Shape shape_of(const nlohmann::json& entry) {
  Shape shape;
  for (std::int64_t size : entry.at("shape")) shape.push_back(size);
  return shape;
}

/// `values` in the order of axes in memory that `like` has: a convolution may keep its weight channels-last.
Array as_laid_out(const Array& values, const Array& like) {
  Array result = empty_like(like).to(values.dtype());
  result.copy_from(values);
  return result;
}

}  // namespace

TrainingGolden::TrainingGolden(const std::string& network) : file_(golden_file("training_" + network)) {}

std::vector<double> TrainingGolden::losses(Dtype dtype) const {
  return file_.at(dtype == Dtype::kFloat64 ? "losses_f64" : "losses_f32").get<std::vector<double>>();
}

Shape TrainingGolden::input_shape() const {
  const std::int64_t batch = file_.at("batch"), size = file_.at("image_size");
  return size == 0 ? Shape{batch, 784} : Shape{batch, 3, size, size};
}

Array TrainingGolden::input(int step, Dtype dtype) const {
  const int batch = step % file_.at("batches").get<int>();
  const auto stream = file_.at("input_stream").get<std::uint64_t>() + static_cast<std::uint64_t>(batch);
  const Array x = hashed_array(stream, input_shape(), 1.0).to(dtype);
  return x.ndim() == 4 ? x.channels_last() : x;
}

Array TrainingGolden::labels(int step) const {
  const int batch = step % file_.at("batches").get<int>();
  const HashedNumbers numbers(file_.at("label_stream").get<std::uint64_t>() + static_cast<std::uint64_t>(batch));
  std::vector<std::int32_t> t(file_.at("batch").get<std::size_t>());
  for (std::size_t i = 0; i < t.size(); ++i) {
    t[i] = static_cast<std::int32_t>(numbers.label(static_cast<std::int64_t>(i), file_.at("classes")));
  }
  return array(t, {static_cast<std::int64_t>(t.size())});
}

std::string TrainingGolden::pytorch_name(const std::string& path) {
  std::string name = path;
  std::replace(name.begin(), name.end(), '/', '.');
  const std::size_t dot = name.rfind('.') + 1;  // npos + 1 is 0: a name without a folder
  const std::string last = name.substr(dot);
  if (last == "W" || last == "gamma") name.replace(dot, last.size(), "weight");
  if (last == "b" || last == "beta") name.replace(dot, last.size(), "bias");
  return name;
}

const nlohmann::json& TrainingGolden::entry(const std::string& name) const {
  for (const nlohmann::json& p : file_.at("parameters")) {
    if (p.at("name") == name) return p;
  }
  throw std::runtime_error("the golden file has no parameter " + name);
}

void TrainingGolden::set_parameters(Link& model, Dtype dtype, const Rename& rename) const {
  const auto parameters = model.named_parameters();
  if (parameters.size() != file_.at("parameters").size()) {
    std::ostringstream message;
    message << "the model has " << parameters.size() << " parameters, PyTorch's " << file_.at("parameters").size();
    throw std::runtime_error(message.str());
  }
  for (const auto& [path, parameter] : parameters) {
    const nlohmann::json& p = entry(rename(path));
    const Shape shape = shape_of(p);
    if (!parameter->is_initialized()) parameter->initialize(shape);
    if (parameter->shape() != shape) {
      std::ostringstream message;
      message << path << " has the shape " << parameter->shape() << ", PyTorch's is " << shape;
      throw std::runtime_error(message.str());
    }
    const double bound = p.at("bound");
    const Array values = bound > 0 ? hashed_array(p.at("stream"), shape, bound)
                                   : full(shape, p.at("value").get<double>(), Dtype::kFloat64);
    parameter->set_array(as_laid_out(values.to(dtype), parameter->array()));
  }
  for (const auto& [path, value] : model.named_persistents()) {
    if (is_floating(value->dtype())) *value = value->to(dtype);
  }
}

double TrainingGolden::gradient_difference(Link& model, std::string* where, const Rename& rename) const {
  double worst = 0;
  for (const auto& [path, parameter] : model.named_parameters()) {
    if (!parameter->grad()) throw std::runtime_error(path + " has no gradient");
    const nlohmann::json& expected = entry(rename(path)).at("gradient");
    const std::vector<double> g = to_vector<double>(parameter->grad());
    double squares = 0;
    for (double element : g) squares += element * element;
    const double norm = expected.at("norm"), largest = expected.at("max");
    double difference = std::abs(std::sqrt(squares) - norm) / norm;
    for (const nlohmann::json& sample : expected.at("samples")) {
      const double found = g.at(sample[0].get<std::size_t>());
      difference = std::max(difference, std::abs(found - sample[1].get<double>()) / largest);
    }
    if (difference <= worst) continue;
    worst = difference;
    if (where != nullptr) *where = path;
    if (std::isnan(worst)) break;  // it is the worst, and no comparison with it would say so
  }
  return worst;
}

}  // namespace rensa::testing
