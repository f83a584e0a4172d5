#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>

namespace rensa {

inline constexpr int kMaxDims = 8;  ///< the most axes an array has

/// Up to kMaxDims whole numbers, stored inline: the sizes of an array's axes, or its strides in elements.
class Dims {
 public:
  constexpr Dims() = default;
  constexpr Dims(std::initializer_list<std::int64_t> values) : Dims(std::span(values.begin(), values.size())) {}
  constexpr explicit Dims(std::span<const std::int64_t> values) : ndim_(checked(values.size())) {
    std::copy(values.begin(), values.end(), values_.begin());
  }
  /// The same number `ndim` times.
  static constexpr Dims filled(int ndim, std::int64_t value) {
    Dims dims;
    dims.ndim_ = checked(static_cast<std::size_t>(ndim));
    std::fill_n(dims.values_.begin(), ndim, value);
    return dims;
  }

  constexpr int ndim() const { return ndim_; }  ///< how many numbers there are
  /// Number `axis`, which is not checked.
  /// @{
  constexpr std::int64_t operator[](int axis) const { return values_[static_cast<std::size_t>(axis)]; }
  constexpr std::int64_t& operator[](int axis) { return values_[static_cast<std::size_t>(axis)]; }
  /// @}
  /// For range-for and the standard algorithms.
  /// @{
  constexpr const std::int64_t* begin() const { return values_.data(); }
  constexpr const std::int64_t* end() const { return values_.data() + ndim_; }
  /// @}
  /// The last one; there must be one.
  constexpr std::int64_t back() const { return values_[static_cast<std::size_t>(ndim_ - 1)]; }
  /// At the end; throws beyond kMaxDims.
  constexpr void push_back(std::int64_t value) {
    ndim_ = checked(static_cast<std::size_t>(ndim_) + 1);
    values_[static_cast<std::size_t>(ndim_ - 1)] = value;
  }
  /// In front of number `axis`.
  constexpr void insert(int axis, std::int64_t value) {
    push_back(value);
    std::rotate(values_.begin() + axis, values_.begin() + ndim_ - 1, values_.begin() + ndim_);
  }
  /// Without number `axis`.
  constexpr void erase(int axis) {
    std::copy(values_.begin() + axis + 1, values_.begin() + ndim_, values_.begin() + axis);
    --ndim_;
  }
  /// Equal in length and numbers.
  friend constexpr bool operator==(const Dims& a, const Dims& b) {
    return a.ndim_ == b.ndim_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  static constexpr int checked(std::size_t ndim) {
    if (ndim > kMaxDims) throw_too_many(ndim);
    return static_cast<int>(ndim);
  }
  [[noreturn]] static void throw_too_many(std::size_t ndim);

  std::array<std::int64_t, kMaxDims> values_{};
  int ndim_ = 0;
};

using Shape = Dims;    ///< sizes of the axes
using Strides = Dims;  ///< elements from one position of an axis to the next; 0 where it is broadcast

std::int64_t total_size(const Shape& shape);  ///< product of the sizes; 1 for a scalar's ()
/// Throws ShapeError that names `operation` if a size is negative or no memory holds so many elements of `item` bytes,
/// zeros not counted: everything that is computed from the sizes then fits an int64.
void check_sizes(const Shape& shape, std::size_t item, const char* operation);
Strides contiguous_strides(const Shape& shape);  ///< strides of a row-major array without gaps
/// Strides of an (N, C, spatial…) array whose channels lie next to each other in memory: NHWC in memory, NCHW in
/// meaning.
Strides channels_last_strides(const Shape& shape);

/// `axis` counted from the end if negative; throws IndexError that names `operation` when it is outside `ndim`.
int normalize_axis(std::int64_t axis, int ndim, const char* operation);
/// NumPy's broadcasting; throws ShapeError that names `operation` and both shapes.
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* operation);

std::ostream& operator<<(std::ostream& out, const Dims& dims);  ///< "(2, 3)", "(5,)" and "()", as Python prints them

}  // namespace rensa
