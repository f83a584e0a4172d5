// Trains a language model from given weights on given batches and writes the loss of every step.
//   follow gpt|lstm WEIGHTS.safetensors BATCHES.npz LOSSES.npz
// BATCHES has x and t, (steps, batch, length) for the GPT and (steps, length, batch) for the LSTM; "sizes": words,
// layers, size of a layer; "lr"; and for the LSTM "dropout", of what goes into each layer and comes out of the last,
// and "judged_x", "judged_t": batches whose mean loss is judged after every "epoch_steps" steps.
// scripts/evidence/7/losses runs it beside PyTorch.
#include <cmath>
#include <exception>
#include <iostream>

#include "core/autograd/config.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/dropout.h"
#include "core/functions/shape.h"
#include "core/functions/softmax_cross_entropy.h"
#include "core/links/connection.h"
#include "core/links/recurrent.h"
#include "core/models/gpt.h"
#include "core/optimizers/momentum_sgd.h"
#include "core/optimizers/sgd.h"
#include "core/serializers/npz.h"
#include "core/serializers/weights.h"

namespace rensa {
namespace {

namespace F = functions;

struct WordLstm : Link {
  EmbedId embed;
  ChainList<Lstm> lstm;
  Linear out;
  double dropout;
  WordLstm(std::int64_t words, std::int64_t layers, std::int64_t units, double drop)
      : embed({.in = words, .out = units}), out({.in = units, .out = words}), dropout(drop) {
    for (std::int64_t i = 0; i < layers; ++i)
      lstm.append(std::make_unique<Lstm>(CellOptions{.in = units, .out = units}));
    add("embed", embed);
    add("lstm", lstm);
    add("out", out);
  }
  Variable operator()(const Array& x, const Array& t) {
    Variable h = embed(x);
    for (const auto& layer : lstm) h = layer->sequence(F::dropout(h, dropout));
    h = F::reshape(F::dropout(h, dropout), {x.size(), h.shape()[2]});
    return F::softmax_cross_entropy(out(h), t.reshape({t.size()}));
  }
  void each(void (Lstm::*act)()) {
    for (const auto& layer : lstm) (*layer.*act)();
  }
};

void follow_gpt(const std::string& weights, const NpzReader& batches, NpzWriter& result) {
  const std::vector<std::int64_t> sizes = to_vector<std::int64_t>(batches.array("sizes"));
  const Array x = batches.array("x"), t = batches.array("t");
  models::Gpt model({.words = sizes[0], .layers = sizes[1], .size = sizes[2], .length = x.shape()[2]});
  load_weights(model, weights);
  MomentumSgd optimizer({.lr = batches.array("lr").item<double>(), .momentum = 0.9});
  optimizer.setup(model);
  std::vector<double> losses;
  for (std::int64_t step = 0; step < x.shape()[0]; ++step) {
    const Variable loss = F::softmax_cross_entropy(model(x.select(0, step)), t.select(0, step).reshape({-1}));
    losses.push_back(loss.item<double>());
    loss.backward();
    optimizer.update();
  }
  Array all = array(losses, {x.shape()[0]});
  result("losses", all);
}

double judged(WordLstm& model, const Array& x, const Array& t) {
  const ConfigScope judging({.train = false, .enable_backprop = false});
  model.each(&Lstm::reset_state);
  double sum = 0;
  for (std::int64_t i = 0; i < x.shape()[0]; ++i) sum += model(x.select(0, i), t.select(0, i)).item<double>();
  model.each(&Lstm::reset_state);
  return std::exp(sum / static_cast<double>(x.shape()[0]));
}

void follow_lstm(const std::string& weights, const NpzReader& batches, NpzWriter& result) {
  const std::vector<std::int64_t> sizes = to_vector<std::int64_t>(batches.array("sizes"));
  const Array x = batches.array("x"), t = batches.array("t"), judged_x = batches.array("judged_x"),
              judged_t = batches.array("judged_t");
  const auto epoch = batches.array("epoch_steps").item<std::int64_t>();
  WordLstm model(sizes[0], sizes[1], sizes[2], batches.array("dropout").item<double>());
  load_weights(model, weights);
  Sgd optimizer({.lr = batches.array("lr").item<double>(), .common = {.clip_norm = 5}});
  optimizer.setup(model);
  std::vector<double> losses, perplexities;
  for (std::int64_t step = 0; step < x.shape()[0]; ++step) {
    const Variable loss = model(x.select(0, step), t.select(0, step));
    losses.push_back(loss.item<double>());
    loss.backward();
    optimizer.update();
    model.each(&Lstm::unchain_state);
    if ((step + 1) % epoch == 0) perplexities.push_back(judged(model, judged_x, judged_t));
  }
  Array all = array(losses, {static_cast<std::int64_t>(losses.size())}),
        after = array(perplexities, {static_cast<std::int64_t>(perplexities.size())});
  result("losses", all);
  result("perplexities", after);
}

}  // namespace
}  // namespace rensa

int main(int argc, char** argv) try {
  if (argc < 5) throw rensa::ValueError("usage: follow gpt|lstm WEIGHTS.safetensors BATCHES.npz LOSSES.npz");
  const rensa::NpzReader batches(argv[3]);
  rensa::NpzWriter result;
  (std::string(argv[1]) == "gpt" ? rensa::follow_gpt : rensa::follow_lstm)(argv[2], batches, result);
  result.save(argv[4]);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "follow: " << error.what() << '\n';
  return 1;
}
