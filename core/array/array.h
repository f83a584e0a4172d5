#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <span>
#include <vector>

#include "core/array/buffer.h"
#include "core/array/dtype.h"
#include "core/array/shape.h"
#include "core/device/device.h"

namespace rensa {

/// The order of axes in memory: kRowMajor has the last one innermost, kChannelsLast has axis 1 of (N, C, spatial…)
/// innermost.
enum class Layout { kRowMajor, kChannelsLast };

/// A slice of one axis, as Python's start:stop:step; negative positions count from the end.
struct Slice {
  std::optional<std::int64_t> start = std::nullopt;
  std::optional<std::int64_t> stop = std::nullopt;
  std::int64_t step = 1;
};

/// An n-dimensional view of a buffer: a cheap handle, like NumPy's ndarray. Copying an Array shares the elements;
/// copy() copies them. A default-constructed Array is "no array" and false in a condition.
///
/// Pictures are (N, C, H, W) in meaning and may lie channels-last in memory; strides say so, and strides are in
/// elements.
///
/// Threads: distinct handles to the same elements may be read by several threads at once. Writing needs the caller's
/// own order. One handle is not to be changed by two threads.
class Array {
 public:
  Array() = default;
  Array(Buffer::Pointer buffer, std::size_t offset_bytes, const Shape& shape, const Strides& strides, Dtype dtype)
      : buffer_(std::move(buffer)),
        data_(buffer_->data() + offset_bytes),
        shape_(shape),
        strides_(strides),
        dtype_(dtype) {}

  /// Views memory that somebody else owns, without a copy. `release`, if given, runs when no array views it any more.
  static Array wrap(void* data, const Shape& shape, Dtype dtype, Device device = {},
                    std::function<void()> release = nullptr);

  explicit operator bool() const { return buffer_ != nullptr; }  ///< false for no array
  /// Of the array as it is seen, not of the buffer.
  /// @{
  const Shape& shape() const { return shape_; }
  const Strides& strides() const { return strides_; }
  int ndim() const { return shape_.ndim(); }
  std::int64_t size() const { return total_size(shape_); }
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * item_size(dtype_); }
  Dtype dtype() const { return dtype_; }
  Device device() const { return buffer_ ? buffer_->device() : Device{}; }
  const Buffer::Pointer& buffer() const { return buffer_; }
  /// @}

  void* raw_data() const { return data_; }  ///< the first element, whatever its type; null for no array
  /// The first element, for the host to read and write. Throws DtypeError if T is not the dtype, DeviceError if the
  /// elements do not lie in the host's memory: raw_data() points to those of a GPU, for kernels.
  template <class T>
  T* data() const {
    if (kDtypeOf<T> != dtype_ || device().kind != DeviceKind::kCpu) throw_no_data(kDtypeOf<T>);
    return reinterpret_cast<T*>(data_);
  }
  /// The only element of an array of size 1, converted to T.
  template <class T>
  T item() const {
    if constexpr (std::is_integral_v<T>) {  // beyond 2^53 a double is not exact
      if (!is_floating(dtype_)) return static_cast<T>(only_element<std::int64_t>());
    }
    return static_cast<T>(only_element<double>());
  }

  /// Whether the elements lie in row-major order without gaps.
  bool is_contiguous() const { return is_dense(contiguous_strides(shape_)); }
  /// Whether they lie channels-last without gaps.
  bool is_channels_last() const { return is_dense(channels_last_strides(shape_)); }
  /// True if the elements fill one stretch of memory without gaps, in whatever order of axes.
  bool is_dense() const;
  /// kChannelsLast where the elements lie so and not in row-major order too, otherwise kRowMajor.
  Layout layout() const { return is_contiguous() || !is_channels_last() ? Layout::kRowMajor : Layout::kChannelsLast; }

