#include "core/array/index.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/indexing.h"

namespace rensa {
namespace {

/// How many axes an item uses up.
int axes_of(const IndexItem& item) {
  if (const Array* array = std::get_if<Array>(&item)) return array->dtype() == Dtype::kBool ? array->ndim() : 1;
  return std::holds_alternative<NewAxis>(item) || std::holds_alternative<Ellipsis>(item) ? 0 : 1;
}

/// The index with the ellipsis (written, or the one at the end) replaced by whole axes.
Index spelled_out(const Shape& shape, const Index& index) {
  int used = 0, dots = 0;
  for (const IndexItem& item : index) {
    used += axes_of(item);
    dots += std::holds_alternative<Ellipsis>(item);
  }
  if (dots > 1) throw IndexError("index: at most one ellipsis, found ", dots, ".");
  if (used > shape.ndim()) {
    throw IndexError("index: ", used, " axes are indexed, but the shape ", shape, " has ", shape.ndim(), ".");
  }
  const auto rest = static_cast<std::size_t>(shape.ndim() - used);
  Index result;
  for (const IndexItem& item : index) {
    if (std::holds_alternative<Ellipsis>(item)) {
      result.insert(result.end(), rest, Slice{});
    } else {
      result.push_back(item);
    }
  }
  if (dots == 0) result.insert(result.end(), rest, Slice{});
  return result;
}

struct Advanced {
  int axis;       ///< of the array that basic indexing left
  Array indices;  ///< int64, not negative
};

Array checked_indices(const Array& indices, std::int64_t size, int axis, const Shape& shape) {
  if (is_floating(indices.dtype())) {
    throw DtypeError("index: an index array is ", indices.dtype(), ", expected int32, int64 or bool.");
  }
  const Array result = indices.to(Device{}).to(Dtype::kInt64).copy();  // looked at on the host
  auto* at = result.data<std::int64_t>();
  for (std::int64_t i = 0, count = result.size(); i < count; ++i) {
    if (at[i] < -size || at[i] >= size) {
      throw IndexError("index: ", at[i], " is outside axis ", axis, " of ", shape, ", expected ", -size, " to ",
                       size - 1, ".");
    }
    if (at[i] < 0) at[i] += size;
  }
  return result;
}

/// Rows of `view` (its `advanced` axes first) at the broadcast indices.
Array take_advanced(const Array& view, std::vector<Advanced>& advanced) {
  Shape broadcast;
  for (const Advanced& a : advanced) broadcast = broadcast_shapes(broadcast, a.indices.shape(), "index");
  // The broadcast axes come where the arrays stand if they stand together, else first.
  bool together = true;
  for (std::size_t i = 1; i < advanced.size(); ++i) together = together && advanced[i].axis == advanced[i - 1].axis + 1;
  const int where = together ? advanced.front().axis : 0;

  Dims order;
  std::int64_t rows = 1;
  Array row = zeros(broadcast, Dtype::kInt64);
  for (const Advanced& a : advanced) {
    const std::int64_t size = view.shape()[a.axis];
    order.push_back(a.axis);
    rows *= size;
    const Array indices = a.indices.broadcast_to(broadcast).contiguous();
    for (std::int64_t i = 0, count = row.size(); i < count; ++i) {
      row.data<std::int64_t>()[i] = row.data<std::int64_t>()[i] * size + indices.data<std::int64_t>()[i];
    }
  }
  Shape kept;
  for (int axis = 0; axis < view.ndim(); ++axis) {
    if (std::any_of(advanced.begin(), advanced.end(), [&](const Advanced& a) { return a.axis == axis; })) continue;
    order.push_back(axis);
    kept.push_back(view.shape()[axis]);
  }
  const std::int64_t inner = total_size(kept);
  const Array source = view.transpose(order).contiguous().reshape({1, rows, inner});
  Shape shape = broadcast;
  for (const std::int64_t size : kept) shape.push_back(size);
  const Array taken = kernels::take_rows(source, row.to(source.device())).reshape(shape);
  Dims back;  // kept axes before `where`, the broadcast ones, the other kept ones
  for (int i = 0; i < where; ++i) back.push_back(broadcast.ndim() + i);
  for (int i = 0; i < broadcast.ndim(); ++i) back.push_back(i);
  for (int i = broadcast.ndim() + where; i < shape.ndim(); ++i) back.push_back(i);
  return taken.transpose(back).contiguous();
}

Array indexed(const Array& x, const Index& index) {
  const Shape shape = x.shape();
  const Index items = spelled_out(shape, index);
  const bool has_array =
      std::any_of(items.begin(), items.end(), [](const auto& i) { return std::holds_alternative<Array>(i); });
  Array view = x;
  std::vector<Advanced> advanced;
  int axis = 0, original = 0;
  for (const IndexItem& item : items) {
    if (const auto* slice = std::get_if<Slice>(&item)) {
      view = view.slice(axis++, *slice);
    } else if (std::holds_alternative<NewAxis>(item)) {
      view = view.expand_dims(axis++);
    } else if (const auto* position = std::get_if<std::int64_t>(&item)) {
      const std::int64_t size = view.shape()[axis];
      if (*position < -size || *position >= size) {
        throw IndexError("index: ", *position, " is outside axis ", original, " of ", shape, ", expected ", -size,
                         " to ", size - 1, ".");
      }
      if (has_array) {  // beside arrays a position is an array of one
        advanced.push_back(
            {axis++, full({}, static_cast<double>(*position < 0 ? *position + size : *position), Dtype::kInt64)});
      } else {
        view = view.select(axis, *position);
      }
    } else if (const auto* array = std::get_if<Array>(&item)) {
      std::vector<Array> parts = {*array};
      if (array->dtype() == Dtype::kBool) {
        if (array->ndim() == 0)
          throw IndexError("index: a bool index must have the axes that it chooses from, found none.");
        for (int i = 0; i < array->ndim(); ++i) {
          if (array->shape()[i] == view.shape()[axis + i]) continue;
          throw IndexError("index: a bool index has shape ", array->shape(), ", the axes from ", original, " of ",
                           shape, " differ from it.");
        }
        parts = nonzero(*array);
      }
      for (const Array& part : parts) {
        advanced.push_back({axis, checked_indices(part, view.shape()[axis], original, shape)});
        ++axis;
      }
    }
    original += axes_of(item);
  }
  return advanced.empty() ? view : take_advanced(view, advanced);
}

}  // namespace

bool is_basic(const Index& index) {
  return std::none_of(index.begin(), index.end(), [](const auto& item) { return std::holds_alternative<Array>(item); });
}

Array indexed_positions(const Shape& shape, const Index& index) {
  return indexed(arange(total_size(shape)).reshape(shape), index).contiguous();
}

Array get(const Array& x, const Index& index) { return indexed(x, index); }

void set(const Array& x, const Index& index, const Array& values) {
  if (is_basic(index)) return indexed(x, index).copy_from(values);
  const Array positions = indexed_positions(x.shape(), index);
  Array elements = values.to(Device{}).to(x.dtype()).broadcast_to(positions.shape()).contiguous();
  if (elements.buffer() == x.buffer()) elements = elements.copy();  // which is about to be written
  const bool in_place = x.is_contiguous() && x.device() == Device{};
  const Array target = in_place ? x : x.to(Device{}).copy();  // element by element on the host
  const auto bytes = item_size(x.dtype());
  auto* to = static_cast<std::byte*>(target.raw_data());
  const auto* from = static_cast<const std::byte*>(elements.raw_data());
  for (std::int64_t i = 0; i < positions.size(); ++i) {
    std::copy_n(from + static_cast<std::size_t>(i) * bytes, bytes,
                to + static_cast<std::size_t>(positions.data<std::int64_t>()[i]) * bytes);
  }
  if (in_place) {
    x.buffer()->note_write();
  } else {
    x.copy_from(target);
  }
}

std::vector<Array> nonzero(const Array& x) {
  const Array flags = x.to(Dtype::kBool).to(Device{}).contiguous();  // looked at on the host
  const bool* flag = flags.data<bool>();
  std::vector<std::vector<std::int64_t>> places(static_cast<std::size_t>(x.ndim()));
  for (std::int64_t i = 0; i < flags.size(); ++i) {
    if (!flag[i]) continue;
    std::int64_t rest = i;
    for (int axis = x.ndim() - 1; axis >= 0; --axis) {
      places[static_cast<std::size_t>(axis)].push_back(rest % x.shape()[axis]);
      rest /= x.shape()[axis];
    }
  }
  std::vector<Array> result;
  for (const auto& axis : places) result.push_back(array(axis, {static_cast<std::int64_t>(axis.size())}));
  return result;
}

}  // namespace rensa
