// A word language model on the Penn Treebank: two LSTM layers, truncated backpropagation over 35 words, 20 places at
// once.
//   ptb_lstm FOLDER [EPOCHS [UNITS [DROPOUT [WORDS]]]]      FOLDER has ptb.train.txt, ptb.valid.txt, ptb.test.txt
// WORDS limits the training text, for a quick look. 650 units, dropout 0.5 and 39 epochs are the "medium" network of
// Zaremba, Sutskever, Vinyals, "Recurrent neural network regularization", 2014, which reaches a validation perplexity
// of 86.
#include <rensa/core/array/array.h>
#include <rensa/core/autograd/config.h>
#include <rensa/core/functions/dropout.h>
#include <rensa/core/functions/shape.h>
#include <rensa/core/functions/softmax_cross_entropy.h>
#include <rensa/core/links/connection.h>
#include <rensa/core/links/recurrent.h>
#include <rensa/core/optimizers/sgd.h>
#include <rensa/trainer/datasets/words.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <stdexcept>

namespace {

constexpr std::int64_t kBatch = 20, kLength = 35;

using Words = std::vector<std::int64_t>;

struct Model : rensa::Link {
  rensa::EmbedId embed;
  rensa::Lstm l1, l2;
  rensa::Linear out;
  const double dropout;

  Model(std::int64_t words, std::int64_t units, double ratio)
      : embed({.in = words, .out = units, .initial_W = rensa::init::uniform(0.05)}),
        l1({.in = units, .out = units, .forget_bias_init = 0}),
        l2({.in = units, .out = units, .forget_bias_init = 0}),
        out({.in = units, .out = words, .initial_W = rensa::init::uniform(0.05)}),
        dropout(ratio) {
    add("embed", embed);
    add("l1", l1);
    add("l2", l2);
    add("out", out);
    rensa::RandomStream random(1, rensa::Purpose::kInitialize, 1);
    for (rensa::Parameter* p : parameters()) {
      if (p->ndim() == 2) rensa::init::uniform(0.05)(p->array(), random);
    }
  }
  rensa::Variable operator()(const rensa::Array& x, const rensa::Array& t) {
    namespace F = rensa::functions;
    const rensa::Variable h1 = l1.sequence(F::dropout(embed(x), dropout));
    const rensa::Variable h2 = F::dropout(l2.sequence(F::dropout(h1, dropout)), dropout);
    return F::softmax_cross_entropy(out(F::reshape(h2, {x.size(), h2.shape()[2]})), t.reshape({x.size()}));
  }
  void reset() {
    l1.reset_state();
    l2.reset_state();
  }
  void unchain() {
    l1.unchain_state();
    l2.unchain_state();
  }
};

/// Words begin … begin + kLength of each of kBatch equal stretches.
rensa::Array window(const Words& words, std::int64_t begin) {
  const auto stretch = static_cast<std::int64_t>(words.size()) / kBatch;
  Words part;
  for (std::int64_t t = 0; t < kLength; ++t) {
    for (std::int64_t b = 0; b < kBatch; ++b) part.push_back(words[static_cast<std::size_t>(b * stretch + begin + t)]);
  }
  return rensa::array(part, {kLength, kBatch});
}

/// Calls act(x, t) for the windows of all words; the perplexity.
template <class Act>
double perplexity(Model& model, const Words& words, const Act& act) {
  model.reset();
  double sum = 0;
  std::int64_t windows = 0;
  for (std::int64_t begin = 0; begin + kLength < static_cast<std::int64_t>(words.size()) / kBatch;
       begin += kLength, ++windows) {
    sum += act(window(words, begin), window(words, begin + 1));
  }
  model.reset();
  return std::exp(sum / static_cast<double>(windows));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::runtime_error("usage: ptb_lstm FOLDER [EPOCHS [UNITS [DROPOUT [WORDS]]]]");
  rensa::PennTreebank text = rensa::read_penn_treebank(argv[1]);
  if (argc > 5) text.train.resize(std::min(text.train.size(), static_cast<std::size_t>(std::stoll(argv[5]))));
  const int epochs = argc > 2 ? std::stoi(argv[2]) : 39;
  Model model(text.vocabulary.size(), argc > 3 ? std::stoi(argv[3]) : 650, argc > 4 ? std::stod(argv[4]) : 0.5);
  rensa::Sgd optimizer({.lr = 1.0, .common = {.clip_norm = 5}});
  optimizer.setup(model);

  const auto start = std::chrono::steady_clock::now();
  std::int64_t seen = 0;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    if (epoch > 6) optimizer.set_lr(optimizer.lr() / 1.2);
    const double train_perplexity = perplexity(model, text.train, [&](const rensa::Array& x, const rensa::Array& t) {
      const rensa::Variable loss = model(x, t);
      loss.backward();
      optimizer.update();
      model.unchain();
      seen += x.size();
      return loss.item<double>();
    });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const rensa::ConfigScope scope({.train = false, .enable_backprop = false});
    std::cout << "epoch " << epoch << " train " << train_perplexity << " validation "
              << perplexity(model, text.valid,
                            [&](const rensa::Array& x, const rensa::Array& t) { return model(x, t).item<double>(); })
              << " words_per_second " << static_cast<double>(seen) / seconds << std::endl;
  }
} catch (const std::exception& error) {
  std::cerr << "ptb_lstm: " << error.what() << '\n';
  return 1;
}
