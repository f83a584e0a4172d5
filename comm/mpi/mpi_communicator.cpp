#include "comm/mpi/mpi_communicator.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "comm/mpi/mpi_start.h"
#include "comm/mpi/pieces.h"
#include "comm/mpi/ring_all_reduce.h"
#include "comm/shm/direct_reduction.h"
#include "comm/shm/process_group.h"
#include "comm/shm/shm_communicator.h"
#include "comm/watchdog/watchdog.h"
#include "core/error.h"

namespace rensa {
namespace {

using namespace mpi;

/// From this size on bandwidth decides between nodes, and waiting takes long enough to sleep meanwhile.
constexpr std::size_t kLongMessage = 1024 * 1024;  ///< from here on the own ring is as fast as MPI's on any network

MPI_Datatype type_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat32:
      return MPI_FLOAT;
    case Dtype::kFloat64:
      return MPI_DOUBLE;
    case Dtype::kInt64:
      return MPI_INT64_T;
    case Dtype::kInt32:
      return MPI_INT32_T;
    case Dtype::kInt8:
      return MPI_INT8_T;
    case Dtype::kUInt8:
      return MPI_UINT8_T;
    default:
      throw DtypeError(dtype, " cannot be reduced by MPI.");
  }
}

MPI_Op op_of(Reduce op) {
  switch (op) {
    case Reduce::kSum:
      return MPI_SUM;
    case Reduce::kMean:
      break;  // a sum, of what was divided before
    case Reduce::kMax:
      return MPI_MAX;
    case Reduce::kMin:
      return MPI_MIN;
    case Reduce::kProduct:
      return MPI_PROD;
  }
  return MPI_OP_NULL;
}

/// Whether the ranks reduce, and MPI only moves: it has no 16-bit floating types, and its maximum and minimum may lose
/// NaN.
bool is_reduced_here(Dtype dtype, Reduce op) {
  return is_half(dtype) || (is_floating(dtype) && (op == Reduce::kMax || op == Reduce::kMin));
}

/// MPI_Reduce to the root's `to`, which may be what it gives. MPICH 4.0 crashes on MPI_IN_PLACE at a root other than 0:
/// such a root gives a copy.
void reduce_to_root(const std::byte* from, std::byte* to, int count, Dtype dtype, Reduce op, int root,
                    const Communicator& at, MPI_Comm comm) {
  const bool is_root = at.rank() == root, in_place = is_root && from == to;
  std::vector<std::byte> copy;
  if (in_place && root != 0) copy.assign(from, from + static_cast<std::size_t>(count) * item_size(dtype));
  const void* const given = !in_place ? from : root == 0 ? MPI_IN_PLACE : copy.data();
  check(MPI_Reduce(given, is_root ? to : nullptr, count, type_of(dtype), op_of(op), root, comm), "MPI_Reduce");
}

RankPlace place_in(MPI_Comm comm) {
  RankPlace place;
  check(MPI_Comm_rank(comm, &place.rank), "MPI_Comm_rank");
  check(MPI_Comm_size(comm, &place.size), "MPI_Comm_size");
  MPI_Comm node = MPI_COMM_NULL, firsts = MPI_COMM_NULL;
  check(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, place.rank, MPI_INFO_NULL, &node), "MPI_Comm_split_type");
  check(MPI_Comm_rank(node, &place.intra_rank), "MPI_Comm_rank");
  check(MPI_Comm_size(node, &place.intra_size), "MPI_Comm_size");
  check(MPI_Comm_split(comm, place.intra_rank == 0 ? 0 : MPI_UNDEFINED, place.rank, &firsts), "MPI_Comm_split");
  int inter[2] = {0, 1};
  if (firsts != MPI_COMM_NULL) {
    check(MPI_Comm_rank(firsts, &inter[0]), "MPI_Comm_rank");
    check(MPI_Comm_size(firsts, &inter[1]), "MPI_Comm_size");
    check(MPI_Comm_free(&firsts), "MPI_Comm_free");
  }
  check(MPI_Bcast(inter, 2, MPI_INT, 0, node), "MPI_Bcast");
  check(MPI_Comm_free(&node), "MPI_Comm_free");
  place.inter_rank = inter[0];
  place.inter_size = inter[1];
  int sizes[2] = {place.intra_size, -place.intra_size};
  check(MPI_Allreduce(MPI_IN_PLACE, sizes, 2, MPI_INT, MPI_MAX, comm), "MPI_Allreduce");
  place.nodes_are_equal = sizes[0] == -sizes[1];
  return place;
}

