#include "core/functions/sparse.h"

#include <vector>

#include "core/array/index.h"
#include "core/array/logic.h"
#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/indexing.h"
#include "core/functions/positions.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

Array checked_places(const Array& places, const Shape& count, std::int64_t size, const char* which) {
  if (places.shape() != count)
    throw ShapeError("sparse_matmul: ", which, " is ", places.shape(), ", data is ", count, "; expected equal shapes.");
  const Array result = places.to(Dtype::kInt64).contiguous();
  if (any(less(result, 0)) || any(greater_equal(result, static_cast<double>(size)))) {
    throw IndexError("sparse_matmul: a ", which, " is outside [0, ", size, ").");
  }
  return result;
}

CooMatrix transposed(const CooMatrix& a) { return {a.data, a.col, a.row, {a.shape[1], a.shape[0]}}; }

}  // namespace

CooMatrix to_coo(const Variable& x) {
  if (x.ndim() != 2) throw ShapeError("to_coo: expected a matrix, found ", x.shape(), ".");
  const std::vector<Array> places = nonzero(x.array());
  return {get_item(x, {places[0], places[1]}), places[0], places[1], x.shape()};
}

Variable sparse_matmul(const CooMatrix& a, const Variable& b, bool transpose_a, bool transpose_b) {
  if (transpose_a) return sparse_matmul(transposed(a), b, false, transpose_b);
  const Variable right = transpose_b ? transpose(b) : b;
  if (a.shape.ndim() != 2 || a.data.ndim() != 1 || right.ndim() != 2 || right.shape()[0] != a.shape[1]) {
    throw ShapeError("sparse_matmul: expected matrices (m, k) and (k, n), found ", a.shape, " and ", right.shape(),
                     ".");
  }
  const Array row = checked_places(a.row, a.data.shape(), a.shape[0], "row"),
              col = checked_places(a.col, a.data.shape(), a.shape[1], "col");
  return add_rows_at(take_rows_at(right, col, 0) * expand_dims(a.data, 1), row, 0, a.shape[0]);
}

Variable sparse_matmul(const Variable& a, const CooMatrix& b, bool transpose_a, bool transpose_b) {
  // (op(a) op(b))ᵀ = op(b)ᵀ op(a)ᵀ.
  return transpose(sparse_matmul(transpose_b ? b : transposed(b), a, false, !transpose_a));
}

}  // namespace rensa::functions
