#pragma once

#include <cstdint>
#include <vector>

#include "core/array/array.h"

namespace rensa::functions {

/// How windows lie along one axis, for the sources of this folder.
struct WindowAxis {
  std::int64_t size, kernel, stride = 1, pad = 0, dilate = 1;
  bool cover_all = false;

  /// Elements from the first to the last that a window covers.
  std::int64_t reach() const { return (kernel - 1) * dilate + 1; }
  /// How many windows there are; throws ShapeError, ValueError that name `name` if there is none or a number is out of
  /// range.
  std::int64_t count(const char* name) const;
  /// Where element `k` of window `i` lies, or -1 outside of the axis.
  std::int64_t place(std::int64_t i, std::int64_t k) const {
    const std::int64_t at = i * stride + k * dilate - pad;
    return at < 0 || at >= size ? -1 : at;
  }
};

/// The numbers of `given` for `axes` axes: empty means `otherwise`, one number is for all. Throws ValueError naming
/// `name`.
std::vector<std::int64_t> each_axis(const char* name, const std::vector<std::int64_t>& given, int axes,
                                    std::int64_t otherwise);

/// Row-major places in a grid of the axes' sizes of all elements of all windows: (windows, elements of a window), -1
/// outside.
Array window_places(const char* name, const std::vector<WindowAxis>& axes);

}  // namespace rensa::functions
