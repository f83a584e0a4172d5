#include "tests/fuzz/array_model.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace rensa::fuzz {
namespace {

/// The model of `shape` whose element at a place is x's at from(place).
Model seen(const Model& x, const Numbers& shape, const std::function<Numbers(const Numbers&)>& from) {
  Model result{shape, {}, x.item};
  for_each_place(shape, [&](const Numbers& place) { result.elements.push_back(x.at(from(place))); });
  return result;
}

/// The axis counted from the front, or nothing.
std::optional<std::size_t> axis_of(std::int64_t axis, std::size_t count) {
  const auto n = static_cast<std::int64_t>(count);
  if (axis < -n || axis >= n) return {};
  return static_cast<std::size_t>(axis < 0 ? axis + n : axis);
}

/// The index counted from the front of n, or nothing.
std::optional<std::int64_t> position(std::int64_t index, std::int64_t n) {
  if (index < -n || index >= n) return {};
  return index < 0 ? index + n : index;
}

/// The positions of start:stop:step among n, as Python's range(*slice.indices(n)); nothing for a step of 0.
std::optional<Numbers> positions(const Slice& slice, std::int64_t n) {
  __extension__ using Wide = __int128;  // no sum of two int64 overflows
  const Wide step = slice.step;
  if (step == 0) return {};
  const auto end = [&](const std::optional<std::int64_t>& given, Wide otherwise) {
    if (!given) return otherwise;
    const Wide at = *given < 0 ? Wide{*given} + n : Wide{*given};
    if (at < 0) return step > 0 ? Wide{0} : Wide{-1};
    if (at >= n) return step > 0 ? Wide{n} : Wide{n} - 1;
    return at;
  };
  const Wide start = end(slice.start, step > 0 ? Wide{0} : Wide{n} - 1),
             stop = end(slice.stop, step > 0 ? Wide{n} : Wide{-1});
  Numbers result;
  for (Wide i = start; step > 0 ? i < stop : i > stop; i += step) result.push_back(static_cast<std::int64_t>(i));
  return result;
}

std::optional<Numbers> broadcast_shapes(const Numbers& a, const Numbers& b) {
  Numbers both(std::max(a.size(), b.size()), 1);
  for (std::size_t back = 1; back <= both.size(); ++back) {
    const std::int64_t m = back <= a.size() ? a[a.size() - back] : 1, n = back <= b.size() ? b[b.size() - back] : 1;
    if (m != n && m != 1 && n != 1) return {};
    both[both.size() - back] = m == 1 ? n : m;
  }
  return both;
}

/// The place in an array of `shape` that `place` of a shape it broadcasts to shows.
Numbers broadcast_from(const Numbers& shape, const Numbers& place) {
  const std::size_t added = place.size() - shape.size();
  Numbers from(shape.size());
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = shape[i] == 1 ? 0 : place[added + i];
  return from;
}

/// What one item of an index, or one axis of an ellipsis or of a bool array, says.
struct Entry {
  enum Kind { kKept, kNew, kFixed, kArray } kind;
  std::size_t axis = 0;    ///< of x; not of kNew
  Numbers positions = {};  ///< of kKept: all; of kFixed: one
  Model array = {};        ///< of kArray
};

/// For each axis one array of the positions where `values` is true, as numpy.nonzero.
std::vector<Model> places_of_truth(const Model& values) {
  std::vector<Model> parts(values.shape.size());
  for_each_place(values.shape, [&](const Numbers& place) {
    if (values.at(place) == 0) return;
    for (std::size_t i = 0; i < place.size(); ++i) parts[i].elements.push_back(static_cast<double>(place[i]));
  });
  for (Model& part : parts) part.shape = {static_cast<std::int64_t>(part.elements.size())};
  return parts;
}

/// The entries of an index, or nothing if one of its items is refused.
std::optional<std::vector<Entry>> entries_of(const Model& x, const std::vector<ItemModel>& index) {
  std::size_t used = 0, dots = 0;
  bool has_array = false;
  for (const ItemModel& item : index) {
    const auto* array = std::get_if<IndexModel>(&item);
    has_array = has_array || array;
    if (std::holds_alternative<Ellipsis>(item)) {
      ++dots;
    } else if (!std::holds_alternative<NewAxis>(item)) {
      used += array && array->is_bool ? array->values.shape.size() : 1;
    }
  }
  if (dots > 1 || used > x.shape.size()) return {};
  std::vector<ItemModel> items = index;
  if (dots == 0) items.push_back(Ellipsis{});

  std::vector<Entry> entries;
  std::size_t axis = 0;
  for (const ItemModel& item : items) {
    if (const auto* slice = std::get_if<Slice>(&item)) {
      const auto kept = positions(*slice, x.shape[axis]);
      if (!kept) return {};
      entries.push_back({Entry::kKept, axis++, *kept});
    } else if (std::holds_alternative<NewAxis>(item)) {
      entries.push_back({Entry::kNew});
    } else if (std::holds_alternative<Ellipsis>(item)) {
      for (std::size_t rest = x.shape.size() - used; rest > 0; --rest, ++axis)
        entries.push_back({Entry::kKept, axis, *positions({}, x.shape[axis])});
    } else if (const auto* index_number = std::get_if<std::int64_t>(&item)) {
      const auto at = position(*index_number, x.shape[axis]);
      if (!at) return {};
      if (has_array) {  // beside arrays a position is an array of one
        entries.push_back({Entry::kArray, axis++, {}, {{}, {static_cast<double>(*at)}}});
      } else {
        entries.push_back({Entry::kFixed, axis++, {*at}});
      }
    } else {
      const auto& [is_bool, values] = std::get<IndexModel>(item);
      if (is_bool) {
        if (values.shape.empty()) return {};
        for (std::size_t i = 0; i < values.shape.size(); ++i) {
          if (values.shape[i] != x.shape[axis + i]) return {};
        }
        for (Model& part : places_of_truth(values)) entries.push_back({Entry::kArray, axis++, {}, std::move(part)});
      } else {
        Model from_the_front = values;
        for (double& element : from_the_front.elements) {
          const auto at = position(static_cast<std::int64_t>(element), x.shape[axis]);
          if (!at) return {};
          element = static_cast<double>(*at);
        }
        entries.push_back({Entry::kArray, axis++, {}, std::move(from_the_front)});
      }
    }
  }
  return entries;
}

}  // namespace

