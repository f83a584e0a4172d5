#pragma once

#include <cstdint>

namespace rensa::cpu {

/// A picture that lies channels-last: `width` pixels to a line, each of `channels` elements.
template <class T>
struct Picture {
  const T* pixels;
  std::int64_t width, channels;
};

/// The pixels of lines [top, bottom) and columns [left, right).
struct Box {
  std::int64_t top, bottom, left, right;
};

/// What pooling does to the channels of one pixel of its result, with the widest instructions of the processor. Pixels
/// are taken line by line; a place is the number of a pixel in its picture, line × width + column.
template <class T>
struct PoolingLoops {
  /// y = the largest in the box, -infinity if that is empty, and its place: the first of equal ones; the last
  /// not-a-number if there are any
  void (*largest)(const Picture<T>& x, const Box& box, T* y, std::int32_t* places);
  /// y = factor × the sum over the box
  void (*sum)(const Picture<T>& x, const Box& box, T factor, T* y);
  /// y = the sum over those of the box whose place is `place`; places lie as x does
  void (*sum_of_place)(const Picture<T>& x, const std::int32_t* places, const Box& box, std::int32_t place, T* y);
};

/// Those of the processor.
/// @{
template <class T>
const PoolingLoops<T>& pooling_loops();
template <>
const PoolingLoops<float>& pooling_loops();
template <>
const PoolingLoops<double>& pooling_loops();
/// @}

}  // namespace rensa::cpu
