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

}  // namespace

ProgressBar::ProgressBar(std::FILE* out) : out_(out), terminal_(isatty(fileno(out)) == 1) {}

void ProgressBar::initialize(Trainer& trainer) {
  started_ = Clock::now();
  samples_at_start_ = trainer.updater().samples();
  progress_at_start_ = announced_ = trainer.progress();
}

std::string ProgressBar::line(const Trainer& trainer) const {
  const double progress = trainer.progress(), passed = seconds(Clock::now() - started_);
  const double gained = progress - progress_at_start_;
  const double left = gained > 0 ? passed * (1 - progress) / gained : 0;
  const double rate = passed > 0 ? static_cast<double>(trainer.updater().samples() - samples_at_start_) / passed : 0;
  std::string bar(kWidth, '.');
  for (int i = 0; i < static_cast<int>(progress * kWidth); ++i) bar[static_cast<std::size_t>(i)] = '#';
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "[%s] %5.1f %%  epoch %.2f  %.1f images/s  %s left", bar.c_str(),
                100 * progress, trainer.updater().epoch_detail(), rate, clock_text(left).c_str());
  return text.data();
}

void ProgressBar::operator()(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  if (!terminal_) {
    if (trainer.progress() < announced_ + 0.1) return;
    announced_ = std::floor(trainer.progress() * 10 + 1e-9) / 10;
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