std::size_t Model::number(const Numbers& place) const {
  std::int64_t result = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) result = result * shape[axis] + place[axis];
  return static_cast<std::size_t>(result);
}

std::optional<std::int64_t> count(const Numbers& shape, std::int64_t item) {
  std::int64_t bytes = item;
  for (const std::int64_t n : shape) {
    if (n < 0 || (n > 0 && n > std::numeric_limits<std::int64_t>::max() / bytes)) return {};
    if (n > 0) bytes *= n;
  }
  return std::find(shape.begin(), shape.end(), 0) != shape.end() ? 0 : bytes / item;
}

void for_each_place(const Numbers& shape, const std::function<void(const Numbers&)>& act) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return;
  Numbers place(shape.size());
  while (true) {
    act(place);
    std::size_t axis = shape.size();
    while (axis > 0 && ++place[axis - 1] == shape[axis - 1]) place[--axis] = 0;
    if (axis == 0) return;
  }
}

std::optional<Model> transposed(const Model& x, const Numbers& axes) {
  std::vector<std::size_t> order;
  Numbers shape;
  for (const std::int64_t given : axes) {
    const auto axis = axis_of(given, x.shape.size());
    if (!axis || std::count(order.begin(), order.end(), *axis) > 0) return {};
    order.push_back(*axis);
    shape.push_back(x.shape[*axis]);
  }
  if (order.size() != x.shape.size()) return {};
  return seen(x, shape, [&](const Numbers& place) {
    Numbers from(place.size());
    for (std::size_t i = 0; i < place.size(); ++i) from[order[i]] = place[i];
    return from;
  });
}

std::optional<Model> sliced(const Model& x, std::int64_t given, const Slice& slice) {
  const auto axis = axis_of(given, x.shape.size());
  if (!axis) return {};
  const auto kept = positions(slice, x.shape[*axis]);
  if (!kept) return {};
  Numbers shape = x.shape;
  shape[*axis] = static_cast<std::int64_t>(kept->size());
  return seen(x, shape, [&](Numbers place) {
    place[*axis] = (*kept)[static_cast<std::size_t>(place[*axis])];
    return place;
  });
}

std::optional<Model> selected(const Model& x, std::int64_t given, std::int64_t index) {
  const auto axis = axis_of(given, x.shape.size());
  const auto at = axis ? position(index, x.shape[*axis]) : std::nullopt;
  if (!at) return {};
  Numbers shape = x.shape;
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(*axis));
  return seen(x, shape, [&](Numbers place) {
    place.insert(place.begin() + static_cast<std::ptrdiff_t>(*axis), *at);
    return place;
  });
}

