// A small GPT on characters: blocks of causal attention over windows of a text.
//   gpt TEXT [STEPS [LAYERS [SIZE [LENGTH]]]], SIZE a multiple of 64: a head has 64 features
// The last tenth of the text judges. On tinyshakespeare, 2000 steps of 4 layers × 256 over 256 characters reach
// below 1.65 nats a character.
#include <rensa/core/array/array.h>
#include <rensa/core/array/random.h>
#include <rensa/core/autograd/config.h>
#include <rensa/core/functions/softmax_cross_entropy.h>
#include <rensa/core/models/gpt.h>
#include <rensa/core/optimizers/adam.h>

#include <array>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

namespace {

constexpr std::int64_t kBatch = 8;

/// The mean loss of the characters t that follow those of x (batch, length).
rensa::Variable loss_of(rensa::models::Gpt& model, const rensa::Array& x, const rensa::Array& t) {
  return rensa::functions::softmax_cross_entropy(model(x), t.reshape({x.size()}));
}

struct Windows {
  rensa::Array x, t;
};
Windows draw(const std::vector<std::int64_t>& codes, std::int64_t first, std::int64_t last, std::int64_t length,
             rensa::RandomStream& random) {
  std::vector<std::int64_t> x, t;
  for (std::int64_t b = 0; b < kBatch; ++b) {
    const auto at = static_cast<std::ptrdiff_t>(
        first + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(last - first - length - 1))));
    x.insert(x.end(), codes.begin() + at, codes.begin() + at + length);
    t.insert(t.end(), codes.begin() + at + 1, codes.begin() + at + 1 + length);
  }
  return {rensa::array(x, {kBatch, length}), rensa::array(t, {kBatch, length})};
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::runtime_error("usage: gpt TEXT [STEPS [LAYERS [SIZE [LENGTH]]]]");
  std::ifstream file(argv[1], std::ios::binary);
  if (!file) throw std::runtime_error(std::string(argv[1]) + ": cannot be read");
  const auto option = [&](int place, int otherwise) { return argc > place ? std::stoi(argv[place]) : otherwise; };
  const int steps = option(2, 2000), layers = option(3, 4);
  const std::int64_t size = option(4, 256), length = option(5, 256);
  if (size < 64 || size % 64 != 0)
    throw std::runtime_error("SIZE is " + std::to_string(size) +
                             "; expected a multiple of 64, of which each head has 64");

  std::vector<std::int64_t> codes;
  std::array<std::int64_t, 256> code;
  code.fill(-1);
  std::int64_t characters = 0;
  for (const char c : std::string(std::istreambuf_iterator<char>(file), {})) {
    auto& number = code[static_cast<unsigned char>(c)];
    if (number < 0) number = characters++;
    codes.push_back(number);
  }
  const auto all = static_cast<std::int64_t>(codes.size()), train = all / 10 * 9;

  rensa::models::Gpt model({.words = characters, .layers = layers, .size = size, .length = length});
  rensa::AdamW optimizer({.lr = 6e-4, .beta2 = 0.95, .weight_decay_rate = 6e-5, .common = {.clip_norm = 1}});
  optimizer.setup(model);
  rensa::RandomStream order(1, rensa::Purpose::kShuffle);
  const auto start = std::chrono::steady_clock::now();
  for (int step = 1; step <= steps; ++step) {
    const Windows batch = draw(codes, 0, train, length, order);
    const rensa::Variable loss = loss_of(model, batch.x, batch.t);
    loss.backward();
    optimizer.update();
    if (step % 50 != 0 && step != steps) continue;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::cout << "step " << step << " loss " << loss.item<double>() << " characters_per_second "
              << static_cast<double>(step * kBatch * length) / seconds << std::endl;
  }
  const rensa::ConfigScope scope({.train = false, .enable_backprop = false});
  rensa::RandomStream places(2, rensa::Purpose::kShuffle);
  double sum = 0;
  constexpr int kJudged = 20;
  for (int i = 0; i < kJudged; ++i) {
    const Windows batch = draw(codes, train, all, length, places);
    sum += loss_of(model, batch.x, batch.t).item<double>();
  }
  std::cout << "validation " << sum / kJudged << '\n';
} catch (const std::exception& error) {
  std::cerr << "gpt: " << error.what() << '\n';
  return 1;
}
