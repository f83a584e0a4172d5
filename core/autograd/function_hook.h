#pragma once

#include <chrono>
#include <cstddef>
#include <iosfwd>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/autograd/function.h"

namespace rensa {

/// Called around every operation of a thread, forward and backward, as long as a FunctionHookScope holds it. Hooks must
/// not keep the arrays. While one looks, functions add nothing to each other's gradients in place, so that sums may be
/// rounded once more.
class FunctionHook {
 public:
  virtual ~FunctionHook() = default;
  /// Around a function's forward(), with what came out of it, and around its backward(), with the gradients of its
  /// inputs.
  /// @{
  virtual void before_forward(const Function&) {}
  virtual void after_forward(const Function&, std::span<const Array> /*outputs*/) {}
  virtual void before_backward(const Function&) {}
  virtual void after_backward(const Function&, const Variables& /*gradients*/) {}
  /// @}
};

///   TimerHook timer;
///   { const FunctionHookScope scope(timer); loss = model(x); loss.backward(); }
///   timer.report(std::cout);
class FunctionHookScope {
 public:
  explicit FunctionHookScope(FunctionHook& hook);
  ~FunctionHookScope();
  FunctionHookScope(const FunctionHookScope&) = delete;
  FunctionHookScope& operator=(const FunctionHookScope&) = delete;
};

/// How long each kind of operation took. An operation that calls others (a backward made of functions) counts them too.
class TimerHook final : public FunctionHook {
 public:
  /// Seconds, and how often.
  struct Entry {
    double forward_s = 0, backward_s = 0;
    std::size_t forwards = 0, backwards = 0;
  };
  void before_forward(const Function& f) override;
  void after_forward(const Function& f, std::span<const Array> outputs) override;
  void before_backward(const Function& f) override;
  void after_backward(const Function& f, const Variables& gradients) override;

  const std::map<std::string, Entry>& entries() const { return entries_; }  ///< by name of the function
  double total_time_s() const;                                              ///< of the outermost operations
  void report(std::ostream& out) const;                                     ///< a line for each kind, the slowest first

 private:
  double stop();

  using Clock = std::chrono::steady_clock;
  std::map<std::string, Entry> entries_;
  std::vector<Clock::time_point> started_;
  double outermost_s_ = 0;
};

/// By how much each kind of operation let the memory in use on its outputs' device grow, forward and backward, in
/// bytes.
class MemoryHook final : public FunctionHook {
 public:
  /// How much memory in use grew, in bytes; negative where more was freed.
  struct Entry {
    std::ptrdiff_t forward_bytes = 0, backward_bytes = 0;
  };
  void before_forward(const Function& f) override;
  void after_forward(const Function& f, std::span<const Array> outputs) override;
  void before_backward(const Function& f) override;
  void after_backward(const Function& f, const Variables& gradients) override;

  const std::map<std::string, Entry>& entries() const { return entries_; }  ///< by name of the function
  void report(std::ostream& out) const;                                     ///< a line for each kind

 private:
  std::ptrdiff_t grown();

  std::map<std::string, Entry> entries_;
  std::vector<std::size_t> in_use_;
};

/// Prints every operation with the dtypes and shapes that come out of it.
class PrintHook final : public FunctionHook {
 public:
  explicit PrintHook(std::ostream& out) : out_(out) {}
  void after_forward(const Function& f, std::span<const Array> outputs) override;
  void after_backward(const Function& f, const Variables& gradients) override;

 private:
  std::ostream& out_;
};

namespace detail {
extern thread_local constinit bool has_function_hooks;

void hooks_before(const Function& f, bool forward);
void hooks_after_forward(const Function& f, std::span<const Array> outputs);
void hooks_after_backward(const Function& f, const Variables& gradients);
}  // namespace detail

}  // namespace rensa
