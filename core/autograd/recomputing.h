#pragma once

#include <functional>
#include <vector>

#include "core/array/array.h"

namespace rensa {

/// What compute() returns; in the second run inside functions::forget, what it returned in the first. For what an
/// operation reads and then changes, such as running statistics: the second run would find something else.
Array same_in_both_runs(const std::function<Array()>& compute);

namespace detail {

/// While it exists, same_in_both_runs() adds what it gives to `values` or, in the second run, takes it from there.
class RunScope {
 public:
  RunScope(std::vector<Array>& values, bool second);
  RunScope(const RunScope&) = delete;
  RunScope& operator=(const RunScope&) = delete;
  ~RunScope();

 private:
  friend Array rensa::same_in_both_runs(const std::function<Array()>& compute);
  static Array value(RunScope* scope, const std::function<Array()>& compute);

  std::vector<Array>& values_;
  const bool second_;
  std::size_t taken_ = 0;
  RunScope* const outer_;
};

}  // namespace detail
}  // namespace rensa
