#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace rensa::benchmarks {

/// A function, forward and backward, on arrays of about so many elements.
struct Case {
  std::string name;
  std::int64_t elements;
  std::function<void()> run;
  double bytes =
      0;  ///< what forward and backward must move at least, each operation by itself; 0: memory is not the limit
};

/// Element-wise functions, reductions, normalizations, products, pooling, joining and indexing.
std::vector<Case> function_cases(std::int64_t elements);
/// Attention at length 2,048; graphs of many small operations: tree LSTMs, a recurrent network of 1,000 steps.
std::vector<Case> whole_cases();

}  // namespace rensa::benchmarks
