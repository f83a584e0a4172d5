#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace rensa {

/// What a random number is for. Part of its index, so that two uses never share numbers.
enum class Purpose : std::uint32_t { kInitialize, kDropout, kShuffle, kAugment, kSynthetic, kUser, kMix };

/// Counter-based random numbers (Philox4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
///
/// A stream is named by (seed, purpose, step, sample) and gives the same numbers wherever and in whatever order it is
/// read: by one thread or eight, on one rank or eight. Copying a stream copies its position.
class RandomStream {
 public:
  using result_type = std::uint32_t;  ///< it is a UniformRandomBitGenerator

  RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t step = 0, std::uint64_t sample = 0);

  /// Four random words number `index` of the stream: random access, does not move the position.
  std::array<std::uint32_t, 4> block(std::uint32_t index) const;

  const std::array<std::uint32_t, 2>& key() const {
    return key_;
  }  ///< Philox's: of seed, purpose and step, not of the sample

  std::uint32_t operator()();                ///< the next word
  std::uint64_t below(std::uint64_t bound);  ///< uniform in [0, bound), without bias
  void skip(std::uint64_t words);            ///< as if so many words had been drawn
  double uniform();                          ///< uniform in [0, 1), 53 bits; takes two words
  double uniform(double low, double high) { return low + (high - low) * uniform(); }  ///< uniform in [low, high)
  double open_uniform();  ///< uniform in (0, 1), for logarithms
  double normal();        ///< mean 0, variance 1 (Box and Muller); takes four words
  double gumbel();        ///< -log(-log(u)) for u uniform in (0, 1)
  /// An index, drawn in proportion to its share (0 or more, of any sum above 0); never one whose share is 0.
  std::size_t pick(std::span<const double> shares);
  /// The range of operator().
  /// @{
  static constexpr std::uint32_t min() { return 0; }
  static constexpr std::uint32_t max() { return ~std::uint32_t{0}; }
  /// @}

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 3> high_counter_;  ///< the words of the counter that name the stream
  std::array<std::uint32_t, 4> words_{};
  std::uint32_t next_block_ = 0;
  unsigned next_word_ = 4;
};

/// The place of the calling thread's work in the training run: what operations such as dropout draw their numbers by.
/// The updater sets it before each step; `first_sample` is the index of the batch's first row in the global batch.
struct RandomContext {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint64_t first_sample = 0;
  std::uint32_t uses = 0;  ///< counts the random operations of the step, so that two dropouts differ
};
RandomContext& random_context();  ///< the calling thread's

}  // namespace rensa
