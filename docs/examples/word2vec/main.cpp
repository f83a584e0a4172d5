// Vectors of words from their neighbours: skip-gram with negative sampling.
//   word2vec TEXT [STEPS]
// Prints the loss of a pair and the nearest words of the most frequent ones. On ptb.train.txt, 3000 steps bring the
// loss of a word and its five negative samples below 2.9 (it starts at 6 log 2 = 4.16). Source: Mikolov et al.,
// "Distributed representations of words and phrases and their compositionality", 2013.
#include <rensa/core/array/array.h>
#include <rensa/core/functions/arithmetic.h>
#include <rensa/core/links/connection.h>
#include <rensa/core/links/losses.h>
#include <rensa/core/optimizers/adam.h>
#include <rensa/trainer/datasets/words.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <numeric>
#include <stdexcept>

namespace {

constexpr std::int64_t kUnits = 64, kBatch = 500, kWindow = 5;

struct Text {
  rensa::Vocabulary vocabulary;
  std::vector<std::int64_t> words;
  std::vector<double> counts;  ///< how often each word comes

  explicit Text(const std::string& path)
      : words(rensa::read_words(path, vocabulary, /*end_of_line=*/"")),
        counts(static_cast<std::size_t>(vocabulary.size())) {
    for (const std::int64_t word : words) ++counts[static_cast<std::size_t>(word)];
  }
};

struct Model : rensa::Link {
  rensa::EmbedId embed;
  rensa::NegativeSampling loss;
  explicit Model(const Text& text)
      : embed({.in = text.vocabulary.size(), .out = kUnits, .initial_W = rensa::init::uniform(1.0 / kUnits)}),
        loss({.in = kUnits, .counts = text.counts, .sample_size = 5}) {
    add("embed", embed);
    add("loss", loss);
  }
};

/// The words whose vectors point most nearly where `word`'s does.
void print_nearest(const Model& model, const Text& text, std::size_t word) {
  const float* W = model.embed.W.array().data<float>();
  const auto vector = [&](std::size_t i) { return W + i * static_cast<std::size_t>(kUnits); };
  const auto dot = [](const float* a, const float* b) {
    return static_cast<double>(std::inner_product(a, a + kUnits, b, 0.0f));
  };
  std::vector<std::pair<double, std::size_t>> near;
  for (std::size_t i = 0; i < text.counts.size(); ++i) {
    if (i != word && text.counts[i] >= 100)
      near.emplace_back(-dot(vector(i), vector(word)) / std::sqrt(dot(vector(i), vector(i)) + 1e-12), i);
  }
  std::partial_sort(near.begin(), near.begin() + 4, near.end());
  std::cout << text.vocabulary.words()[word] << ':';
  for (std::size_t i = 0; i < 4; ++i) std::cout << ' ' << text.vocabulary.words()[near[i].second];
  std::cout << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::runtime_error("usage: word2vec TEXT [STEPS]");
  const int steps = argc > 2 ? std::stoi(argv[2]) : 3000;
  const Text text(argv[1]);
  Model model(text);
  rensa::Adam optimizer({.lr = 0.003});
  optimizer.setup(model);
  rensa::RandomStream random(1, rensa::Purpose::kShuffle);
  double sum = 0;
  constexpr int kReported = 100;
  for (int step = 1; step <= steps; ++step) {
    std::vector<std::int64_t> centres, neighbours;
    while (static_cast<std::int64_t>(centres.size()) < kBatch) {
      const auto at = static_cast<std::int64_t>(random.below(text.words.size()));
      const std::int64_t away = 1 + static_cast<std::int64_t>(random.below(kWindow)),
                         other = at + (random.below(2) == 0 ? away : -away);
      if (other < 0 || other >= static_cast<std::int64_t>(text.words.size())) continue;
      centres.push_back(text.words[static_cast<std::size_t>(at)]);
      neighbours.push_back(text.words[static_cast<std::size_t>(other)]);
    }
    const rensa::Variable loss =
        model.loss(model.embed(rensa::array(neighbours, {kBatch})), rensa::array(centres, {kBatch})) /
        static_cast<double>(kBatch);
    loss.backward();
    optimizer.update();
    sum += loss.item<double>();
    if (step % kReported != 0) continue;
    std::cout << "step " << step << " loss " << sum / kReported << std::endl;
    sum = 0;
  }
  for (const char* word : {"million", "president", "monday", "he"}) {
    if (const auto number = text.vocabulary.find(word)) print_nearest(model, text, static_cast<std::size_t>(*number));
  }
} catch (const std::exception& error) {
  std::cerr << "word2vec: " << error.what() << '\n';
  return 1;
}
