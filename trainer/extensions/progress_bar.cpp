#include "trainer/extensions/progress_bar.h"

#include <unistd.h>

#include <array>
#include <cmath>

#include "trainer/trainer.h"

namespace rensa {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kWidth = 30;

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string clock_text(double seconds) {
  const long total = std::isfinite(seconds) ? std::lround(seconds) : 0;
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%ld:%02ld:%02ld", total / 3600, total / 60 % 60, total % 60);
  return text.data();
}

/// A rule ends the run at a moment that nobody knows.
bool is_end_known(const Trainer& trainer) { return trainer.stop_trigger().rule == nullptr; }

/// How many lines a file would have if the run had been made in one go.
std::int64_t lines_so_far(const Trainer& trainer) {
  if (!is_end_known(trainer)) return trainer.updater().epoch();
  return static_cast<std::int64_t>(std::floor(trainer.progress() * 10 + 1e-9));
}

std::string bar(double progress) {
  std::string text(kWidth, '.');
  for (int i = 0; i < static_cast<int>(progress * kWidth); ++i) text[static_cast<std::size_t>(i)] = '#';
  return text;
}

}  // namespace

ProgressBar::ProgressBar(std::FILE* out) : out_(out), terminal_(isatty(fileno(out)) == 1) {}

void ProgressBar::initialize(Trainer& trainer) {
  started_ = Clock::now();
  samples_at_start_ = trainer.updater().samples();
  progress_at_start_ = trainer.progress();
  lines_written_ = lines_so_far(trainer);
}

std::string ProgressBar::line(const Trainer& trainer) const {
  const double progress = trainer.progress(), passed = seconds(Clock::now() - started_);
  const double rate = passed > 0 ? static_cast<double>(trainer.updater().samples() - samples_at_start_) / passed : 0;
  const double epochs = trainer.updater().epoch_detail();
  std::array<char, 160> text{};
  if (is_end_known(trainer)) {
    const double gained = progress - progress_at_start_;
    const double left = gained > 0 ? passed * (1 - progress) / gained : 0;
    std::snprintf(text.data(), text.size(), "[%s] %5.1f %%  epoch %.2f  %.1f images/s  %s left", bar(progress).c_str(),
                  100 * progress, epochs, rate, clock_text(left).c_str());
  } else {
    std::snprintf(text.data(), text.size(), "epoch %.2f  %.1f images/s", epochs, rate);
  }
  return text.data();
}

void ProgressBar::operator()(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  if (!terminal_) {
    if (lines_so_far(trainer) <= lines_written_) return;
    lines_written_ = lines_so_far(trainer);
    std::fprintf(out_, "%s\n", line(trainer).c_str());
    std::fflush(out_);
    return;
  }
  if (seconds(Clock::now() - drawn_) < 0.2) return;
  drawn_ = Clock::now();
  std::fprintf(out_, "\r%s\033[K", line(trainer).c_str());
  std::fflush(out_);
  visible_ = true;
}

void ProgressBar::erase() {
  if (!visible_) return;
  visible_ = false;
  std::fprintf(out_, "\r\033[K");
}

void ProgressBar::finalize(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  erase();
  std::fflush(out_);
}

}  // namespace rensa
