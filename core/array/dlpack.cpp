#include "core/array/dlpack.h"

#include <dlpack/dlpack.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include "core/error.h"

namespace rensa {
namespace {

constexpr std::uint8_t kBoolCode = 6;  // kDLBool, which headers before 0.8 do not name

DLDataType to_type(Dtype dtype) {
  const auto bits = static_cast<std::uint8_t>(8 * item_size(dtype));
  switch (dtype) {
    case Dtype::kBool:
      return {kBoolCode, 8, 1};
    case Dtype::kUInt8:
      return {kDLUInt, 8, 1};
    case Dtype::kInt8:
    case Dtype::kInt32:
    case Dtype::kInt64:
      return {kDLInt, bits, 1};
    case Dtype::kBFloat16:
      return {kDLBfloat, 16, 1};
    default:
      return {kDLFloat, bits, 1};
  }
}

Dtype from_type(const DLDataType& type) {
  for (int i = 0; i < kDtypes; ++i) {
    const DLDataType known = to_type(static_cast<Dtype>(i));
    if (known.code == type.code && known.bits == type.bits && type.lanes == 1) return static_cast<Dtype>(i);
  }
  throw DtypeError("from_dlpack: there is no dtype for code ", static_cast<int>(type.code), " with ",
                   static_cast<int>(type.bits), " bits and ", type.lanes, " lanes.");
}

/// What a tensor made by to_dlpack needs to live.
struct Exported {
  DLManagedTensor tensor{};
  Array array;
  Shape shape;
  Strides strides;
};

struct Release {
  void operator()(DLManagedTensor* tensor) const {
    if (tensor->deleter) tensor->deleter(tensor);
  }
};

/// The elements' places must be numbers that memory can have; the sizes are checked ones and none is 0.
void check_strides(const Shape& shape, const Strides& strides, std::size_t item) {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max() / 4 / static_cast<std::int64_t>(item);
  std::int64_t reach = 1;
  for (int i = 0; i < shape.ndim(); ++i) {
    const std::int64_t stride = strides[i] < 0 ? (strides[i] < -most ? most : -strides[i]) : strides[i];
    if (stride > 0 && shape[i] - 1 > (most - reach) / stride) {
      throw ValueError("from_dlpack: no memory holds the sizes ", shape, " with the strides ", strides, ".");
    }
    reach += stride * (shape[i] - 1);
  }
}

}  // namespace

DLManagedTensor* to_dlpack(const Array& x) {
  if (!x) throw ValueError("to_dlpack: there is no array here.");
  if (x.device().kind != DeviceKind::kCpu)
    throw DeviceError("to_dlpack: arrays on ", x.device(), " are not handed out yet. Move it to cpu.");
  auto exported = std::make_unique<Exported>();
  exported->array = x;
  exported->shape = x.shape();
  exported->strides = x.strides();
  DLTensor& t = exported->tensor.dl_tensor;
  t.data = x.raw_data();
  t.device = {kDLCPU, 0};
  t.ndim = x.ndim();
  t.dtype = to_type(x.dtype());
  t.shape = &exported->shape[0];
  t.strides = &exported->strides[0];
  t.byte_offset = 0;
  exported->tensor.manager_ctx = exported.get();
  exported->tensor.deleter = [](DLManagedTensor* self) { delete static_cast<Exported*>(self->manager_ctx); };
  return &exported.release()->tensor;
}

Array from_dlpack(DLManagedTensor* tensor) {
  if (!tensor) throw ValueError("from_dlpack: there is no tensor here (null).");
  std::unique_ptr<DLManagedTensor, Release> owned(tensor);
  const DLTensor& t = tensor->dl_tensor;
  if (t.device.device_type != kDLCPU) {
    throw DeviceError("from_dlpack: the tensor is on a device of type ", static_cast<int>(t.device.device_type),
                      ", expected the CPU (1).");
  }
  const Dtype dtype = from_type(t.dtype);
  if (t.ndim < 0 || t.ndim > kMaxDims || (t.ndim > 0 && !t.shape)) {
    throw ValueError("from_dlpack: the tensor has ", t.ndim, " axes", t.ndim > 0 && !t.shape ? " and no sizes" : "",
                     ", expected 0 to ", kMaxDims, ".");
  }
  const Shape shape(std::span(static_cast<const std::int64_t*>(t.shape), static_cast<std::size_t>(t.ndim)));
  check_sizes(shape, item_size(dtype), "from_dlpack");
  const std::int64_t size = total_size(shape);
  Strides strides = contiguous_strides(shape);
  if (t.strides && size > 0) {  // those of no elements may be anything
    strides = Strides(std::span(static_cast<const std::int64_t*>(t.strides), static_cast<std::size_t>(t.ndim)));
    check_strides(shape, strides, item_size(dtype));
  }
  if (!t.data && size > 0) throw ValueError("from_dlpack: the tensor has ", size, " elements and no data.");
  auto* data = static_cast<std::byte*>(t.data) + (t.data ? t.byte_offset : 0);
  if (size > 0 && reinterpret_cast<std::uintptr_t>(data) % item_size(dtype) != 0) {
    throw ValueError("from_dlpack: the elements do not lie at multiples of their ", item_size(dtype), " bytes.");
  }
  const Array whole = Array::wrap(data, shape, dtype, Device{}, [tensor] { Release()(tensor); });
  owned.release();
  return Array(whole.buffer(), 0, shape, strides, dtype);
}

}  // namespace rensa
