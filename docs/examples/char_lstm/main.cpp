// A character language model: two LSTM layers read a text in 64 places at once, with truncated backpropagation.
//   char_lstm TEXT [STEPS [UNITS]]
// The last tenth of the text judges. On tinyshakespeare, 3000 steps of 512 units reach below 1.55 nats a character.
#include <rensa/core/array/array.h>
#include <rensa/core/autograd/config.h>
#include <rensa/core/functions/dropout.h>
#include <rensa/core/functions/shape.h>
#include <rensa/core/functions/softmax_cross_entropy.h>
#include <rensa/core/links/connection.h>
#include <rensa/core/links/recurrent.h>
#include <rensa/core/optimizers/adam.h>

#include <array>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

namespace {

constexpr std::int64_t kBatch = 64, kLength = 64;

struct Text {
  std::vector<std::int64_t> codes;
  std::int64_t characters = 0;  ///< different ones
};

Text read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  Text text;
  std::array<std::int64_t, 256> code;
  code.fill(-1);
  for (const char c : std::string(std::istreambuf_iterator<char>(file), {})) {
    auto& number = code[static_cast<unsigned char>(c)];
    if (number < 0) number = text.characters++;
    text.codes.push_back(number);
  }
  return text;
}

struct Model : rensa::Link {
  rensa::EmbedId embed;
  rensa::Lstm l1, l2;
  rensa::Linear out;

  Model(std::int64_t characters, std::int64_t units)
      : embed({.in = characters, .out = units}),
        l1({.in = units, .out = units}),
        l2({.in = units, .out = units}),
        out({.in = units, .out = characters}) {
    add("embed", embed);
    add("l1", l1);
    add("l2", l2);
    add("out", out);
  }
  /// x (length, batch): the mean loss of the characters t that follow.
  rensa::Variable operator()(const rensa::Array& x, const rensa::Array& t) {
    namespace F = rensa::functions;
    const rensa::Variable h = l2.sequence(F::dropout(l1.sequence(embed(x)), 0.1));
    return F::softmax_cross_entropy(out(F::reshape(h, {x.size(), h.shape()[2]})), t.reshape({x.size()}));
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

/// Characters begin … begin + kLength of each of kBatch equal stretches of [first, last), as (kLength, kBatch).
rensa::Array window(const Text& text, std::int64_t first, std::int64_t last, std::int64_t begin) {
  const std::int64_t stretch = (last - first) / kBatch;
  std::vector<std::int64_t> codes;
  for (std::int64_t t = 0; t < kLength; ++t) {
    for (std::int64_t b = 0; b < kBatch; ++b)
      codes.push_back(text.codes[static_cast<std::size_t>(first + b * stretch + begin + t)]);
  }
  return rensa::array(codes, {kLength, kBatch});
}

double judge(Model& model, const Text& text, std::int64_t first, std::int64_t last) {
  const rensa::ConfigScope scope({.train = false, .enable_backprop = false});
  model.reset();
  double sum = 0;
  std::int64_t windows = 0;
  for (std::int64_t begin = 0; begin + kLength < (last - first) / kBatch; begin += kLength, ++windows) {
    sum += model(window(text, first, last, begin), window(text, first, last, begin + 1)).item<double>();
  }
  model.reset();
  return sum / static_cast<double>(windows);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::runtime_error("usage: char_lstm TEXT [STEPS [UNITS]]");
  const Text text = read_text(argv[1]);
  const int steps = argc > 2 ? std::stoi(argv[2]) : 3000;
  const auto all = static_cast<std::int64_t>(text.codes.size()), train = all / 10 * 9;
  Model model(text.characters, argc > 3 ? std::stoi(argv[3]) : 512);
  rensa::Adam optimizer({.lr = 0.002, .common = {.clip_norm = 5}});
  optimizer.setup(model);

  std::int64_t begin = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int step = 1; step <= steps; ++step) {
    if (begin + kLength >= train / kBatch) {
      begin = 0;
      model.reset();
    }
    const rensa::Variable loss = model(window(text, 0, train, begin), window(text, 0, train, begin + 1));
    loss.backward();
    optimizer.update();
    model.unchain();
    begin += kLength;
    if (step % 100 != 0 && step != steps) continue;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::cout << "step " << step << " loss " << loss.item<double>() << " characters_per_second "
              << static_cast<double>(step * kBatch * kLength) / seconds << std::endl;
  }
  std::cout << "validation " << judge(model, text, train, all) << '\n';
} catch (const std::exception& error) {
  std::cerr << "char_lstm: " << error.what() << '\n';
  return 1;
}
