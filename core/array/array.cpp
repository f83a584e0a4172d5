#include "core/array/array.h"

#include <algorithm>

#include "core/array/dispatch.h"
#include "core/device/gpu/transfer.h"
#include "core/error.h"
#include "core/kernels/memory.h"

namespace rensa {
namespace {

/// Strides of a dense array whose axes lie in memory in the same order as those of `like`.
Strides dense_strides(const Strides& like, const Shape& shape) {
  std::array<int, kMaxDims> order{};
  for (int axis = 0; axis < shape.ndim(); ++axis) order[static_cast<std::size_t>(axis)] = axis;
  std::stable_sort(order.begin(), order.begin() + shape.ndim(), [&](int a, int b) { return like[a] > like[b]; });
  Strides strides = shape;
  std::int64_t step = 1;
  for (int i = shape.ndim() - 1; i >= 0; --i) {
    const int axis = order[static_cast<std::size_t>(i)];
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/// The sizes are checked ones.
Array allocate(const Shape& shape, const Strides& strides, Dtype dtype, Device device) {
  const std::size_t bytes = static_cast<std::size_t>(total_size(shape)) * item_size(dtype);
  return Array(Buffer::allocate(bytes, device), 0, shape, strides, dtype);
}

}  // namespace

Array Array::wrap(void* data, const Shape& shape, Dtype dtype, Device device, std::function<void()> release) {
  check_sizes(shape, item_size(dtype), "wrap");
  const std::size_t bytes = static_cast<std::size_t>(total_size(shape)) * item_size(dtype);
  return Array(Buffer::wrap(data, bytes, device, std::move(release)), 0, shape, contiguous_strides(shape), dtype);
}

bool Array::is_dense(const Strides& wanted) const {
  if (strides_ == wanted) return true;
  for (int axis = 0; axis < ndim(); ++axis) {  // the stride of an axis of size 1 is never used
    if (shape_[axis] != 1 && strides_[axis] != wanted[axis]) return size() == 0;
  }
  return true;
}

bool Array::is_dense() const {
  return is_contiguous() || is_channels_last() || is_dense(dense_strides(strides_, shape_));
}

template <class Number>
Number Array::only_element() const {
  if (size() != 1) throw ShapeError("item: the array must have one element, its shape is ", shape_, ".");
  const Array here = to(Device{});
  return dispatch_all(dtype_, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return static_cast<Number>(*static_cast<const T*>(here.raw_data()));
  });
}

template double Array::only_element<double>() const;
template std::int64_t Array::only_element<std::int64_t>() const;

void Array::throw_no_data(Dtype asked) const {
  if (!buffer_) throw DtypeError("array: there is no array here; ", asked, " data was asked for.");
  if (device().kind != DeviceKind::kCpu) {
    throw DeviceError("array: the elements lie on ", device(), ", where the host cannot read them. Copy them with ",
                      "to(Device{}).");
  }
  throw DtypeError("array: the elements are ", dtype_, ", ", asked, " was asked for. Convert with to(dtype).");
}

Array Array::copy(Layout layout) const {
  Array out = empty(shape_, dtype_, device(), layout);
  kernels::copy(out, *this);
  return out;
}

Array Array::to(Dtype dtype) const {
  if (dtype == dtype_) return *this;
  check_sizes(shape_, item_size(dtype), "to");
  Array out = allocate(shape_, dense_strides(strides_, shape_), dtype, device());
  kernels::copy(out, *this);
  return out;
}

Array Array::to(Device target) const { return device() == target ? *this : gpu::moved(*this, target); }

void Array::fill(double value) const {
  kernels::fill(*this, value);
  if (buffer_) buffer_->note_write();
}

namespace {

/// The bytes from the first to the last of an array's elements.
std::pair<const std::byte*, const std::byte*> extent(const Array& x) {
  const auto* first = static_cast<const std::byte*>(x.raw_data());
  const auto* last = first;
  const auto item = static_cast<std::int64_t>(item_size(x.dtype()));
  for (int axis = 0; axis < x.ndim(); ++axis) {
    const std::int64_t step = (x.shape()[axis] - 1) * x.strides()[axis] * item;
    (step < 0 ? first : last) += step;
  }
  return {first, last + item};
}

/// Whether elements of one may lie where those of the other do.
bool overlap(const Array& a, const Array& b) {
  if (a.buffer() != b.buffer() || a.size() == 0 || b.size() == 0) return false;
  const auto [a_first, a_end] = extent(a);
  const auto [b_first, b_end] = extent(b);
  return a_first < b_end && b_first < a_end;
}

}  // namespace

void Array::copy_from(const Array& source) const {
  Array here = source.to(device());
  const bool is_itself = here.data_ == data_ && here.strides_ == strides_ && here.shape_ == shape_;
  if (!is_itself && overlap(here, *this)) here = here.copy();
  kernels::copy(*this, here.shape() == shape_ ? here : here.broadcast_to(shape_));
  if (buffer_) buffer_->note_write();
}

Array empty(const Shape& shape, Dtype dtype, Device device, Layout layout) {
  check_sizes(shape, item_size(dtype), "array");
  return allocate(shape, layout == Layout::kRowMajor ? contiguous_strides(shape) : channels_last_strides(shape), dtype,
                  device);
}

Array empty_like(const Array& like) { return empty_like(like, like.shape()); }

Array empty_like(const Array& like, const Shape& shape) {
  if (shape.ndim() != like.ndim()) return empty(shape, like.dtype(), like.device());
  check_sizes(shape, item_size(like.dtype()), "array");
  if (like.is_contiguous()) return allocate(shape, contiguous_strides(shape), like.dtype(), like.device());
  return allocate(shape, dense_strides(like.strides(), shape), like.dtype(), like.device());
}

Array full(const Shape& shape, double value, Dtype dtype, Device device) {
  Array out = empty(shape, dtype, device);
  out.fill(value);
  return out;
}
Array zeros(const Shape& shape, Dtype dtype, Device device) { return full(shape, 0, dtype, device); }
Array ones(const Shape& shape, Dtype dtype, Device device) { return full(shape, 1, dtype, device); }

Array zeros_like(const Array& like) {
  Array out = empty_like(like);
  out.fill(0);
  return out;
}
Array ones_like(const Array& like) {
  Array out = empty_like(like);
  out.fill(1);
  return out;
}

Array arange(std::int64_t count, Dtype dtype) {
  Array out = empty({count}, dtype);
  dispatch_all(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
        out.data<T>()[i] = T(static_cast<float>(i));
      } else {
        out.data<T>()[i] = static_cast<T>(i);
      }
    }
  });
  return out;
}

