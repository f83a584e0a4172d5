#pragma once

#include <string_view>

#include "core/autograd/variable.h"

namespace rensa::functions {

/// Einstein's sum: einsum("ij,jk->ik", {a, b}) is the matrix product. Letters name axes; a letter that the result lacks
/// is summed; a letter twice in one operand is its diagonal; "..." are axes that broadcast. Without "->" the result has
/// the letters that occur once, in alphabetical order, after the "..." axes. Operands are taken from left to right, two
/// by two. Throws ValueError that points at the subscript, ShapeError if a letter has two sizes.
Variable einsum(std::string_view subscripts, const Variables& operands);

}  // namespace rensa::functions
