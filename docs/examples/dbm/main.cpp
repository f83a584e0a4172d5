// A deep Boltzmann machine of two hidden layers on black and white pictures, trained layer by layer with contrastive
// divergence and then together by mean field and persistent chains.
//   dbm FOLDER [EPOCHS]          MNIST's files, or Fashion-MNIST's
// Prints the mean error of a pixel of test pictures that went up to the second layer and down again; the mean picture
// alone has about 0.3 on Fashion-MNIST. 3 epochs get below 0.13. Source: Salakhutdinov, Hinton, "Deep Boltzmann
// machines", 2009.
#include <rensa/core/array/random.h>
#include <rensa/core/autograd/config.h>
#include <rensa/core/functions/activation.h>
#include <rensa/core/functions/arithmetic.h>
#include <rensa/core/functions/math.h>
#include <rensa/core/functions/matmul.h>
#include <rensa/core/functions/reduction.h>
#include <rensa/core/links/link.h>
#include <rensa/core/optimizers/momentum_sgd.h>
#include <rensa/trainer/datasets/small_pictures.h>
#include <rensa/trainer/iterators/serial_iterator.h>

#include <iostream>
#include <stdexcept>

namespace {

namespace F = rensa::functions;
using rensa::Variable;

constexpr std::int64_t kPixels = 784, kFirst = 256, kSecond = 128, kBatch = 100;

/// E(v, h1, h2) = − v W1 h1 − h1 W2 h2 − a v − b1 h1 − b2 h2. Its gradients are differences of expectations, which are
/// given to the optimizer as they are.
struct Dbm : rensa::Link {
  rensa::Parameter W1{{kPixels, kFirst}, rensa::init::normal(0.01)}, W2{{kFirst, kSecond}, rensa::init::normal(0.01)};
  rensa::Parameter a{{kPixels}, rensa::init::zeros()}, b1{{kFirst}, rensa::init::zeros()},
      b2{{kSecond}, rensa::init::zeros()};
  Dbm() {
    add("W1", W1);
    add("W2", W2);
    add("a", a);
    add("b1", b1);
    add("b2", b2);
  }
};

struct State {
  Variable v, h1, h2;
};

Variable sampled(const Variable& p, rensa::RandomStream& random) {
  const rensa::Array u = rensa::random::uniform(p.shape(), random);
  rensa::Array drawn = rensa::empty(p.shape());
  const rensa::Array chance = p.array().contiguous();
  for (std::int64_t i = 0; i < drawn.size(); ++i)
    drawn.data<float>()[i] = u.data<float>()[i] < chance.data<float>()[i] ? 1.0f : 0.0f;
  return drawn;
}
Variable up1(const Dbm& m, const Variable& v, const Variable& h2) {
  return F::sigmoid(F::matmul(v, m.W1) + F::matmul(h2, m.W2, false, true) + m.b1);
}
Variable up2(const Dbm& m, const Variable& h1) { return F::sigmoid(F::matmul(h1, m.W2) + m.b2); }
Variable down(const Dbm& m, const Variable& h1) { return F::sigmoid(F::matmul(h1, m.W1, false, true) + m.a); }

/// Mean field: the hidden layers given v.
State given(const Dbm& m, const Variable& v, int rounds) {
  State s{v, F::sigmoid(F::matmul(v, m.W1) * 2 + m.b1), {}};
  s.h2 = up2(m, s.h1);
  for (int i = 0; i < rounds; ++i) {
    s.h1 = up1(m, v, s.h2);
    s.h2 = up2(m, s.h1);
  }
  return s;
}

void gibbs(const Dbm& m, State& s, rensa::RandomStream& random) {
  s.h1 = sampled(up1(m, s.v, s.h2), random);
  s.v = sampled(down(m, s.h1), random);
  s.h2 = sampled(up2(m, s.h1), random);
}

/// Minus the gradient of the log likelihood: what the machine believes less what is.
void give_gradients(Dbm& m, const State& is, const State& believed, double rate2) {
  const double n = static_cast<double>(kBatch);
  const auto product = [](const Variable& x, const Variable& y) { return F::matmul(x, y, /*transpose_a=*/true); };
  m.W1.set_grad((product(believed.v, believed.h1) - product(is.v, is.h1)) / n);
  m.W2.set_grad((product(believed.h1, believed.h2) - product(is.h1, is.h2)) * (rate2 / n));
  m.a.set_grad(F::mean(believed.v - is.v, {0}));
  m.b1.set_grad(F::mean(believed.h1 - is.h1, {0}));
  m.b2.set_grad(F::mean(believed.h2 - is.h2, {0}) * rate2);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::runtime_error("usage: dbm FOLDER [EPOCHS]");
  const int epochs = argc > 2 ? std::stoi(argv[2]) : 3;
  const auto pictures = [&](rensa::Split split) {
    return std::make_shared<rensa::SmallPictures>(rensa::read_idx_folder(argv[1], split),
                                                  rensa::SmallPicturesOptions{.flat = true});
  };
  const rensa::NoBackpropMode no_graph;
  Dbm model;
  rensa::MomentumSgd optimizer({.lr = 0.05, .momentum = 0.5});
  optimizer.setup(model);
  rensa::RandomStream random(1, rensa::Purpose::kUser);
  rensa::SerialIterator batches(pictures(rensa::Split::kTrain), {.batch_size = kBatch, .seed = 1});
  State chain{
      sampled(rensa::full({kBatch, kPixels}, 0.5), random), {}, sampled(rensa::full({kBatch, kSecond}, 0.5), random)};
  while (batches.epoch() < epochs) {
    const bool alone =
        batches.epoch() == 0;  // the first epoch: each layer by itself, one step of contrastive divergence
    const Variable v = sampled(batches.next()->x(), random);
    const State is = given(model, v, alone ? 0 : 5);
    State believed;
    if (alone) {
      believed = {down(model, sampled(is.h1, random)), {}, {}};
      believed.h1 = F::sigmoid(F::matmul(believed.v, model.W1) * 2 + model.b1);
      believed.h2 = up2(model, believed.h1);
    } else {
      for (int i = 0; i < 3; ++i) gibbs(model, chain, random);
      believed = chain;
    }
    give_gradients(model, is, believed, 1);
    optimizer.update();
  }
  rensa::SerialIterator judged(pictures(rensa::Split::kTest), {.batch_size = 1000, .repeat = false, .shuffle = false});
  double sum = 0, count = 0;
  while (const auto batch = judged.next()) {
    const Variable x = batch->x();
    const State s = given(model, x, 10);
    sum += F::mean(F::abs(down(model, up1(model, x, s.h2)) - x)).item<double>();
    ++count;
  }
  std::cout << "error " << sum / count << '\n';
} catch (const std::exception& error) {
  std::cerr << "dbm: " << error.what() << '\n';
  return 1;
}