template <class T>
Array array(std::span<const T> values, const Shape& shape) {
  if (total_size(shape) != static_cast<std::int64_t>(values.size())) {
    throw ShapeError("array: ", values.size(), " values do not fill the shape ", shape, ".");
  }
  Array out = empty(shape, kDtypeOf<T>);
  std::copy(values.begin(), values.end(), out.data<T>());
  return out;
}

template <class T>
std::vector<T> to_vector(const Array& x) {
  std::vector<T> values(static_cast<std::size_t>(x.size()));
  const Array dense = x.to(Device{}).to(kDtypeOf<T>).contiguous();
  std::copy_n(dense.data<T>(), values.size(), values.begin());
  return values;
}

template Array array(std::span<const float>, const Shape&);
template Array array(std::span<const double>, const Shape&);
template Array array(std::span<const std::uint8_t>, const Shape&);
template Array array(std::span<const std::int8_t>, const Shape&);
template Array array(std::span<const std::int32_t>, const Shape&);
template Array array(std::span<const std::int64_t>, const Shape&);
template std::vector<float> to_vector(const Array&);
template std::vector<double> to_vector(const Array&);
template std::vector<std::uint8_t> to_vector(const Array&);
template std::vector<std::int8_t> to_vector(const Array&);
template std::vector<std::int32_t> to_vector(const Array&);
template std::vector<std::int64_t> to_vector(const Array&);

}  // namespace rensa