/// Part number `number` of `whole`, whose parts are like `part`.
Array part_of(const Array& whole, int number, const Array& part) {
  return Array::wrap(bytes_at(whole, number * part.size()), part.shape(), part.dtype(), part.device());
}

MPI_Comm with_returned_errors(MPI_Comm comm) {
  check(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  return comm;
}

MPI_Comm duplicate_of(MPI_Comm comm) {
  MPI_Comm duplicate = MPI_COMM_NULL;
  check(MPI_Comm_dup(comm, &duplicate), "MPI_Comm_dup");
  return with_returned_errors(duplicate);
}

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm comm, double timeout_s)
    : Communicator(place_in(with_returned_errors(comm)), timeout_s),
      comm_(comm),
      library_comm_(duplicate_of(comm)),
      messages_(std::make_unique<mpi::Messages>(comm_, library_comm_, rank_description(*this),
                                                timeout_s + kWatchdogFirst_s, call_log())) {}

MpiCommunicator::~MpiCommunicator() {
  messages_.reset();
  if (!mpi::is_running()) return;
  MPI_Comm_free(&library_comm_);
  MPI_Comm_free(&comm_);
}

void MpiCommunicator::do_all_reduce(const Array& data, Reduce op) {
  const bool rings = inter_size() > 1 && data.bytes() >= kLongMessage && !is_half(data.dtype());
  if (rings) return mpi::ring_all_reduce(data, op, library_comm_);
  if (is_reduced_here(data.dtype(), op)) return all_reduce_here(data, op);
  if (op == Reduce::kMean) {
    shm::scale(data, 1.0 / size());
    op = Reduce::kSum;
  }
  in_pieces(data.size(), [&](std::int64_t first, int count) {
    check(MPI_Allreduce(MPI_IN_PLACE, bytes_at(data, first), count, type_of(data.dtype()), op_of(op), comm_),
          "MPI_Allreduce");
  });
}

void MpiCommunicator::do_reduce(const Array& data, int root, Reduce op) {
  if (is_reduced_here(data.dtype(), op)) return all_reduce_here(data, op);
  if (op == Reduce::kMean) {
    shm::scale(data, 1.0 / size());
    op = Reduce::kSum;
  }
  in_pieces(data.size(), [&](std::int64_t first, int count) {
    std::byte* const at = bytes_at(data, first);
    reduce_to_root(at, at, count, data.dtype(), op, root, *this, comm_);
  });
}

void MpiCommunicator::do_broadcast(const Array& data, int root) {
  const MovedType type(data.dtype());
  in_pieces(data.size(), [&](std::int64_t first, int count) {
    check(MPI_Bcast(bytes_at(data, first), count, type, root, comm_), "MPI_Bcast");
  });
}

// MPI's other collectives take a count for each rank, and some libraries count the whole in an int too: beyond kPiece
// elements in all, a piece of every rank's part travels at a time, through calls that know one part only.

void MpiCommunicator::do_reduce_scatter(const Array& in, const Array& out, Reduce op) {
  if (is_reduced_here(in.dtype(), op) || op == Reduce::kMean) return reduce_scatter_here(in, out, op);
  const bool inside = bytes_at(in, rank() * out.size()) == out.raw_data();
  if (in.size() <= kPiece && !inside) {
    check(MPI_Reduce_scatter_block(in.raw_data(), out.raw_data(), as_int(out.size()), type_of(in.dtype()), op_of(op),
                                   comm_),
          "MPI_Reduce_scatter_block");
    return;
  }
  for (int root = 0; root < size(); ++root) {
    in_pieces(out.size(), [&](std::int64_t first, int count) {
      reduce_to_root(bytes_at(in, root * out.size() + first), bytes_at(out, first), count, in.dtype(), op, root, *this,
                     comm_);
    });
  }
}

