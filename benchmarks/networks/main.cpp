// Times training steps of recurrent, attention and generating networks, and of optimizers alone.
//   networks CASE [STEPS [DEVICE]]    char_lstm, word_lstm, bilstm, gpt, gpt2, dcgan, adam, momentum_sgd
// Prints one JSON object: step_ms (the median), floor_ms (on the CPU: the matrix products of a step alone, by the same
// BLAS; for the optimizers a copy of as many bytes), peak_rss_bytes and peak_device_bytes. gpt2 is GPT-2 of 124 million
// parameters in bfloat16. benchmarks/compare_networks.py and compare_gpu.py run it beside PyTorch.
#include <cblas.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/array/random.h"
#include "core/device/allocator.h"
#include "core/device/gpu/stream.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/losses.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/links/batch_normalization.h"
#include "core/links/connection.h"
#include "core/links/convolution_nd.h"
#include "core/links/n_step.h"
#include "core/links/recurrent.h"
#include "core/models/gpt.h"
#include "core/optimizers/adam.h"
#include "core/optimizers/momentum_sgd.h"
#include "core/optimizers/sgd.h"

namespace rensa {
namespace {

namespace F = functions;

Device device;  ///< where the networks compute

struct Product {
  std::int64_t m, n, k, times;
};

struct Case {
  std::function<void()> step;
  std::vector<Product> products;  ///< of one step, forward and backward
  std::int64_t copied_bytes = 0;  ///< instead of products
  std::vector<std::shared_ptr<void>> kept = {};
};

Array numbers(const Shape& shape, std::int64_t below, std::uint64_t seed) {
  RandomStream random(seed, Purpose::kSynthetic);
  return random::integers(shape, random, 0, below);
}
Array pictures(const Shape& shape, std::uint64_t seed) {
  RandomStream random(seed, Purpose::kSynthetic);
  return random::normal(shape, random).to(device);
}

/// One layer's products: x (rows, in) to (rows, out) for all steps, and the state's for each step of `batch`.
void add_lstm(std::vector<Product>& products, std::int64_t steps, std::int64_t batch, std::int64_t in, std::int64_t n) {
  const std::int64_t rows = steps * batch;
  products.insert(products.end(), {{rows, 4 * n, in, 1},
                                   {batch, 4 * n, n, steps},
                                   {batch, n, 4 * n, steps},
                                   {4 * n, in, rows, 1},
                                   {4 * n, n, rows, 1},
                                   {rows, in, 4 * n, 1}});
}
/// A linear layer forward and backward.
void add_linear(std::vector<Product>& products, std::int64_t rows, std::int64_t in, std::int64_t out) {
  products.insert(products.end(), {{rows, out, in, 1}, {rows, in, out, 1}, {out, in, rows, 1}});
}

template <class Model, class Optimizer>
Case trained(std::shared_ptr<Model> model, std::shared_ptr<Optimizer> optimizer, std::function<Variable()> loss,
             std::vector<Product> products) {
  model->to(device);
  optimizer->setup(*model);
  return {.step =
              [optimizer, loss] {
                loss().backward();
                optimizer->update();
              },
          .products = std::move(products),
          .copied_bytes = 0,
          .kept = {model, optimizer}};
}

struct LanguageModel : Link {
  EmbedId embed;
  std::vector<std::unique_ptr<Lstm>> layers;
  Linear out;
  LanguageModel(std::int64_t words, std::int64_t units, int count)
      : embed({.in = words, .out = units}), out({.in = units, .out = words}) {
    add("embed", embed);
    for (int i = 0; i < count; ++i) {
      layers.push_back(std::make_unique<Lstm>(CellOptions{.in = units, .out = units}));
      add(detail::join("l", i), *layers.back());
    }
    add("out", out);
  }
  Variable operator()(const Array& x, const Array& t) {
    Variable h = embed(x);
    for (const auto& layer : layers) h = layer->sequence(h);
    for (const auto& layer : layers) layer->unchain_state();
    return F::softmax_cross_entropy(out(F::reshape(h, {x.size(), h.shape()[2]})), t.reshape({t.size()}));
  }
};

Case language_model(std::int64_t words, std::int64_t units, int layers, std::int64_t batch, std::int64_t length) {
  const auto model = std::make_shared<LanguageModel>(words, units, layers);
  const Array x = numbers({length, batch}, words, 1), t = numbers({length, batch}, words, 2);
  std::vector<Product> products;
  for (int i = 0; i < layers; ++i) add_lstm(products, length, batch, units, units);
  add_linear(products, length * batch, units, words);
  return trained(
      model, std::make_shared<Sgd>(SgdOptions{.lr = 0.1}), [=] { return (*model)(x, t); }, std::move(products));
}

/// Sequences of 10 to 50 steps, as in tagging.
Case ragged_bilstm() {
  constexpr std::int64_t kIn = 256, kUnits = 256, kBatch = 32;
  const std::shared_ptr<NStepRnn> model = n_step_bilstm({.layers = 1, .in = kIn, .out = kUnits});
  Variables xs;
  std::vector<Product> products;
  std::vector<std::int64_t> rows(50);
  std::int64_t all = 0;
  for (std::int64_t i = 0; i < kBatch; ++i) {
    const std::int64_t length = 10 + i * 40 / (kBatch - 1);
    xs.push_back(Variable(pictures({length, kIn}, static_cast<std::uint64_t>(i))));
    for (std::int64_t t = 0; t < length; ++t) ++rows[static_cast<std::size_t>(t)];
    all += length;
  }
  for (int direction = 0; direction < 2; ++direction) {
    for (const std::int64_t r : rows)
      products.insert(products.end(), {{r, 4 * kUnits, kUnits, 1}, {r, kUnits, 4 * kUnits, 1}});
    products.insert(products.end(),
                    {{all, 4 * kUnits, kIn, 1}, {4 * kUnits, kIn, all, 1}, {4 * kUnits, kUnits, all, 1}});
  }
  const auto loss = [=] {
    const NStepRnn::Result result = (*model)({}, {}, xs);
    const Variable y = F::concat(result.ys, 0);
    return F::mean(y * y);
  };
  return trained(model, std::make_shared<Sgd>(SgdOptions{.lr = 0.1}), loss, std::move(products));
}

struct GptSize {
  std::int64_t words, size, length, batch, layers;
  Dtype dtype = Dtype::kFloat32;
};

Case gpt(const GptSize& n) {
  const auto model = std::make_shared<models::Gpt>(
      models::GptOptions{.words = n.words, .layers = n.layers, .size = n.size, .length = n.length, .dtype = n.dtype});
  const Array x = numbers({n.batch, n.length}, n.words, 1), t = numbers({n.batch, n.length}, n.words, 2);
  std::vector<Product> products;
  const std::int64_t rows = n.batch * n.length;
  for (std::int64_t i = 0; i < n.layers; ++i) {
    for (int k = 0; k < 4; ++k) add_linear(products, rows, n.size, n.size);
    add_linear(products, rows, n.size, 4 * n.size);
    add_linear(products, rows, 4 * n.size, n.size);
    // half of the scores are hidden: six products of (L, L) by 64 forward and backward, halved
    products.push_back({n.length, n.length, 64, 3 * n.batch * n.size / 64});
  }
  add_linear(products, rows, n.size, n.words);
  return trained(
      model, std::make_shared<Adam>(), [=] { return F::softmax_cross_entropy((*model)(x), t.reshape({t.size()})); },
      std::move(products));
}

/// Generator and discriminator of 28 x 28 pictures; a step of both.
struct Dcgan {
  Sequential generator, discriminator;
  Dcgan() {
    constexpr std::int64_t kWidth = 64;
    const auto normal = [](std::int64_t size) {
      return std::make_unique<BatchNormalization>(BatchNormalizationLinkOptions{.size = size});
    };
    const auto up = [](std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
      DeconvolutionNdLinkOptions options{.axes = 2, .in = in, .out = out, .kernel = {kernel}};
      options.window.stride = {stride};
      options.window.pad = {pad};
      options.bias = false;
      return deconvolution_2d(options);
    };
    const auto down = [](std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                         std::int64_t pad) {
      return std::make_unique<Convolution2D>(
          Convolution2DOptions{.in = in,
                               .out = out,
                               .kernel = {kernel, kernel},
                               .window = {.stride = {stride, stride}, .pad = {pad, pad}},
                               .bias = false});
    };
    const auto leaky = [](const Variable& x) { return F::leaky_relu(x, 0.2); };
    generator.append(up(100, 2 * kWidth, 7, 1, 0));
    generator.append(normal(2 * kWidth));
    generator.append(F::relu);
    generator.append(up(2 * kWidth, kWidth, 4, 2, 1));
    generator.append(normal(kWidth));
    generator.append(F::relu);
    generator.append(up(kWidth, 1, 4, 2, 1));
    generator.append(F::tanh);
    discriminator.append(down(1, kWidth, 4, 2, 1));
    discriminator.append(leaky);
    discriminator.append(down(kWidth, 2 * kWidth, 4, 2, 1));
    discriminator.append(normal(2 * kWidth));
    discriminator.append(leaky);
    discriminator.append(down(2 * kWidth, 1, 7, 1, 0));
  }
};

Case dcgan() {
  constexpr std::int64_t kBatch = 64;
  const auto net = std::make_shared<Dcgan>();
  const auto for_g = std::make_shared<Adam>(AdamOptions{.lr = 2e-4, .beta1 = 0.5}),
             for_d = std::make_shared<Adam>(AdamOptions{.lr = 2e-4, .beta1 = 0.5});
  for_g->setup(net->generator);
  for_d->setup(net->discriminator);
  const Array real = pictures({kBatch, 1, 28, 28}, 1), z = pictures({kBatch, 100, 1, 1}, 2);
  const Array yes = ones({kBatch, 1, 1, 1}, Dtype::kInt64), no = zeros({kBatch, 1, 1, 1}, Dtype::kInt64);
  const auto step = [=] {
    const Variable fake = net->generator(z);
    const Variable loss_d = F::sigmoid_cross_entropy(net->discriminator(real), yes) +
                            F::sigmoid_cross_entropy(net->discriminator(Variable(fake.array())), no);
    loss_d.backward();
    for_d->update();
    F::sigmoid_cross_entropy(net->discriminator(fake), yes).backward();
    for_g->update();
    net->discriminator.clear_grads();
  };
  // products of the convolutions as matrices; the generator's twice per step (forward, backward), the discriminator's
  // thrice
  std::vector<Product> products;
  const std::int64_t d1 = kBatch * 14 * 14, d2 = kBatch * 7 * 7;
  for (const auto& [rows, in, out, times] : std::vector<std::array<std::int64_t, 4>>{{d1, 16, 64, 9},
                                                                                     {d2, 64 * 16, 128, 9},
                                                                                     {kBatch, 128 * 49, 1, 9},
                                                                                     {kBatch, 100, 128 * 49, 3},
                                                                                     {d2, 128, 64 * 16, 3},
                                                                                     {d1, 64, 16, 3}}) {
    products.push_back({rows, out, in, times});
  }
  return {.step = step, .products = products, .copied_bytes = 0, .kept = {}};
}

struct ManyWeights : Link {
  std::vector<std::unique_ptr<Parameter>> weights;
  ManyWeights() {
    for (int i = 0; i < 25; ++i) {
      weights.push_back(std::make_unique<Parameter>(Shape{1000, 1000}, init::zeros()));
      add(detail::join("w", i), *weights.back());
    }
  }
};

/// An update over 25 million parameters whose gradients lie where backward() puts them.
template <class Rule>
Case optimizer(std::int64_t passes) {
  const auto model = std::make_shared<ManyWeights>();
  const auto rule = std::make_shared<Rule>();
  model->to(device);
  rule->setup(*model);
  for (const auto& weight : model->weights) weight->grad_destination().fill(0.01);
  const auto step = [=] {
    for (const auto& weight : model->weights) weight->set_grad(Variable(weight->grad_destination()));
    rule->update();
  };
  return {.step = step, .products = {}, .copied_bytes = passes * 25'000'000 * 4, .kept = {model, rule}};
}

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double product_ms(const Product& p) {
  const Array a = ones({p.m, p.k}), b = ones({p.k, p.n}), c = zeros({p.m, p.n});
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    const double start = seconds();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(p.m), static_cast<int>(p.n),
                static_cast<int>(p.k), 1, a.data<float>(), static_cast<int>(p.k), b.data<float>(),
                static_cast<int>(p.n), 0, c.data<float>(), static_cast<int>(p.n));
    times.push_back(seconds() - start);
  }
  return median(times) * 1e3 * static_cast<double>(p.times);
}

