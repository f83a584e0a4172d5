#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace rensa::watchdog {

/// What ends this process, told before it does: a signal that kills (SEGV, BUS, FPE, ILL, ABRT, and TERM where the
/// program leaves it alone) through a descriptor, exit() through a callback. While any object of the class lives, its
/// handlers stand in front of those that were there, which come next. A child process says nothing.
class LastWords {
 public:
  /// `exited` is called by exit() with its status.
  explicit LastWords(std::function<void(int status)> exited);
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;

  /// Becomes readable when a signal is on its way.
  int descriptor() const { return pipe_[0]; }
  /// The signal; none if there is none.
  std::optional<int> signal() const;
  /// Lets the signal go on: it waits for that, 3 s at most.
  void answer() { answered_.store(true); }
  /// The signal waits or has gone on.
  bool any() const { return any_.load(); }

 private:
  friend struct LastWordsHandlers;
  int pipe_[2] = {-1, -1};
  const std::int64_t pid_;
  std::atomic<bool> answered_ = false, any_ = false;
  std::function<void(int)> exited_;
};

/// Of a process that a signal ended, the signal's number is added: as shells count.
constexpr int kSignalStatus = 128;

/// "SIGSEGV (segmentation fault)".
std::string signal_description(int signal);

}  // namespace rensa::watchdog
