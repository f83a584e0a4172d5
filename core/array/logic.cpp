#include "core/array/logic.h"

#include <limits>

#include "core/error.h"
#include "core/kernels/indexing.h"

namespace rensa {
namespace {

using kernels::Comparison;

Array compared(const char* name, const Array& a, const Array& b, Comparison comparison) {
  const Shape shape = broadcast_shapes(a.shape(), b.shape(), name);
  const Dtype dtype = promote(a.dtype(), b.dtype());
  return kernels::compare(a.to(dtype).broadcast_to(shape), b.to(dtype).broadcast_to(shape), comparison);
}

Array compared(const char* name, const Array& a, double number, Comparison comparison) {
  return compared(name, a, full({}, number, a.dtype(), a.device()), comparison);
}

/// Not zero.
Array truth(const Array& x) { return x.to(Dtype::kBool); }

Array constant(bool value, const Array& beside) { return full({}, value, Dtype::kBool, beside.device()); }

}  // namespace

Array equal(const Array& a, const Array& b) { return compared("equal", a, b, Comparison::kEqual); }
Array not_equal(const Array& a, const Array& b) { return compared("not_equal", a, b, Comparison::kNotEqual); }
Array less(const Array& a, const Array& b) { return compared("less", a, b, Comparison::kLess); }
Array less_equal(const Array& a, const Array& b) { return compared("less_equal", a, b, Comparison::kLessEqual); }
Array greater(const Array& a, const Array& b) { return compared("greater", a, b, Comparison::kGreater); }
Array greater_equal(const Array& a, const Array& b) {
  return compared("greater_equal", a, b, Comparison::kGreaterEqual);
}
Array equal(const Array& a, double number) { return compared("equal", a, number, Comparison::kEqual); }
Array not_equal(const Array& a, double number) { return compared("not_equal", a, number, Comparison::kNotEqual); }
Array less(const Array& a, double number) { return compared("less", a, number, Comparison::kLess); }
Array less_equal(const Array& a, double number) { return compared("less_equal", a, number, Comparison::kLessEqual); }
Array greater(const Array& a, double number) { return compared("greater", a, number, Comparison::kGreater); }
Array greater_equal(const Array& a, double number) {
  return compared("greater_equal", a, number, Comparison::kGreaterEqual);
}

Array logical_and(const Array& a, const Array& b) { return where(truth(a), truth(b), constant(false, a)); }
Array logical_or(const Array& a, const Array& b) { return where(truth(a), constant(true, a), truth(b)); }
Array logical_xor(const Array& a, const Array& b) { return not_equal(truth(a), truth(b)); }
Array logical_not(const Array& a) { return equal(truth(a), constant(false, a)); }

Array isnan(const Array& x) { return not_equal(x, x); }
Array isinf(const Array& x) {
  if (!is_floating(x.dtype())) return full(x.shape(), 0, Dtype::kBool, x.device());
  const double infinity = std::numeric_limits<double>::infinity();
  return logical_or(equal(x, infinity), equal(x, -infinity));
}
Array isfinite(const Array& x) { return logical_not(logical_or(isnan(x), isinf(x))); }

std::int64_t count_nonzero(const Array& x) {
  const Array flags = truth(x).to(Device{}).contiguous();  // counted on the host
  const bool* flag = flags.data<bool>();
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < flags.size(); ++i) count += flag[i];
  return count;
}
bool any(const Array& x) { return count_nonzero(x) > 0; }
bool all(const Array& x) { return count_nonzero(x) == x.size(); }

Array where(const Array& condition, const Array& a, const Array& b) {
  if (condition.dtype() != Dtype::kBool)
    throw DtypeError("where: the condition is ", condition.dtype(), ", expected bool.");
  const Shape shape = broadcast_shapes(condition.shape(), broadcast_shapes(a.shape(), b.shape(), "where"), "where");
  const Dtype dtype = promote(a.dtype(), b.dtype());
  return kernels::where(condition.broadcast_to(shape), a.to(dtype).broadcast_to(shape),
                        b.to(dtype).broadcast_to(shape));
}

}  // namespace rensa
