#include "core/autograd/function_hook.h"

#include <algorithm>
#include <iomanip>
#include <ostream>

#include "core/device/allocator.h"

namespace rensa {
namespace detail {

thread_local constinit bool has_function_hooks = false;

namespace {
std::vector<FunctionHook*>& hooks() {
  static thread_local std::vector<FunctionHook*> instance;
  return instance;
}
}  // namespace

void hooks_before(const Function& f, bool forward) {
  for (FunctionHook* hook : hooks()) forward ? hook->before_forward(f) : hook->before_backward(f);
}
void hooks_after_forward(const Function& f, std::span<const Array> outputs) {
  for (FunctionHook* hook : hooks()) hook->after_forward(f, outputs);
}
void hooks_after_backward(const Function& f, const Variables& gradients) {
  for (FunctionHook* hook : hooks()) hook->after_backward(f, gradients);
}

}  // namespace detail

FunctionHookScope::FunctionHookScope(FunctionHook& hook) {
  detail::hooks().push_back(&hook);
  detail::has_function_hooks = true;
}
FunctionHookScope::~FunctionHookScope() {
  detail::hooks().pop_back();
  detail::has_function_hooks = !detail::hooks().empty();
}

void TimerHook::before_forward(const Function&) { started_.push_back(Clock::now()); }
void TimerHook::before_backward(const Function&) { started_.push_back(Clock::now()); }

double TimerHook::stop() {
  const double seconds = std::chrono::duration<double>(Clock::now() - started_.back()).count();
  started_.pop_back();
  if (started_.empty()) outermost_s_ += seconds;
  return seconds;
}

void TimerHook::after_forward(const Function& f, std::span<const Array>) {
  Entry& entry = entries_[f.name()];
  entry.forward_s += stop();
  ++entry.forwards;
}
void TimerHook::after_backward(const Function& f, const Variables&) {
  Entry& entry = entries_[f.name()];
  entry.backward_s += stop();
  ++entry.backwards;
}

double TimerHook::total_time_s() const { return outermost_s_; }

void TimerHook::report(std::ostream& out) const {
  std::vector<std::pair<std::string, Entry>> sorted(entries_.begin(), entries_.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second.forward_s + a.second.backward_s > b.second.forward_s + b.second.backward_s;
  });
  out << std::left << std::setw(36) << "function" << std::right << std::setw(14) << "forward ms" << std::setw(8)
      << "calls" << std::setw(14) << "backward ms" << std::setw(8) << "calls" << '\n';
  for (const auto& [name, entry] : sorted) {
    out << std::left << std::setw(36) << name << std::right << std::fixed << std::setprecision(3) << std::setw(14)
        << entry.forward_s * 1e3 << std::setw(8) << entry.forwards << std::setw(14) << entry.backward_s * 1e3
        << std::setw(8) << entry.backwards << '\n';
  }
}

void MemoryHook::before_forward(const Function&) { in_use_.push_back(allocator(Device{}).statistics().in_use); }
void MemoryHook::before_backward(const Function&) { in_use_.push_back(allocator(Device{}).statistics().in_use); }

std::ptrdiff_t MemoryHook::grown() {
  const auto now = static_cast<std::ptrdiff_t>(allocator(Device{}).statistics().in_use),
             before = static_cast<std::ptrdiff_t>(in_use_.back());
  in_use_.pop_back();
  return now - before;
}

void MemoryHook::after_forward(const Function& f, std::span<const Array>) {
  entries_[f.name()].forward_bytes += grown();
}
void MemoryHook::after_backward(const Function& f, const Variables&) { entries_[f.name()].backward_bytes += grown(); }

void MemoryHook::report(std::ostream& out) const {
  for (const auto& [name, entry] : entries_) {
    out << std::left << std::setw(36) << name << std::right << std::setw(16) << entry.forward_bytes << std::setw(16)
        << entry.backward_bytes << '\n';
  }
}

void PrintHook::after_forward(const Function& f, std::span<const Array> outputs) {
  out_ << f.name() << " forward";
  for (const Array& y : outputs) out_ << ' ' << y.dtype() << ' ' << y.shape();
  out_ << '\n';
}
void PrintHook::after_backward(const Function& f, const Variables& gradients) {
  out_ << f.name() << " backward";
  for (const Variable& g : gradients) {
    if (g) {
      out_ << ' ' << g.dtype() << ' ' << g.shape();
    } else {
      out_ << " -";
    }
  }
  out_ << '\n';
}

}  // namespace rensa
