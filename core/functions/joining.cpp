#include "core/functions/joining.h"

#include <algorithm>

#include "core/error.h"
#include "core/functions/padding.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

void check_not_empty(const char* name, const Variables& xs) {
  if (xs.empty()) throw ValueError(name, ": expected at least one array, found none.");
}

Variables each_reshaped(const Variables& xs, Shape (*shape)(const Shape&)) {
  Variables result;
  for (const Variable& x : xs) result.push_back(reshape(x, shape(x.shape())));
  return result;
}

}  // namespace

Variable stack(const Variables& xs, int axis) {
  check_not_empty("stack", xs);
  Variables expanded;
  for (const Variable& x : xs) {
    if (x.shape() != xs[0].shape()) {
      throw ShapeError("stack: expected equal shapes, found ", xs[0].shape(), " and ", x.shape(), ".");
    }
    expanded.push_back(expand_dims(x, axis));
  }
  return concat(expanded, axis);
}

Variables separate(const Variable& x, int axis) {
  const int at = normalize_axis(axis, x.ndim(), "separate");
  Variables parts;
  for (std::int64_t i = 0; i < x.shape()[at]; ++i) parts.push_back(select(x, at, i));
  return parts;
}

Variable hstack(const Variables& xs) {
  check_not_empty("hstack", xs);
  return concat(each_reshaped(xs, [](const Shape& s) { return s.ndim() == 0 ? Shape{1} : s; }),
                xs[0].ndim() < 2 ? 0 : 1);
}

Variable vstack(const Variables& xs) {
  check_not_empty("vstack", xs);
  return concat(each_reshaped(xs, [](const Shape& s) { return s.ndim() < 2 ? Shape{1, total_size(s)} : s; }), 0);
}

Variable dstack(const Variables& xs) {
  check_not_empty("dstack", xs);
  const auto at_least_3 = [](const Shape& s) {
    return s.ndim() < 2 ? Shape{1, total_size(s), 1} : s.ndim() == 2 ? Shape{s[0], s[1], 1} : s;
  };
  return concat(each_reshaped(xs, at_least_3), 2);
}

Variables split_axis(const Variable& x, const std::vector<std::int64_t>& positions, int axis) {
  const int at = normalize_axis(axis, x.ndim(), "split_axis");
  Variables parts;
  std::int64_t start = 0;
  for (std::size_t i = 0; i <= positions.size(); ++i) {
    const std::int64_t stop = i < positions.size() ? positions[i] : x.shape()[at];
    if (stop < start || stop > x.shape()[at]) {
      throw ValueError("split_axis: position ", stop, " after ", start, " does not cut axis ", at, " of ", x.shape(),
                       "; expected rising positions inside it.");
    }
    parts.push_back(slice(x, at, {.start = start, .stop = stop}));
    start = stop;
  }
  return parts;
}

Variables broadcast(const Variables& xs) {
  check_not_empty("broadcast", xs);
  Shape shape;
  for (const Variable& x : xs) shape = broadcast_shapes(shape, x.shape(), "broadcast");
  Variables result;
  for (const Variable& x : xs) result.push_back(broadcast_to(x, shape));
  return result;
}

Variable pad_sequence(const Variables& xs, std::optional<std::int64_t> length, double padding) {
  check_not_empty("pad_sequence", xs);
  std::int64_t longest = 0;
  for (const Variable& x : xs) {
    if (x.ndim() == 0) throw ShapeError("pad_sequence: expected arrays (length, …), found a scalar.");
    longest = std::max(longest, x.shape()[0]);
  }
  if (length && *length < longest) {
    throw ValueError("pad_sequence: length is ", *length, ", but one of the arrays has ", longest, " steps.");
  }
  Variables padded;
  for (const Variable& x : xs) {
    std::vector<Padding> widths(static_cast<std::size_t>(x.ndim()));
    widths[0].after = length.value_or(longest) - x.shape()[0];
    padded.push_back(pad(x, widths, PadMode::kConstant, padding));
  }
  return stack(padded, 0);
}

Variables transpose_sequence(const Variables& xs) {
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (xs[i].ndim() == 0) throw ShapeError("transpose_sequence: expected arrays (length, …), found a scalar.");
    if (i == 0 || xs[i].shape()[0] <= xs[i - 1].shape()[0]) continue;
    throw ValueError("transpose_sequence: sequence ", i, " has ", xs[i].shape()[0], " steps, the one before it ",
                     xs[i - 1].shape()[0], ". Sort them by falling length.");
  }
  Variables steps;
  for (std::int64_t t = 0, longest = xs.empty() ? 0 : xs[0].shape()[0]; t < longest; ++t) {
    Variables step;
    for (const Variable& x : xs) {
      if (x.shape()[0] > t) step.push_back(select(x, 0, t));
    }
    steps.push_back(stack(step, 0));
  }
  return steps;
}

}  // namespace rensa::functions
