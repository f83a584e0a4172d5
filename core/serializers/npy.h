#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/array/array.h"

namespace rensa::npy {

// NumPy's .npy format, version 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

/// What a member holds: an array, a text (NumPy's U and S types with shape ()), or neither (Python's None).
struct Value {
  Array array;
  std::string text;
  bool is_text = false;
};

std::vector<std::byte> write(const Array& array);     ///< bfloat16 becomes float32, which NumPy knows
std::vector<std::byte> write(std::string_view text);  ///< UTF-8 to NumPy's U (UTF-32)

std::vector<std::byte> write_none();  ///< Python's None, as np.save has it

/// Types of 16 and 32 bits that Rensa does not have come as the next wider one (i2 as int32, u4 as int64). Nothing is
/// ever unpickled: an object is None. Throws FileError, with `what` in front, for bytes that are not an .npy file or
/// hold a type that Rensa does not have.
Value read(const std::vector<std::byte>& bytes, const std::string& what);

}  // namespace rensa::npy
