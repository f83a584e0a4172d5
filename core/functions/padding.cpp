#include "core/functions/padding.h"

#include "core/autograd/function.h"
#include "core/error.h"
#include "core/functions/indexing.h"
#include "core/functions/positions.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

/// x inside a larger array of one number; cutting it out again is its gradient.
struct PadConstant final : Function {
  std::vector<Padding> widths;
  double constant;
  PadConstant(const std::vector<Padding>& w, double c) : widths(w), constant(c) {}
  const char* name() const override { return "pad"; }

  Array forward(const Array& x) override {
    Shape shape = x.shape();
    for (int axis = 0; axis < x.ndim(); ++axis) shape[axis] += widths[at(axis)].before + widths[at(axis)].after;
    Array y = full(shape, constant, x.dtype(), x.device());
    Array inside = y;
    for (int axis = 0; axis < x.ndim(); ++axis) {
      const std::int64_t start = widths[at(axis)].before;
      inside = inside.slice(axis, {.start = start, .stop = start + x.shape()[axis]});
    }
    inside.copy_from(x);
    return y;
  }
  Variables backward(const Variable& gy) override {
    Variable gx = gy;
    for (int axis = 0; axis < gy.ndim(); ++axis) {
      const Padding& w = widths[at(axis)];
      if (w.before + w.after > 0) gx = slice(gx, axis, {.start = w.before, .stop = gy.shape()[axis] - w.after});
    }
    return {gx};
  }

 private:
  static std::size_t at(int axis) { return static_cast<std::size_t>(axis); }
};

/// Where position `i` of an axis of `n` elements, counted from before its start, reads.
std::int64_t source(PadMode mode, std::int64_t i, std::int64_t n) {
  if (mode == PadMode::kEdge || n == 1) return i < 0 ? 0 : i >= n ? n - 1 : i;
  const std::int64_t period = mode == PadMode::kReflect ? 2 * (n - 1) : 2 * n;
  const std::int64_t inside = (i % period + period) % period;
  return inside < n ? inside : mode == PadMode::kReflect ? period - inside : period - 1 - inside;
}

}  // namespace

Variable pad(const Variable& x, const std::vector<Padding>& widths, PadMode mode, double constant) {
  if (widths.size() != 1 && widths.size() != static_cast<std::size_t>(x.ndim())) {
    throw ValueError("pad: ", widths.size(), " widths for x ", x.shape(), ", expected one, or one an axis.");
  }
  std::vector<Padding> each = widths;
  each.resize(static_cast<std::size_t>(x.ndim()), widths[0]);
  for (int axis = 0; axis < x.ndim(); ++axis) {
    const Padding& w = each[static_cast<std::size_t>(axis)];
    if (w.before < 0 || w.after < 0)
      throw ValueError("pad: widths (", w.before, ", ", w.after, "), expected 0 or more.");
    if (mode != PadMode::kConstant && x.shape()[axis] == 0 && w.before + w.after > 0) {
      throw ValueError("pad: axis ", axis, " of ", x.shape(), " is empty: there is nothing to repeat.");
    }
  }
  if (mode == PadMode::kConstant) return apply(make_function<PadConstant>(each, constant), x);
  Variable y = x;
  for (int axis = 0; axis < x.ndim(); ++axis) {
    const Padding& w = each[static_cast<std::size_t>(axis)];
    if (w.before + w.after == 0) continue;
    const std::int64_t n = x.shape()[axis];
    std::vector<std::int64_t> rows;
    for (std::int64_t i = -w.before; i < n + w.after; ++i) rows.push_back(source(mode, i, n));
    y = take(y, array(rows, {static_cast<std::int64_t>(rows.size())}), axis);
  }
  return y;
}

}  // namespace rensa::functions
