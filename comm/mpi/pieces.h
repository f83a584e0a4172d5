#pragma once

#include <mpi.h>

#include <cstdint>
#include <functional>

#include "core/array/array.h"

namespace rensa::mpi {

/// Elements of one MPI call: its counts are ints.
inline constexpr std::int64_t kPiece = std::int64_t{1} << 30;

inline int as_int(std::int64_t count) { return static_cast<int>(count); }

/// Where an element of a contiguous array lies.
std::byte* bytes_at(const Array& data, std::int64_t element);

/// Calls piece(first element, count) until all of `count` is covered.
void in_pieces(std::int64_t count, const std::function<void(std::int64_t, int)>& piece);

/// An element of any dtype as bytes, so that what is only moved needs no MPI type of its own.
class MovedType {
 public:
  explicit MovedType(Dtype dtype);
  ~MovedType() { MPI_Type_free(&type_); }
  MovedType(const MovedType&) = delete;
  MovedType& operator=(const MovedType&) = delete;
  operator MPI_Datatype() const { return type_; }  // NOLINT(google-explicit-constructor): it is MPI's own type

 private:
  MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

}  // namespace rensa::mpi
