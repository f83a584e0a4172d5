#pragma once

#include <cstdint>
#include <optional>

#include "core/array/index.h"
#include "core/autograd/variable.h"

namespace rensa::functions {

// What picks elements. Index arrays are int32 or int64; each function throws IndexError that names the first index out
// of range.

/// x[index] by NumPy's rules (core/array/index.h): get_item(x, {Slice{.start = 1}, NewAxis{}, rows}). Basic indices
/// share x's elements.
Variable get_item(const Variable& x, const Index& index);
/// a with b added at the places that the index takes, b broadcast to them; several b for one place add up.
Variable scatter_add(const Variable& a, const Index& index, const Variable& b);

/// Rows along an axis: x's shape with `axis` replaced by the shape of `indices`, as NumPy's take. A negative index
/// counts from the end.
Variable take(const Variable& x, const Array& indices, int axis = 0);
/// y[i, j] = x[indices[i, j], j] for axis 0 of a matrix, and so on: NumPy's take_along_axis. The other axes are equal.
Variable gather(const Variable& x, const Array& indices, int axis);
/// The adjoint of gather: zeros with `size` along `axis`, with x added at the indices.
Variable scatter(const Variable& x, const Array& indices, int axis, std::int64_t size);
/// y[i] = x[i, t[i]]: x (batch, classes), t (batch).
Variable select_item(const Variable& x, const Array& t);
/// Along `axis` in the order of `indices` (each position once); `inverse` undoes that. Throws ValueError otherwise.
Variable permutate(const Variable& x, const Array& indices, int axis = 0, bool inverse = false);

/// a where the condition (bool) holds, b elsewhere, broadcast. Throws DtypeError if the condition is not bool.
Variable where(const Array& condition, const Variable& a, const Variable& b);

/// 1 at each class number, 0 elsewhere, in a new last axis. Throws IndexError for a class outside [0, classes).
Array one_hot(const Array& t, std::int64_t classes, Dtype dtype = Dtype::kFloat32);

/// Options of embed_id().
struct EmbedIdOptions {
  std::optional<std::int64_t> ignore_label = std::nullopt;  ///< places with this number give rows of 0
};
/// Rows of W (classes, out) at the class numbers x (…): (…, out). Throws ShapeError unless W is a matrix.
Variable embed_id(const Array& x, const Variable& W, const EmbedIdOptions& options = {});

}  // namespace rensa::functions
