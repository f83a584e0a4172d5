#include "core/kernels/arithmetic.h"

namespace rensa::kernels {

using Binary = Kernel<Array(const Array&, const Array&)>;
using WithNumber = Kernel<Array(const Array&, double)>;

constinit Binary add("add");
constinit Binary sub("sub");
constinit Binary mul("mul");
constinit Binary div("div");
constinit Binary pow("pow");
constinit WithNumber add_number("add");
constinit WithNumber mul_number("mul");
constinit WithNumber div_number("div");
constinit WithNumber number_divided_by("div");
constinit WithNumber pow_number("pow");

}  // namespace rensa::kernels
