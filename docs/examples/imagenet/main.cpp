// ChainerMN's ImageNet example: any of Rensa's networks on photographs in train/<class> and val/<class>.
//   mpirun -n 8 imagenet FOLDER [ARCH [EPOCHS [SIZE [BATCH]]]]
// ARCH: alexnet, googlenet, googlenet_bn, googlenet_torchvision, nin, resnet18 … resnet152, resnext50, vgg16,
// mobilenet_v2, vit_s_16 …; BATCH is of each rank, and the learning rate goes with the batch of all (Goyal et al.,
// "Accurate, large minibatch SGD", 2017). The command `rensa train` does the same and more, by keys; this is what it
// takes in a program.
#include <rensa/comm/communicators/create_communicator.h>
#include <rensa/comm/distributed_optimizer.h>
#include <rensa/core/models/model.h>
#include <rensa/core/optimizers/momentum_sgd.h>
#include <rensa/trainer/datasets/image_folder.h>
#include <rensa/trainer/extensions/evaluator.h>
#include <rensa/trainer/extensions/html_report.h>
#include <rensa/trainer/extensions/learning_rate.h>
#include <rensa/trainer/extensions/log_report.h>
#include <rensa/trainer/extensions/print_report.h>
#include <rensa/trainer/extensions/snapshot.h>
#include <rensa/trainer/iterators/multithread_iterator.h>
#include <rensa/trainer/trainer.h>

#include <iostream>
#include <stdexcept>

int main(int argc, char** argv) try {
  if (argc < 2) throw std::runtime_error("usage: imagenet FOLDER [ARCH [EPOCHS [SIZE [BATCH]]]]");
  const std::string folder = argv[1], arch = argc > 2 ? argv[2] : "resnet50";
  const double epochs = argc > 3 ? std::stod(argv[3]) : 90;
  const int size = argc > 4 ? std::stoi(argv[4]) : 224;
  const std::int64_t batch = argc > 5 ? std::stoi(argv[5]) : 32;
  const auto comm = rensa::create_communicator();

  const auto train =
      std::make_shared<rensa::ImageFolder>(folder + "/train", rensa::ImageFolderOptions{.crop = {.size = size}});
  const auto val = std::make_shared<rensa::ImageFolder>(
      folder + "/val", rensa::ImageFolderOptions{.train = false, .crop = {.size = size}, .resize = size * 8 / 7},
      train->class_names());
  const auto classes = static_cast<std::int64_t>(train->class_names().size());
  const rensa::IteratorOptions part = {.batch_size = batch * comm->size(), .rank = comm->rank(), .size = comm->size()};
  rensa::IteratorOptions once = part;
  once.repeat = once.shuffle = false;
  const auto batches = rensa::make_iterator(train, part, {.threads = 2});

  rensa::Classifier model(rensa::models::make_model(arch, {.input = {3, size, size}, .classes = classes}));
  const double lr = 0.1 * static_cast<double>(part.batch_size) / 256;
  rensa::DistributedOptimizer optimizer(rensa::MomentumSgd({.lr = lr, .common = {.weight_decay = 1e-4}}), *comm);
  optimizer.setup(model);
  rensa::StandardUpdater updater(*batches, model, optimizer, *comm);
  rensa::Trainer trainer(updater, {epochs, rensa::Unit::kEpoch}, "result/imagenet", *comm);
  trainer.extend(std::make_unique<rensa::Evaluator>(rensa::make_iterator(val, once, {.threads = 2}), model));
  trainer.extend(std::make_unique<rensa::LearningRate>(
      rensa::LearningRateOptions{.lr = lr,
                                 .schedule = "step",
                                 .epochs = epochs,
                                 .milestones = {epochs / 3, epochs * 2 / 3, epochs * 8 / 9},
                                 .warmup_epochs = epochs / 18}));
  trainer.extend(std::make_unique<rensa::LogReport>());
  trainer.extend(std::make_unique<rensa::HtmlReport>("imagenet: " + arch));
  trainer.extend(
      std::make_unique<rensa::PrintReport>(std::vector<std::string>{"epoch", "main/loss", "validation/main/loss",
                                                                    "validation/main/accuracy", "lr", "elapsed_time"},
                                           std::cout));
  trainer.extend(std::make_unique<rensa::Snapshot>());
  trainer.run();
} catch (const std::exception& error) {
  std::cerr << "imagenet: " << error.what() << '\n';
  return 1;
}
