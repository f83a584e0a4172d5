#include "comm/watchdog/last_words.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "core/error.h"

namespace rensa::watchdog {

// A handler is called without an argument of ours, so what it needs has to be found from here: the objects that live
// and the handlers that were there before.
struct LastWordsHandlers {
  static constexpr std::array<int, 6> kSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTERM};
  static constexpr std::size_t kMost = 64;

  std::array<std::atomic<LastWords*>, kMost> live{};
  std::array<struct sigaction, kSignals.size()> before{};
  std::mutex mutex;
  int count = 0;
  bool exit_is_watched = false;

  static LastWordsHandlers& instance() {
    static auto* const handlers = new LastWordsHandlers;  // exit() may call after static objects are gone
    return *handlers;
  }

  void add(LastWords* words) {
    const std::lock_guard lock(mutex);
    for (auto& place : live) {
      LastWords* none = nullptr;
      if (place.compare_exchange_strong(none, words)) break;
    }
    if (count++ == 0) install();
    if (!exit_is_watched) exit_is_watched = on_exit(on_exit_of_process, nullptr) == 0;
  }

  void remove(LastWords* words) {
    const std::lock_guard lock(mutex);
    for (auto& place : live) {
      LastWords* mine = words;
      place.compare_exchange_strong(mine, nullptr);
    }
    if (--count == 0) restore();
  }

  void install() {
    struct sigaction action{};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], nullptr, &before[i]);
      // a program that deals with SIGTERM, or is told to ignore it, does not die of it
      if (kSignals[i] == SIGTERM && before[i].sa_handler != SIG_DFL) continue;
      sigaction(kSignals[i], &action, nullptr);
    }
  }

  void restore() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      struct sigaction now{};
      sigaction(kSignals[i], nullptr, &now);
      if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_signal) sigaction(kSignals[i], &before[i], nullptr);
    }
  }

  // Only what is safe in a signal handler: write, poll, sigaction, raise and atomics.
  static void on_signal(int signal, siginfo_t* info, void*) {
    const int error = errno;
    LastWordsHandlers& handlers = instance();
    for (auto& place : handlers.live) {
      LastWords* const words = place.load();
      if (!words || words->pid_ != getpid()) continue;
      words->any_.store(true);
      if (write(words->pipe_[1], &signal, sizeof signal) != sizeof signal) continue;
      constexpr int kLooks = 600, kLookInterval_ms = 5;
      for (int i = 0; i < kLooks && !words->answered_.load(); ++i) poll(nullptr, 0, kLookInterval_ms);
    }
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      if (kSignals[i] == signal) sigaction(signal, &handlers.before[i], nullptr);
    }
    errno = error;
    // A fault comes again when the instruction is tried again; a signal that was sent has to be sent again.
    if (info->si_code <= 0 || signal == SIGABRT) raise(signal);
  }

  static void on_exit_of_process(int status, void*) {
    for (auto& place : instance().live) {
      LastWords* const words = place.load();
      if (words && words->pid_ == getpid()) words->exited_(status);
    }
  }
};

LastWords::LastWords(std::function<void(int)> exited) : pid_(getpid()), exited_(std::move(exited)) {
  if (pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw CommError("watchdog: no pipe for signals: ", std::strerror(errno), ".");
  }
  LastWordsHandlers::instance().add(this);
}

LastWords::~LastWords() {
  LastWordsHandlers::instance().remove(this);
  close(pipe_[0]);
  close(pipe_[1]);
}

std::optional<int> LastWords::signal() const {
  int number = 0;
  if (read(pipe_[0], &number, sizeof number) != sizeof number) return {};
  return number;
}

std::string signal_description(int signal) {
  const char* const name = sigabbrev_np(signal);
  const char* const meaning = sigdescr_np(signal);
  if (!name || !meaning) return detail::join("signal ", signal);
  return detail::join("SIG", name, " (", meaning, ")");
}

}  // namespace rensa::watchdog
