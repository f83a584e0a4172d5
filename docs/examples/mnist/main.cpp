// Trains a small network on MNIST's files, or others of their format, and says how many of the test pictures it gets
// right.
//   mnist FOLDER [EPOCHS]
#include <rensa/core/functions/accuracy.h>
#include <rensa/core/functions/softmax_cross_entropy.h>
#include <rensa/core/models/mlp.h>
#include <rensa/core/optimizers/adam.h>
#include <rensa/trainer/datasets/small_pictures.h>
#include <rensa/trainer/iterators/serial_iterator.h>

#include <iostream>
#include <stdexcept>

namespace {

std::shared_ptr<const rensa::Dataset> pictures(const std::string& folder, rensa::Split split) {
  return std::make_shared<rensa::SmallPictures>(rensa::read_idx_folder(folder, split),
                                                rensa::SmallPicturesOptions{.flat = true});
}

double accuracy(rensa::models::Mlp& model, std::shared_ptr<const rensa::Dataset> dataset) {
  rensa::SerialIterator batches(dataset, {.batch_size = 1000, .repeat = false, .shuffle = false});
  double right = 0;
  while (const auto batch = batches.next()) {
    right += rensa::functions::accuracy(model(batch->x()).array(), batch->t()) * double(batch->size());
  }
  return right / double(dataset->size());
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::runtime_error("usage: mnist FOLDER [EPOCHS]");
  const auto train = pictures(argv[1], rensa::Split::kTrain), test = pictures(argv[1], rensa::Split::kTest);
  const int epochs = argc > 2 ? std::stoi(argv[2]) : 5;

  rensa::models::Mlp model({.in = 784, .units = 100, .out = 10});
  rensa::Adam optimizer;
  optimizer.setup(model);

  const rensa::IteratorOptions options = {.batch_size = 100, .seed = 1};
  rensa::SerialIterator batches(train, options);
  while (batches.epoch() < epochs) {
    const auto batch = batches.next();
    rensa::functions::softmax_cross_entropy(model(batch->x()), batch->t()).backward();
    optimizer.update();
  }
  std::cout << "accuracy " << accuracy(model, test) << '\n';
} catch (const std::exception& error) {
  std::cerr << "mnist: " << error.what() << '\n';
  return 1;
}