std::optional<Model> expanded(const Model& x, std::int64_t given) {
  const auto axis = axis_of(given, x.shape.size() + 1);
  if (!axis || x.shape.size() == static_cast<std::size_t>(kMaxDims)) return {};
  Model result = x;
  result.shape.insert(result.shape.begin() + static_cast<std::ptrdiff_t>(*axis), 1);
  return result;
}

std::optional<Model> squeezed(const Model& x, std::int64_t given) {
  const auto axis = axis_of(given, x.shape.size());
  if (!axis || x.shape[*axis] != 1) return {};
  Model result = x;
  result.shape.erase(result.shape.begin() + static_cast<std::ptrdiff_t>(*axis));
  return result;
}

std::optional<Model> reshaped(const Model& x, Numbers shape) {
  const auto size = static_cast<std::int64_t>(x.elements.size());
  const auto unknown = std::find(shape.begin(), shape.end(), -1);
  if (unknown != shape.end()) {
    *unknown = 1;
    const auto known = count(shape, x.item);
    if (!known || *known == 0 || size % *known != 0) return {};
    *unknown = size / *known;
  }
  if (count(shape, x.item) != size) return {};
  return Model{shape, x.elements, x.item};
}

std::optional<Model> broadcast(const Model& x, const Numbers& shape, std::int64_t most) {
  const auto size = count(shape, x.item);
  if (!size || broadcast_shapes(x.shape, shape) != shape) return {};
  if (*size > most) return Model{shape, {}, x.item};
  return seen(x, shape, [&](const Numbers& place) { return broadcast_from(x.shape, place); });
}

std::optional<Places> indexed(const Model& x, const std::vector<ItemModel>& index) {
  const auto entries = entries_of(x, index);
  if (!entries) return {};
  std::size_t axes = x.shape.size();
  for (const Entry& entry : *entries) {  // no array has more axes than that, also on the way
    if (entry.kind == Entry::kFixed) --axes;
    if (entry.kind == Entry::kNew && ++axes > static_cast<std::size_t>(kMaxDims)) return {};
  }
  Numbers joined;  // the shape that the index arrays broadcast to
  std::size_t arrays = 0, first = 0, last = 0;
  for (std::size_t i = 0; i < entries->size(); ++i) {
    if ((*entries)[i].kind != Entry::kArray) continue;
    const auto both = broadcast_shapes(joined, (*entries)[i].array.shape);
    if (!both) return {};
    joined = *both;
    if (arrays++ == 0) first = i;
    last = i;
  }
  // The joined axes come where the arrays stand if they stand together, else first.
  const std::size_t where = arrays > 0 && last - first + 1 == arrays ? first : 0;
  Places result;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= entries->size(); ++i) {
    if (i == where) {
      start = result.shape.size();
      result.shape.insert(result.shape.end(), joined.begin(), joined.end());
    }
    if (i == entries->size()) break;
    const Entry& entry = (*entries)[i];
    if (entry.kind == Entry::kNew) result.shape.push_back(1);
    if (entry.kind == Entry::kKept) result.shape.push_back(static_cast<std::int64_t>(entry.positions.size()));
  }
  if (result.shape.size() > static_cast<std::size_t>(kMaxDims)) return {};
  for_each_place(result.shape, [&](const Numbers& place) {
    const auto inside = place.begin() + static_cast<std::ptrdiff_t>(start);
    const Numbers of_arrays(inside, inside + static_cast<std::ptrdiff_t>(joined.size()));
    Numbers from(x.shape.size());
    std::size_t at = 0;
    for (std::size_t i = 0; i < entries->size(); ++i) {
      if (i == where) at += joined.size();
      const Entry& entry = (*entries)[i];
      if (entry.kind == Entry::kArray) {
        from[entry.axis] = static_cast<std::int64_t>(entry.array.at(broadcast_from(entry.array.shape, of_arrays)));
      } else if (entry.kind == Entry::kFixed) {
        from[entry.axis] = entry.positions.front();
      } else {
        if (entry.kind == Entry::kKept) from[entry.axis] = entry.positions[static_cast<std::size_t>(place[at])];
        ++at;
      }
    }
    result.places.push_back(std::move(from));
  });
  return result;
}

}  // namespace rensa::fuzz
