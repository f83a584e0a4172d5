#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace rensa {

/// Base of everything that Rensa throws. A message says what was expected, what was found, and what to do.
///
/// The constructors of the derived types take any printable values and join them:
///   throw ShapeError("linear: x has ", x.shape()[1], " features, W expects ", W.shape()[1], ".");
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {
template <class... Parts>
std::string join(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// The elements of a range in a message: "naive, flat, hierarchical".
template <class Range>
std::string list(const Range& range) {
  std::ostringstream out;
  const char* separator = "";
  for (const auto& each : range) {
    out << separator << each;
    separator = ", ";
  }
  return out.str();
}
}  // namespace detail

/// An error of one kind. `Kind` only tells the types apart, so that each can be caught by itself.
template <class Kind>
class TypedError : public Error {
 public:
  template <class... Parts>
  explicit TypedError(const Parts&... parts) : Error(detail::join(parts...)) {}
};

using ShapeError = TypedError<struct ShapeErrorKind>;    ///< shapes that do not fit each other
using DtypeError = TypedError<struct DtypeErrorKind>;    ///< an element type that an operation cannot take
using DeviceError = TypedError<struct DeviceErrorKind>;  ///< an operation or device that is not there
using ValueError = TypedError<struct ValueErrorKind>;    ///< an argument out of its range
using IndexError = TypedError<struct IndexErrorKind>;    ///< an index outside its axis
using MemoryError = TypedError<struct MemoryErrorKind>;  ///< no memory left, or over the set limit
using GraphError = TypedError<struct GraphErrorKind>;    ///< a graph that cannot be walked as asked
using FileError = TypedError<struct FileErrorKind>;      ///< a file that is missing, damaged or not writable
using ConfigError = TypedError<struct ConfigErrorKind>;  ///< a configuration key or value that is refused
using CommError = TypedError<struct CommErrorKind>;      ///< a rank is lost, or ranks made different calls

}  // namespace rensa
