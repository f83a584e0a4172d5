#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "core/error.h"

namespace rensa {

/// Whether an MPI library may use the type for its handles: pointers to a struct, which need not be known here (Open
/// MPI), or ints (MPICH).
template <class T>
concept CanBeMpiHandle = std::same_as<T, int> || (std::is_pointer_v<T> && std::is_class_v<std::remove_pointer_t<T>>);

/// A copy of an MPI_Comm, from the MPI_Comm itself or from its address. A type of its own, because this header must be
/// read without MPI's. What is neither does not compile.
class MpiHandle {
 public:
  // NOLINTBEGIN(google-explicit-constructor): {.mpi_comm = mine}
  MpiHandle(std::nullptr_t = nullptr) {}  ///< none
  /// The handle itself.
  template <CanBeMpiHandle Handle>
  MpiHandle(Handle handle) : size_(sizeof handle) {
    static_assert(sizeof handle <= sizeof(void*));
    std::memcpy(bytes_.data(), &handle, sizeof handle);
  }
  /// What lies at the address, which is not kept; null: none.
  template <CanBeMpiHandle Handle>
  MpiHandle(const Handle* address) : MpiHandle(address ? MpiHandle(*address) : MpiHandle()) {}
  // NOLINTEND(google-explicit-constructor)

  explicit operator bool() const { return size_ > 0; }  ///< whether there is one

  /// The handle. Throws ValueError if it is not of that type's size: of another MPI library.
  template <CanBeMpiHandle Handle>
  Handle as() const {
    if (size_ != sizeof(Handle)) {
      throw ValueError("mpi_comm: ", size_, " bytes, expected an MPI_Comm (", sizeof(Handle),
                       " bytes) or its address.");
    }
    Handle handle;
    std::memcpy(&handle, bytes_.data(), sizeof handle);
    return handle;
  }

 private:
  std::array<std::byte, sizeof(void*)> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace rensa