double copy_ms(std::int64_t bytes) {
  const auto half = static_cast<std::size_t>(bytes / 2);
  std::vector<char> from(half, 1), to(half, 2);
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    const double start = seconds();
    constexpr std::int64_t kParts = 16;
#pragma omp parallel for
    for (std::int64_t part = 0; part < kParts; ++part) {
      const std::size_t begin = half / kParts * static_cast<std::size_t>(part);
      std::memcpy(to.data() + begin, from.data() + begin, half / kParts);
    }
    times.push_back(seconds() - start);
  }
  return median(times) * 1e3;
}

std::size_t resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

/// Waits for the device, so that a step's time is its own.
void wait() {
  if (device.kind == DeviceKind::kCuda) gpu::main_stream(device).synchronize();
}

int run(const std::string& name, int steps, const std::string& where) {
  device = device_from_name(where);
  const std::map<std::string, std::function<Case()>> cases = {
      {"char_lstm", [] { return language_model(65, 512, 1, 64, 64); }},
      {"word_lstm", [] { return language_model(10000, 650, 2, 20, 35); }},
      {"bilstm", ragged_bilstm},
      {"gpt", [] { return gpt({.words = 65, .size = 256, .length = 256, .batch = 8, .layers = 4}); }},
      {"gpt2",
       [] {
         return gpt(
             {.words = 50257, .size = 768, .length = 1024, .batch = 16, .layers = 12, .dtype = Dtype::kBFloat16});
       }},
      {"dcgan", dcgan},
      {"adam", [] { return optimizer<Adam>(7); }},
      {"momentum_sgd", [] { return optimizer<MomentumSgd>(5); }}};
  const auto found = cases.find(name);
  if (found == cases.end()) throw ValueError("there is no case \"", name, "\".");
  const std::size_t before = resident_bytes();
  const Case one = found->second();
  const bool on_gpu = device.kind == DeviceKind::kCuda;
  for (int i = 0; i < (on_gpu ? 10 : 2); ++i) one.step();
  wait();
  std::vector<double> times;
  for (int i = 0; i < steps; ++i) {
    const double start = seconds();
    one.step();
    wait();
    times.push_back((seconds() - start) * 1e3);
  }
  const std::size_t peak = resident_bytes() - before;
  double floor = one.copied_bytes > 0 && !on_gpu ? copy_ms(one.copied_bytes) : 0;
  for (const Product& product : one.products) floor += on_gpu ? 0 : product_ms(product);
  std::cout << nlohmann::json{{"case", name},
                              {"device", where},
                              {"step_ms", median(times)},
                              {"floor_ms", floor},
                              {"peak_rss_bytes", peak},
                              {"peak_device_bytes", on_gpu ? allocator(device).statistics().peak_in_use : 0}}
            << '\n';
  return 0;
}

}  // namespace
}  // namespace rensa

int main(int argc, char** argv) try {
  return rensa::run(argc > 1 ? argv[1] : "", argc > 2 ? std::stoi(argv[2]) : 5, argc > 3 ? argv[3] : "cpu");
} catch (const std::exception& error) {
  std::cerr << "networks: " << error.what() << '\n';
  return 1;
}
