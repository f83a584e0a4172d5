// The batches that a training would see: order, crops, flips and normalization of all its ranks together. To standard
// output, for each step: x as float32 and the labels as int32, in the order of the axes' meaning (N, C, H, W).
//   batches --config FILE --data FOLDER --batchsize SAMPLES-OF-A-STEP --steps N [other keys of `rensa train`]
// scripts/evidence/8/curve trains PyTorch on them.
#include <exception>
#include <iostream>

#include "core/error.h"
#include "tools/options/option_table.h"
#include "tools/train/train_options.h"
#include "tools/train/training_data.h"
#include "trainer/iterators/multithread_iterator.h"

namespace {

void write(const rensa::Array& array) {
  const rensa::Array rows = array.contiguous();
  std::cout.write(static_cast<const char*>(rows.raw_data()), static_cast<std::streamsize>(rows.bytes()));
}

}  // namespace

int main(int argc, char** argv) try {
  rensa::tools::TrainOptions options;
  std::int64_t steps = 1;
  rensa::tools::OptionTable table("usage: batches --config FILE --steps N [--key value …]");
  table.add("steps", steps, "batches to write", {.min = 0});
  rensa::tools::add_train_options(table, options);
  if (!table.parse(argc, argv, std::cerr)) return 0;
  const rensa::tools::TrainingData data = rensa::tools::open_training_data(options, nullptr);
  const auto iterator = rensa::make_iterator(
      data.train, {.batch_size = options.batchsize, .short_tail = options.short_tail, .seed = options.seed},
      {.threads = options.loaderjob});
  for (std::int64_t step = 0; step < steps && std::cout; ++step) {
    const rensa::Batch batch = iterator->next().value();
    write(batch.x());
    write(batch.t().to(rensa::Dtype::kInt32));
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << "batches: " << error.what() << '\n';
  return 1;
}