  // Views: they share the elements.
  Array transpose() const;                  ///< axes reversed
  Array transpose(const Dims& axes) const;  ///< axis i of the result is axes[i] of this one
  /// Part of one axis, by Python's rules: a slice that reaches over the end stops there.
  Array slice(int axis, const Slice& slice) const;
  Array select(int axis, std::int64_t index) const;  ///< one position of an axis; the axis goes
  Array expand_dims(int axis) const;                 ///< a new axis of size 1, at `axis` of the result
  Array squeeze(int axis) const;                     ///< without that axis; throws ShapeError unless its size is 1
  Array broadcast_to(const Shape& shape) const;      ///< stride 0 along the repeated axes: not to be written to
  /// One size may be -1. A view if the strides allow it, otherwise a copy.
  Array reshape(const Shape& shape) const;

  // Copies.
  Array copy(Layout layout = Layout::kRowMajor) const;  ///< Dense, in the given order of axes, on the same device
  /// Itself if the elements lie so already, otherwise a copy.
  Array contiguous() const { return is_contiguous() ? *this : copy(); }
  /// The same for channels-last.
  Array channels_last() const { return is_channels_last() ? *this : copy(Layout::kChannelsLast); }
  Array to(Dtype dtype) const;    ///< itself if the dtype is already that
  Array to(Device device) const;  ///< itself if it is already there

  // In place. backward() throws a GraphError for elements that a graph needed and that were written after their use;
  // what is written through data() is not noticed (buffer()->note_write() says it).
  void fill(double value) const;  ///< writes `value`, converted to the dtype, into every element
  /// Writes `source`, broadcast to this shape and converted to this dtype, into the elements.
  void copy_from(const Array& source) const;

 private:
  bool is_dense(const Strides& wanted) const;
  template <class Number>
  Number only_element() const;
  [[noreturn]] void throw_no_data(Dtype asked) const;

  Buffer::Pointer buffer_;
  std::byte* data_ = nullptr;
  Shape shape_;
  Strides strides_;
  Dtype dtype_ = Dtype::kFloat32;
};

/// Elements not initialised.
Array empty(const Shape& shape, Dtype dtype = Dtype::kFloat32, Device device = {}, Layout layout = Layout::kRowMajor);
/// As `like` in dtype, device and order of axes in memory (dense); the shape may differ as long as ndim is equal.
Array empty_like(const Array& like);
Array empty_like(const Array& like, const Shape& shape);  ///< the same in another shape with as many axes
/// Row-major.
/// @{
Array zeros(const Shape& shape, Dtype dtype = Dtype::kFloat32, Device device = {});
Array ones(const Shape& shape, Dtype dtype = Dtype::kFloat32, Device device = {});
Array full(const Shape& shape, double value, Dtype dtype = Dtype::kFloat32, Device device = {});
/// @}
/// As empty_like().
/// @{
Array zeros_like(const Array& like);
Array ones_like(const Array& like);
/// @}
Array arange(std::int64_t count, Dtype dtype = Dtype::kInt64);  ///< 0, 1, … count - 1

/// A copy of `values` with that shape. Throws ShapeError if the counts differ.
template <class T>
Array array(std::span<const T> values, const Shape& shape);
/// The same from a list or a vector; one-dimensional without a shape.
/// @{
template <class T>
Array array(std::initializer_list<T> values, const Shape& shape) {
  return array(std::span<const T>(values.begin(), values.size()), shape);
}
template <class T>
Array array(const std::vector<T>& values, const Shape& shape) {
  return array(std::span<const T>(values), shape);
}
template <class T>
Array array(std::initializer_list<T> values) {
  return array(values, {static_cast<std::int64_t>(values.size())});
  /// @}
}

/// The elements in row-major order, converted to T.
template <class T>
std::vector<T> to_vector(const Array& x);

/// Prints nested brackets as NumPy does, long axes shortened.
std::ostream& operator<<(std::ostream& out, const Array& x);

}  // namespace rensa
