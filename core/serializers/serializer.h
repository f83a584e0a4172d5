#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/array/array.h"

namespace rensa {

/// Saves or loads an object's values by name; the same function does both, as in Chainer:
///
///   void SerialIterator::serialize(Serializer& s) {
///     s("current_position", current_position_);
///     s("epoch", epoch_);
///   }
///
/// A value's key is the path of children that leads to it, and its name: s.child("updater")("iteration", n) has the key
/// "updater/iteration". Loading throws FileError that names the key when it is missing or of another kind or shape.
class Serializer {
 public:
  virtual ~Serializer() = default;
  virtual bool is_loading() const = 0;  ///< whether values are read from the file

  /// Saves or loads one value.
  /// @{
  virtual void operator()(std::string_view name, std::int64_t& value) = 0;
  virtual void operator()(std::string_view name, double& value) = 0;
  virtual void operator()(std::string_view name, bool& value) = 0;
  virtual void operator()(std::string_view name, std::string& value) = 0;
  /// @}
  /// Loading writes into the elements where the array exists (converting the dtype), and makes the array where it does
  /// not. No array is saved as None, Chainer's word for a parameter without a shape, and comes back as no array.
  virtual void operator()(std::string_view name, Array& value) = 0;
  /// True if the file has a value of that name here (always true when saving): for values that newer versions added.
  virtual bool has(std::string_view name) const = 0;

  /// The same serializer with "name/" appended to its path. Valid as long as this one is.
  virtual Serializer& child(std::string_view name) = 0;
};

}  // namespace rensa
