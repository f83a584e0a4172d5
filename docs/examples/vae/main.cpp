// A variational autoencoder on small pictures: 784 to 400 to 20 numbers and back.
//   vae FOLDER [EPOCHS]          FOLDER has MNIST's files, or Fashion-MNIST's
// Reached on Fashion-MNIST: a test bound of -245 nats a picture after 5 epochs.
// Source: Kingma, Welling, "Auto-encoding variational Bayes", 2014.
#include <rensa/core/array/array.h>
#include <rensa/core/autograd/config.h>
#include <rensa/core/functions/activation.h>
#include <rensa/core/functions/arithmetic.h>
#include <rensa/core/functions/losses.h>
#include <rensa/core/functions/noise.h>
#include <rensa/core/links/linear.h>
#include <rensa/core/optimizers/adam.h>
#include <rensa/trainer/datasets/small_pictures.h>
#include <rensa/trainer/iterators/serial_iterator.h>

#include <iostream>
#include <stdexcept>

namespace {

namespace F = rensa::functions;

constexpr std::int64_t kPixels = 784, kHidden = 400, kCodes = 20;

struct Vae : rensa::Link {
  rensa::Linear encode{{.in = kPixels, .out = kHidden}}, mean{{.in = kHidden, .out = kCodes}},
      ln_var{{.in = kHidden, .out = kCodes}};
  rensa::Linear decode{{.in = kCodes, .out = kHidden}}, pixels{{.in = kHidden, .out = kPixels}};
  Vae() {
    add("encode", encode);
    add("mean", mean);
    add("ln_var", ln_var);
    add("decode", decode);
    add("pixels", pixels);
  }
  /// The negative bound of log p(x), summed over the batch; x in [0, 1].
  rensa::Variable operator()(const rensa::Variable& x) {
    const rensa::Variable h = F::relu(encode(x)), m = mean(h), v = ln_var(h);
    const rensa::Variable logits = pixels(F::relu(decode(F::gaussian(m, v))));
    return F::bernoulli_nll(x, logits) + F::gaussian_kl_divergence(m, v);
  }
};

std::shared_ptr<const rensa::Dataset> pictures(const std::string& folder, rensa::Split split) {
  return std::make_shared<rensa::SmallPictures>(rensa::read_idx_folder(folder, split),
                                                rensa::SmallPicturesOptions{.flat = true});
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::runtime_error("usage: vae FOLDER [EPOCHS]");
  const auto train = pictures(argv[1], rensa::Split::kTrain), test = pictures(argv[1], rensa::Split::kTest);
  const int epochs = argc > 2 ? std::stoi(argv[2]) : 5;
  Vae model;
  rensa::Adam optimizer;
  optimizer.setup(model);
  rensa::SerialIterator batches(train, {.batch_size = 100, .seed = 1});
  while (batches.epoch() < epochs) {
    const auto batch = batches.next();
    ++rensa::random_context().step;
    const rensa::Variable loss = model(batch->x()) / 100.0;
    loss.backward();
    optimizer.update();
    if (batches.is_new_epoch())
      std::cout << "epoch " << batches.epoch() << " bound " << -loss.item<double>() << std::endl;
  }
  const rensa::ConfigScope scope({.train = false, .enable_backprop = false});
  rensa::SerialIterator judged(test, {.batch_size = 1000, .repeat = false, .shuffle = false});
  double sum = 0;
  while (const auto batch = judged.next()) sum += model(batch->x()).item<double>();
  std::cout << "bound " << -sum / static_cast<double>(test->size()) << '\n';
} catch (const std::exception& error) {
  std::cerr << "vae: " << error.what() << '\n';
  return 1;
}
