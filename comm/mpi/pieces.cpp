#include "comm/mpi/pieces.h"

#include <algorithm>

#include "comm/mpi/mpi_communicator.h"

namespace rensa::mpi {

std::byte* bytes_at(const Array& data, std::int64_t element) {
  return static_cast<std::byte*>(data.raw_data()) + static_cast<std::size_t>(element) * item_size(data.dtype());
}

void in_pieces(std::int64_t count, const std::function<void(std::int64_t, int)>& piece) {
  for (std::int64_t first = 0; first < count; first += kPiece) piece(first, as_int(std::min(kPiece, count - first)));
}

MovedType::MovedType(Dtype dtype) {
  check(MPI_Type_contiguous(static_cast<int>(item_size(dtype)), MPI_BYTE, &type_), "MPI_Type_contiguous");
  check(MPI_Type_commit(&type_), "MPI_Type_commit");
}

}  // namespace rensa::mpi