void MpiCommunicator::do_all_gather(const Array& in, const Array& out) {
  const bool inside = bytes_at(out, rank() * in.size()) == in.raw_data();
  const MovedType type(in.dtype());
  if (out.size() <= kPiece) {
    check(MPI_Allgather(inside ? MPI_IN_PLACE : in.raw_data(), as_int(in.size()), type, out.raw_data(),
                        as_int(in.size()), type, comm_),
          "MPI_Allgather");
    return;
  }
  if (!inside) part_of(out, rank(), in).copy_from(in);
  for (int root = 0; root < size(); ++root) {
    in_pieces(in.size(), [&](std::int64_t first, int count) {
      check(MPI_Bcast(bytes_at(out, root * in.size() + first), count, type, root, comm_), "MPI_Bcast");
    });
  }
}

void MpiCommunicator::do_gather(const Array& in, const Array& out, int root) {
  for (int r = 0; r < size() && rank() == root; ++r) {
    const Array part = part_of(out, r, in);
    r == root ? part.copy_from(in) : recv_elements(part, r, kParts, library_comm_);
  }
  if (rank() != root) send_elements(in, root, kParts, library_comm_);
}

void MpiCommunicator::do_scatter(const Array& in, const Array& out, int root) {
  for (int r = 0; r < size() && rank() == root; ++r) {
    const Array part = part_of(in, r, out);
    r == root ? out.copy_from(part) : send_elements(part, r, kParts, library_comm_);
  }
  if (rank() != root) recv_elements(out, root, kParts, library_comm_);
}

void MpiCommunicator::do_all_to_all(const Array& in, const Array& out) {
  const MovedType type(in.dtype());
  const std::int64_t part = in.size() / size();
  if (in.size() <= kPiece) {
    check(MPI_Alltoall(in.raw_data(), as_int(part), type, out.raw_data(), as_int(part), type, comm_), "MPI_Alltoall");
    return;
  }
  for (int step = 0; step < size(); ++step) {
    const int to = (rank() + step) % size(), from = (rank() - step + size()) % size();
    in_pieces(part, [&](std::int64_t first, int count) {
      check(MPI_Sendrecv(bytes_at(in, to * part + first), count, type, to, kParts, bytes_at(out, from * part + first),
                         count, type, from, kParts, library_comm_, MPI_STATUS_IGNORE),
            "MPI_Sendrecv");
    });
  }
}

bool MpiCommunicator::takes_gpu_memory() const { return mpi::is_cuda_aware(); }

void MpiCommunicator::do_barrier() { check(MPI_Barrier(comm_), "MPI_Barrier"); }

std::unique_ptr<Communicator> MpiCommunicator::do_split(int color, int key) {
  MPI_Comm part = MPI_COMM_NULL;
  check(MPI_Comm_split(comm_, color < 0 ? MPI_UNDEFINED : color, key, &part), "MPI_Comm_split");
  if (part == MPI_COMM_NULL) return nullptr;
  return std::make_unique<MpiCommunicator>(part, timeout_s());
}

std::unique_ptr<Communicator> MpiCommunicator::do_split_by_node() {
  std::unique_ptr<Communicator> node = do_split(inter_rank(), rank());
  if (node->size() == 1) return node;
  auto group = shm::ProcessGroup::create(node);
  if (!group) return node;  // processes that may not share memory (containers of their own) talk through MPI
  return std::make_unique<ShmCommunicator>(std::move(group));
}

void MpiCommunicator::do_abort(int status) {
  MPI_Abort(comm_, status);
  std::_Exit(status);
}

}  // namespace rensa
