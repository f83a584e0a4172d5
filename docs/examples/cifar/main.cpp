// ChainerMN's CIFAR example: a network of VGG's kind on CIFAR-10's binary files, on one process or many.
//   mpirun -n 4 cifar FOLDER [EPOCHS [WIDTH]]
// Prints the loss and accuracy of each epoch; the log, the curves and a snapshot are in result/cifar.
#include <rensa/comm/communicators/create_communicator.h>
#include <rensa/comm/distributed_optimizer.h>
#include <rensa/core/models/vgg_cifar.h>
#include <rensa/core/optimizers/momentum_sgd.h>
#include <rensa/trainer/datasets/small_pictures.h>
#include <rensa/trainer/extensions/evaluator.h>
#include <rensa/trainer/extensions/html_report.h>
#include <rensa/trainer/extensions/log_report.h>
#include <rensa/trainer/extensions/print_report.h>
#include <rensa/trainer/extensions/shift.h>
#include <rensa/trainer/extensions/snapshot.h>
#include <rensa/trainer/iterators/multithread_iterator.h>
#include <rensa/trainer/trainer.h>

#include <iostream>
#include <stdexcept>

namespace {

std::shared_ptr<const rensa::Dataset> pictures(const std::string& folder, rensa::Split split) {
  const bool train = split == rensa::Split::kTrain;
  return std::make_shared<rensa::SmallPictures>(
      rensa::read_cifar10_folder(folder, split),
      rensa::SmallPicturesOptions{
          .pad = train ? 4 : 0, .flip = train, .mean = {0.49f, 0.48f, 0.45f}, .std = {0.25f, 0.24f, 0.26f}});
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::runtime_error("usage: cifar FOLDER [EPOCHS [WIDTH]]");
  const double epochs = argc > 2 ? std::stod(argv[2]) : 300;
  const std::int64_t width = argc > 3 ? std::stoi(argv[3]) : 64;
  const auto comm = rensa::create_communicator();
  // each rank takes its part of every batch of 64 per rank; nothing is sent but gradients
  const rensa::IteratorOptions part = {.batch_size = 64 * comm->size(), .rank = comm->rank(), .size = comm->size()};
  rensa::IteratorOptions once = part;
  once.repeat = once.shuffle = false;
  const auto train = rensa::make_iterator(pictures(argv[1], rensa::Split::kTrain), part, {.threads = 1});
  auto test = rensa::make_iterator(pictures(argv[1], rensa::Split::kTest), once, {.threads = 1});

  rensa::Classifier model(std::make_unique<rensa::models::VggCifar>(
      rensa::models::VggCifarOptions{.widths = {width, 2 * width, 4 * width}}));
  rensa::DistributedOptimizer optimizer(rensa::MomentumSgd({.lr = 0.05, .common = {.weight_decay = 5e-4}}), *comm);
  optimizer.setup(model);
  rensa::StandardUpdater updater(*train, model, optimizer, *comm);
  rensa::Trainer trainer(updater, {epochs, rensa::Unit::kEpoch}, "result/cifar", *comm);
  trainer.extend(std::make_unique<rensa::Evaluator>(std::move(test), model));
  trainer.extend(std::make_unique<rensa::Shift>(rensa::exponential_shift(0.5)),
                 {.trigger = rensa::Trigger{25, rensa::Unit::kEpoch}});
  trainer.extend(std::make_unique<rensa::LogReport>());
  trainer.extend(std::make_unique<rensa::HtmlReport>("cifar"));
  trainer.extend(
      std::make_unique<rensa::PrintReport>(std::vector<std::string>{"epoch", "main/loss", "validation/main/loss",
                                                                    "validation/main/accuracy", "elapsed_time"},
                                           std::cout));
  trainer.extend(std::make_unique<rensa::Snapshot>());
  trainer.run();
} catch (const std::exception& error) {
  std::cerr << "cifar: " << error.what() << '\n';
  return 1;
}
