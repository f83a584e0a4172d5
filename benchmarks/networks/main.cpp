// Times training steps of recurrent, attention and generating networks, and of optimizers alone.
//   networks CASE [STEPS [DEVICE]]    char_lstm, word_lstm, bilstm, gpt, gpt2, dcgan, adam, momentum_sgd
// Prints one JSON object: step_ms (the median), floor_ms (on the CPU) with its parts products_ms (the matrix products
// of a step alone, by the fastest library) and moved_ms (what all other operations must move, at the speed of a copy),
// peak_rss_bytes and peak_device_bytes. gpt2 is GPT-2 of 124 million parameters in bfloat16.
// benchmarks/compare_networks.py and compare_gpu.py run it beside PyTorch.
#include <sys/resource.h>

#include <array>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "benchmarks/floor/product_timing.h"
#include "benchmarks/floor/stopwatch.h"
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

/// What a step cannot do without: its matrix products, and what all other operations read and write, in passes over
/// their arrays as docs/performance.md counts them. What can ride along with a neighbour (biases, reshaping) is free.
struct Work {
  std::vector<Product> products;
  std::int64_t floats = 0;  ///< read and written

  void product(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t times = 1) {
    products.push_back({m, n, k, times});
  }
  /// A linear layer forward and backward.
  void linear(std::int64_t rows, std::int64_t in, std::int64_t out) {
    product(rows, out, in);
    product(rows, in, out);
    product(out, in, rows);
  }
  /// An LSTM's part that is not products. Forward: sums of the four gates, c; gates, c, h. Backward: gates, c, gh; the
  /// gates' gradients.
  void lstm_gates(std::int64_t rows, std::int64_t n) { floats += 20 * rows * n; }
  /// One layer: x (rows, in) to (rows, out) for all steps, and the state's products for each step of `batch`.
  void lstm(std::int64_t steps, std::int64_t batch, std::int64_t in, std::int64_t n) {
    const std::int64_t rows = steps * batch;
    linear(rows, in, 4 * n);
    product(batch, 4 * n, n, steps);
    product(batch, n, 4 * n, steps);
    product(4 * n, n, rows);
    lstm_gates(rows, n);
  }
  void embedding(std::int64_t rows, std::int64_t n) { floats += 3 * rows * n; }  // W's rows, y; gy
  void normalization(std::int64_t elements) { floats += 5 * elements; }          // x, y; x, gy, gx
  void batch_normalization(std::int64_t elements) { floats += 8 * elements; }    // its activation rides along
  void activation(std::int64_t elements) { floats += 5 * elements; }             // x, y; x, gy, gx
  void shortcut(std::int64_t elements) { floats += 2 * elements; }               // read; its gradient
  void attention(std::int64_t elements) { floats += 11 * elements; }             // q, k, v, y; q, k, v, gy and three
  void cross_entropy(std::int64_t rows, std::int64_t words) { floats += 3 * rows * words; }  // x; x, gx
};

/// How often an update reads or writes an array of the parameters' size.
template <class Rule>
constexpr std::int64_t kPasses = 0;
template <>
constexpr std::int64_t kPasses<Sgd> = 3;  // p, g; p
template <>
constexpr std::int64_t kPasses<MomentumSgd> = 5;  // p, g, v; p, v
template <>
constexpr std::int64_t kPasses<Adam> = 7;  // p, g, m, v; p, m, v

