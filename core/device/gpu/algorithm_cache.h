#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace rensa::gpu {

/// Which of a library's algorithms was the fastest, by what was asked of it.
struct AlgorithmChoice {
  int algorithm = 0;
  int math = 0;  ///< the library's name for the way of multiplying
  std::size_t workspace_bytes = 0;

  friend bool operator==(const AlgorithmChoice&, const AlgorithmChoice&) = default;
};

/// Choices that were measured, kept in a file between runs: the first step of the next run does not measure again. The
/// file's name should tell the library's version and the GPU. Several processes may use one file: each adds what it has
/// measured, and replaces the file as a whole. A file that cannot be read, or written, is no error. Thread safe.
class AlgorithmCache {
 public:
  /// An empty path: nothing is kept.
  explicit AlgorithmCache(std::filesystem::path file);
  std::optional<AlgorithmChoice> find(const std::string& key);
  void store(const std::string& key, const AlgorithmChoice& choice);

  /// The choice for `key`, measured by `measure()` if there is none yet.
  template <class Measure>
  AlgorithmChoice find_or_measure(const std::string& key, const Measure& measure) {
    if (const auto known = find(key)) return *known;
    const AlgorithmChoice chosen = measure();
    store(key, chosen);
    return chosen;
  }

 private:
  using Choices = std::map<std::string, AlgorithmChoice>;
  Choices read() const;

  std::filesystem::path file_;
  std::mutex mutex_;
  Choices choices_;
};

}  // namespace rensa::gpu
