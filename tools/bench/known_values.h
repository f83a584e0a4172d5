#pragma once

#include <cstdint>
#include <functional>

#include "core/array/array.h"

namespace rensa::tools {

/// What is done to the values of all ranks; kMove: nothing, they only travel.
enum class Operation { kMove, kSum, kProduct, kMax, kMin, kMean };

/// Arrays whose every element is known on every rank, so that the result of a collective can be checked where it lies:
/// the value number `index` of rank `rank` is a hash of the two, exact in the dtype, of a range in which the operation
/// does not overflow.
///
/// Throws DtypeError for bool, and for the mean of integers.
class KnownValues {
 public:
  KnownValues(Dtype dtype, Operation operation, int ranks);

  double value(int rank, std::int64_t index) const;
  /// Element i becomes value(rank, i).
  void fill(const Array& data, int rank) const;

  /// What one element of a result should be: the value number `index` of rank `rank`, or, unless the operation is
  /// kMove, that of all ranks reduced.
  struct Origin {
    int rank;
    std::int64_t index;
  };

  /// How many elements of `result` differ from what they should be. Moved values, integers, and largest and smallest
  /// ones are compared exactly. A sum of n values may be off by n u sum|v| with u half the distance from 1 to the next
  /// number of the dtype, which is what n roundings in any order can do (Higham, "Accuracy and Stability of Numerical
  /// Algorithms", 2002, section 4.2); a mean by that over n, a product by n u times itself.
  std::int64_t count_wrong(const Array& result, const std::function<Origin(std::int64_t)>& origin) const;

 private:
  struct Expected {
    double value, tolerance;
  };
  Expected expected(const Origin& origin) const;

  Dtype dtype_;
  Operation operation_;
  int ranks_;
  int digits_;            ///< of the significand in bits, with the leading one; 0 for integers
  double unit_;           ///< u, 2^-digits; 0 for integers
  std::int64_t largest_;  ///< of the integers that are drawn
};

/// Every byte 255, which is NaN in every floating dtype: what a collective does not write is found.
void poison(const Array& data);

}  // namespace rensa::tools
