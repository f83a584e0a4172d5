#include "core/device/random.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include "core/device/philox.h"

namespace rensa {
namespace {

std::uint64_t mix(std::uint64_t x) {  // the finalizer of SplitMix64: spreads nearby seeds over the whole key space
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t step, std::uint64_t sample) {
  const std::uint64_t key = mix(mix(seed) ^ (mix(step) + static_cast<std::uint64_t>(purpose)));
  key_ = {low(key), high(key)};
  high_counter_ = {low(sample), high(sample), static_cast<std::uint32_t>(purpose)};
}

std::array<std::uint32_t, 4> RandomStream::block(std::uint32_t index) const {
  const PhiloxWords w = philox(index, high_counter_[0], high_counter_[1], high_counter_[2], key_[0], key_[1]);
  return {w.word[0], w.word[1], w.word[2], w.word[3]};
}

std::uint32_t RandomStream::operator()() {
  if (next_word_ == 4) {
    words_ = block(next_block_++);
    next_word_ = 0;
  }
  return words_[next_word_++];
}

void RandomStream::skip(std::uint64_t words) {
  const std::uint64_t left = 4 - next_word_;
  if (words <= left) {
    next_word_ += static_cast<unsigned>(words);
    return;
  }
  words -= left;
  next_block_ += static_cast<std::uint32_t>((words - 1) / 4);
  words_ = block(next_block_++);
  next_word_ = static_cast<unsigned>((words - 1) % 4 + 1);
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  // Numbers of the incomplete last round of [0, bound) are drawn again.
  const std::uint64_t unfair = (0 - bound) % bound;
  for (;;) {
    const std::uint64_t high_word = (*this)();
    const std::uint64_t word = high_word << 32 | (*this)();
    if (word >= unfair) return word % bound;
  }
}

double RandomStream::uniform() {
  const std::uint32_t high_word = (*this)();
  return uniform_of(high_word, (*this)());
}

double RandomStream::open_uniform() {
  double u = 0;
  while (u == 0) u = uniform();
  return u;
}

double RandomStream::gumbel() { return -std::log(-std::log1p(-open_uniform())); }

double RandomStream::normal() {
  const double radius = std::sqrt(-2 * std::log1p(-uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

std::size_t RandomStream::pick(std::span<const double> shares) {
  double left = uniform() * std::accumulate(shares.begin(), shares.end(), 0.0);
  std::size_t last = 0;  // what rounding leaves over is the last one's that can be drawn
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (!(shares[i] > 0)) continue;
    last = i;
    left -= shares[i];
    if (left < 0) break;
  }
  return last;
}

RandomContext& random_context() {
  static thread_local constinit RandomContext instance;
  return instance;
}

}  // namespace rensa
