#include "tools/bench/made_up_batch.h"

#include "core/device/random.h"

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

}  // namespace

MadeUpTask made_up_task(const std::string& model, std::int64_t batch, std::int64_t image_size, std::int64_t classes) {
  MadeUpTask task;
  task.sample = model == "mlp" ? Shape{784} : Shape{3, image_size, image_size};
  task.classes = classes > 0 ? classes : model.starts_with("resnet") ? 1000 : 10;
  Shape shape = {batch};
  for (const std::int64_t size : task.sample) shape.push_back(size);
  task.x = made_up_input(shape);
  task.t = made_up_labels(batch, task.classes);
  return task;
}

}  // namespace rensa::tools
