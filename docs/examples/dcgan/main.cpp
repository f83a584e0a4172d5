// Pictures out of noise: a deep convolutional generator against a discriminator, on MNIST's files or others of their
// format.
//   mpirun -n 4 dcgan FOLDER [STEPS [WIDTH]]
// Two networks with an optimizer each, both data-parallel: every rank has a part of the pictures and noise of its own.
// Prints how far the mean of 256 generated pictures is from the mean of the real ones (root mean square, pixels in [-1,
// 1]); grey noise is at 0.5. On Fashion-MNIST, 1000 steps of width 32 get below 0.2. Writes generated.pgm, 8 x 8
// pictures. Source: Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional generative
// adversarial networks", 2016.
#include <rensa/comm/communicators/create_communicator.h>
#include <rensa/comm/distributed_optimizer.h>
#include <rensa/core/array/random.h>
#include <rensa/core/autograd/config.h>
#include <rensa/core/functions/activation.h>
#include <rensa/core/functions/arithmetic.h>
#include <rensa/core/functions/losses.h>
#include <rensa/core/functions/reduction.h>
#include <rensa/core/links/batch_normalization.h>
#include <rensa/core/links/convolution_nd.h>
#include <rensa/core/optimizers/adam.h>
#include <rensa/trainer/datasets/scatter_dataset.h>
#include <rensa/trainer/datasets/small_pictures.h>
#include <rensa/trainer/iterators/serial_iterator.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace {

namespace F = rensa::functions;

constexpr std::int64_t kBatch = 64, kNoise = 64, kSide = 28;

std::unique_ptr<rensa::BatchNormalization> normal(std::int64_t size) {
  return std::make_unique<rensa::BatchNormalization>(rensa::BatchNormalizationLinkOptions{.size = size});
}
std::unique_ptr<rensa::DeconvolutionNd> up(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                           std::int64_t pad) {
  rensa::DeconvolutionNdLinkOptions options{.axes = 2, .in = in, .out = out, .kernel = {kernel}};
  options.window.stride = {stride};
  options.window.pad = {pad};
  options.bias = false;
  options.initial_W = rensa::init::normal(0.02);
  return rensa::deconvolution_2d(options);
}
std::unique_ptr<rensa::Convolution2D> down(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                           std::int64_t pad) {
  return std::make_unique<rensa::Convolution2D>(
      rensa::Convolution2DOptions{.in = in,
                                  .out = out,
                                  .kernel = {kernel, kernel},
                                  .window = {.stride = {stride, stride}, .pad = {pad, pad}},
                                  .bias = false,
                                  .initial_W = rensa::init::normal(0.02)});
}
rensa::Variable leaky(const rensa::Variable& x) { return F::leaky_relu(x, 0.2); }

rensa::Array mean_picture(const rensa::Array& pictures) { return F::mean(pictures, {0}).array(); }

void write_pictures(const rensa::Array& pictures, const std::string& path) {
  constexpr std::int64_t kRow = 8;
  const std::vector<float> values = rensa::to_vector<float>(pictures);
  std::ofstream file(path, std::ios::binary);
  file << "P5\n" << kRow * kSide << ' ' << kRow * kSide << "\n255\n";
  for (std::int64_t y = 0; y < kRow * kSide; ++y) {
    for (std::int64_t x = 0; x < kRow * kSide; ++x) {
      const std::int64_t picture = y / kSide * kRow + x / kSide, pixel = y % kSide * kSide + x % kSide;
      const float value = values[static_cast<std::size_t>(picture * kSide * kSide + pixel)];
      file.put(static_cast<char>(std::lround((std::clamp(value, -1.0f, 1.0f) + 1) * 127.5f)));
    }
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::runtime_error("usage: dcgan FOLDER [STEPS [WIDTH]]");
  const int steps = argc > 2 ? std::stoi(argv[2]) : 1000;
  const std::int64_t width = argc > 3 ? std::stoi(argv[3]) : 32;
  const auto comm = rensa::create_communicator();
  const auto pictures =
      std::make_shared<rensa::SmallPictures>(rensa::read_idx_folder(argv[1], rensa::Split::kTrain),
                                             rensa::SmallPicturesOptions{.mean = {0.5f}, .std = {0.5f}});
  rensa::Sequential generator(up(kNoise, 2 * width, 7, 1, 0), normal(2 * width), F::relu, up(2 * width, width, 4, 2, 1),
                              normal(width), F::relu, up(width, 1, 4, 2, 1), F::tanh);
  rensa::Sequential discriminator(down(1, width, 4, 2, 1), leaky, down(width, 2 * width, 4, 2, 1), normal(2 * width),
                                  leaky, down(2 * width, 1, 7, 1, 0));
  const rensa::AdamOptions options = {.lr = 2e-4, .beta1 = 0.5};
  rensa::DistributedOptimizer for_generator(rensa::Adam(options), *comm),
      for_discriminator(rensa::Adam(options), *comm);
  for_generator.setup(generator);
  for_discriminator.setup(discriminator);
  const rensa::Shape judged = {kBatch, 1, 1, 1};
  const rensa::Array real = rensa::ones(judged, rensa::Dtype::kInt64),
                     made = rensa::zeros(judged, rensa::Dtype::kInt64);
  rensa::RandomStream random(1, rensa::Purpose::kUser, /*step=*/0, static_cast<std::uint64_t>(comm->rank()));
  rensa::SerialIterator batches(rensa::scatter_dataset(pictures, *comm), {.batch_size = kBatch, .seed = 1});
  for (int step = 1; step <= steps; ++step) {
    const rensa::Variable x = batches.next()->x(),
                          fake = generator(rensa::random::normal({kBatch, kNoise, 1, 1}, random));
    const rensa::Variable loss = F::sigmoid_cross_entropy(discriminator(x), real) +
                                 F::sigmoid_cross_entropy(discriminator(rensa::Variable(fake.array())), made);
    loss.backward();
    for_discriminator.update();
    const rensa::Variable fooled = F::sigmoid_cross_entropy(discriminator(fake), real);
    {
      const rensa::NoSync local(for_discriminator);  // what the generator's loss says of the discriminator is not used
      fooled.backward();
    }
    for_generator.update();
    discriminator.clear_grads();
    if (step % 100 == 0 && comm->rank() == 0)
      std::cout << "step " << step << " discriminator " << loss.item<double>() << " generator " << fooled.item<double>()
                << std::endl;
  }
  if (comm->rank() != 0) return 0;
  const rensa::ConfigScope scope({.train = false, .enable_backprop = false});
  const rensa::Array generated = generator(rensa::random::normal({256, kNoise, 1, 1}, random)).array();
  write_pictures(generated.contiguous(), "generated.pgm");
  rensa::SerialIterator some(pictures, {.batch_size = 2000, .seed = 2});
  const rensa::Variable difference =
      rensa::Variable(mean_picture(generated)) - rensa::Variable(mean_picture(some.next()->x()));
  std::cout << "distance " << std::sqrt(F::mean(difference * difference).item<double>()) << '\n';
} catch (const std::exception& error) {
  std::cerr << "dcgan: " << error.what() << '\n';
  return 1;
}