struct Case {
  std::function<void()> step;
  Work work;  ///< of one step, forward, backward and update
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

template <class Model, class Optimizer>
Case trained(std::shared_ptr<Model> model, std::shared_ptr<Optimizer> optimizer, std::function<Variable()> loss,
             Work work) {
  model->to(device);
  optimizer->setup(*model);
  work.floats += kPasses<Optimizer> * model->count_parameters();
  return {.step =
              [optimizer, loss] {
                loss().backward();
                optimizer->update();
              },
          .work = std::move(work),
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
  Work work;
  work.embedding(length * batch, units);
  for (int i = 0; i < layers; ++i) work.lstm(length, batch, units, units);
  work.linear(length * batch, units, words);
  work.cross_entropy(length * batch, words);
  return trained(model, std::make_shared<Sgd>(SgdOptions{.lr = 0.1}), [=] { return (*model)(x, t); }, std::move(work));
}

/// Sequences of 10 to 50 steps, as in tagging.
Case ragged_bilstm() {
  constexpr std::int64_t kIn = 256, kUnits = 256, kBatch = 32;
  const std::shared_ptr<NStepRnn> model = n_step_bilstm({.layers = 1, .in = kIn, .out = kUnits});
  Variables xs;
  Work work;
  std::vector<std::int64_t> rows(50);
  std::int64_t all = 0;
  for (std::int64_t i = 0; i < kBatch; ++i) {
    const std::int64_t length = 10 + i * 40 / (kBatch - 1);
    xs.push_back(Variable(pictures({length, kIn}, static_cast<std::uint64_t>(i))));
    for (std::int64_t t = 0; t < length; ++t) ++rows[static_cast<std::size_t>(t)];
    all += length;
  }
  for (int direction = 0; direction < 2; ++direction) {
    for (const std::int64_t r : rows) {
      work.product(r, 4 * kUnits, kUnits);
      work.product(r, kUnits, 4 * kUnits);
    }
    work.product(all, 4 * kUnits, kIn);  // nobody needs the gradient of x
    work.product(4 * kUnits, kIn, all);
    work.product(4 * kUnits, kUnits, all);
    work.lstm_gates(all, kUnits);
  }
  work.floats += 2 * 2 * all * kUnits;  // the mean of squares: y; gy
  const auto loss = [=] {
    const NStepRnn::Result result = (*model)({}, {}, xs);
    const Variable y = F::concat(result.ys, 0);
    return F::mean(y * y);
  };
  return trained(model, std::make_shared<Sgd>(SgdOptions{.lr = 0.1}), loss, std::move(work));
}

struct GptSize {
  std::int64_t words, size, length, batch, layers;
  Dtype dtype = Dtype::kFloat32;
};

Case gpt(const GptSize& n) {
  const auto model = std::make_shared<models::Gpt>(
      models::GptOptions{.words = n.words, .layers = n.layers, .size = n.size, .length = n.length, .dtype = n.dtype});
  const Array x = numbers({n.batch, n.length}, n.words, 1), t = numbers({n.batch, n.length}, n.words, 2);
  Work work;
  const std::int64_t rows = n.batch * n.length;
  work.embedding(rows, n.size);
  for (std::int64_t i = 0; i < n.layers; ++i) {
    for (int k = 0; k < 4; ++k) work.linear(rows, n.size, n.size);
    work.linear(rows, n.size, 4 * n.size);
    work.linear(rows, 4 * n.size, n.size);
    // half of the scores are hidden: six products of (L, L) by 64 forward and backward, halved
    work.product(n.length, n.length, 64, 3 * n.batch * n.size / 64);
    work.attention(rows * n.size);
    work.activation(4 * rows * n.size);
    for (int k = 0; k < 2; ++k) {
      work.normalization(rows * n.size);
      work.shortcut(rows * n.size);
    }
  }
  work.normalization(rows * n.size);
  work.linear(rows, n.size, n.words);
  work.cross_entropy(rows, n.words);
  return trained(
      model, std::make_shared<Adam>(), [=] { return F::softmax_cross_entropy((*model)(x), t.reshape({t.size()})); },
      std::move(work));
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
  // Products of the convolutions as matrices. The generator goes forward and backward once; the discriminator thrice,
  // the third time for the generator's sake.
  Work work;
  constexpr std::int64_t kOuter = kBatch * 14 * 14, kInner = kBatch * 7 * 7;  // pixels of the two sizes
  for (const auto& [rows, in, out, times] : std::vector<std::array<std::int64_t, 4>>{{kOuter, 16, 64, 9},
                                                                                     {kInner, 64 * 16, 128, 9},
                                                                                     {kBatch, 128 * 49, 1, 9},
                                                                                     {kBatch, 100, 128 * 49, 3},
                                                                                     {kInner, 128, 64 * 16, 3},
                                                                                     {kOuter, 64, 16, 3}}) {
    work.product(rows, out, in, times);
  }
  work.batch_normalization(kInner * 128);
  work.batch_normalization(kOuter * 64);
  work.activation(kBatch * 28 * 28);
  for (int pass = 0; pass < 3; ++pass) {
    work.activation(kOuter * 64);
    work.batch_normalization(kInner * 128);
  }
  work.floats += kPasses<Adam> * (net->generator.count_parameters() + net->discriminator.count_parameters());
  return {.step = step, .work = std::move(work), .kept = {}};
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
Case optimizer() {
  const auto model = std::make_shared<ManyWeights>();
  const auto rule = std::make_shared<Rule>();
  model->to(device);
  rule->setup(*model);
  for (const auto& weight : model->weights) weight->grad_destination().fill(0.01);
  const auto step = [=] {
    for (const auto& weight : model->weights) weight->set_grad(Variable(weight->grad_destination()));
    rule->update();
  };
  return {.step = step,
          .work = {.products = {}, .floats = kPasses<Rule> * model->count_parameters()},
          .kept = {model, rule}};
}

/// Products of one size are timed once.
double products_ms(const std::vector<Product>& products) {
  std::map<std::array<std::int64_t, 3>, double> known;
  double sum = 0;
  for (const Product& p : products) {
    const auto [at, is_new] = known.try_emplace({p.m, p.n, p.k}, 0);
    if (is_new) at->second = floor::time_product(p.m, p.n, p.k).ms;
    sum += at->second * static_cast<double>(p.times);
  }
  return sum;
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
      {"adam", [] { return optimizer<Adam>(); }},
      {"momentum_sgd", [] { return optimizer<MomentumSgd>(); }}};
  const auto found = cases.find(name);
  if (found == cases.end()) throw ValueError("there is no case \"", name, "\".");
  const std::size_t before = resident_bytes();
  const Case one = found->second();
  const bool on_gpu = device.kind == DeviceKind::kCuda;
  for (int i = 0; i < (on_gpu ? 10 : 2); ++i) one.step();
  wait();
  std::vector<double> times;
  for (int i = 0; i < steps; ++i) {
    times.push_back(1e3 * floor::seconds_of([&] {
                      one.step();
                      wait();
                    }));
  }
  const std::size_t peak = resident_bytes() - before;
  double products = 0, moved = 0;
  if (!on_gpu) {
    products = products_ms(one.work.products);
    moved = static_cast<double>(one.work.floats) * sizeof(float) / floor::copy_bytes_per_ms();
  }
  std::cout << nlohmann::json{{"case", name},
                              {"device", where},
                              {"step_ms", floor::median(times)},
                              {"floor_ms", products + moved},
                              {"products_ms", products},
                              {"moved_ms", moved},
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
