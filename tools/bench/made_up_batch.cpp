#include "tools/bench/made_up_batch.h"

#include "core/device/random.h"
#include "core/models/gpt.h"
#include "core/models/model.h"

namespace rensa::tools {
namespace {

/// Uniform numbers in [0, 1), pictures channels-last.
Array made_up_input(const Shape& shape) {
  Array x = empty(shape, Dtype::kFloat32, {}, shape.ndim() == 4 ? Layout::kChannelsLast : Layout::kRowMajor);
  RandomStream random(1, Purpose::kSynthetic);
  for (std::int64_t i = 0; i < x.size(); ++i) x.data<float>()[i] = static_cast<float>(random.uniform());
  return x;
}

Array made_up_labels(std::int64_t count, std::int64_t classes) {
  Array t = empty({count}, Dtype::kInt32);
  for (std::int64_t i = 0; i < count; ++i) t.data<std::int32_t>()[i] = static_cast<std::int32_t>(i * 7 % classes);
  return t;
}

const char* const kGpt = "gpt";

}  // namespace

std::vector<std::string> made_up_names() {
  std::vector<std::string> names = models::model_names();
  names.emplace_back(kGpt);
  return names;
}

std::unique_ptr<UnaryLink> made_up_model(const std::string& model, const MadeUpTask& task, Dtype dtype) {
  if (model == kGpt) return std::make_unique<models::Gpt>(models::GptOptions{.words = task.classes, .dtype = dtype});
  return models::make_model(model, {.input = task.sample, .classes = task.classes, .dtype = dtype});
}

MadeUpTask made_up_task(const std::string& model, std::int64_t batch, std::int64_t image_size, std::int64_t classes) {
  MadeUpTask task;
  if (model == kGpt) {
    const models::GptOptions size;
    task.sample = {size.length};
    task.classes = classes > 0 ? classes : size.words;
    task.x = made_up_labels(batch * size.length, task.classes).reshape({batch, size.length});
    task.t = made_up_labels(batch * size.length, task.classes);
    return task;
  }
  task.sample = model == "mlp" ? Shape{784} : Shape{3, image_size, image_size};
  task.classes = classes > 0 ? classes : model.starts_with("resnet") ? 1000 : 10;
  Shape shape = {batch};
  for (const std::int64_t size : task.sample) shape.push_back(size);
  task.x = made_up_input(shape);
  task.t = made_up_labels(batch, task.classes);
  return task;
}

}  // namespace rensa::tools
