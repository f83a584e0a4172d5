#include "comm/mpi/mpi_communicator.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <vector>

#include "comm/mpi/ring_all_reduce.h"
#include "comm/shm/direct_reduction.h"
#include "comm/shm/process_group.h"
#include "comm/shm/shm_communicator.h"
#include "core/error.h"

namespace rensa {
namespace {

using mpi::check;

/// Elements of one MPI call: its counts are ints.
constexpr std::int64_t kPiece = std::int64_t{1} << 30;

/// From this size on bandwidth decides between nodes, and waiting takes long enough to sleep meanwhile.
constexpr std::size_t kLongMessage = 256 * 1024;

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

/// MPI has no such elements: what is reduced is done here, what is moved are bytes.
bool is_half(Dtype dtype) { return dtype == Dtype::kFloat16 || dtype == Dtype::kBFloat16; }

int as_int(std::int64_t count) { return static_cast<int>(count); }

std::byte* bytes_at(const Array& data, std::int64_t element) {
  return static_cast<std::byte*>(data.raw_data()) + static_cast<std::size_t>(element) * item_size(data.dtype());
}

/// Calls piece(first element, count) until all of `count` is covered.
void in_pieces(std::int64_t count, const std::function<void(std::int64_t, int)>& piece) {
  for (std::int64_t first = 0; first < count; first += kPiece) piece(first, as_int(std::min(kPiece, count - first)));
}

/// An element of any dtype as bytes, so that what is only moved needs no MPI type of its own.
class MovedType {
 public:
  explicit MovedType(Dtype dtype) {
    check(MPI_Type_contiguous(static_cast<int>(item_size(dtype)), MPI_BYTE, &type_), "MPI_Type_contiguous");
    check(MPI_Type_commit(&type_), "MPI_Type_commit");
  }
  ~MovedType() { MPI_Type_free(&type_); }
  MovedType(const MovedType&) = delete;
  MovedType& operator=(const MovedType&) = delete;
  operator MPI_Datatype() const { return type_; }  // NOLINT(google-explicit-constructor): it is MPI's own type

 private:
  MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

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

MPI_Comm with_returned_errors(MPI_Comm comm) {
  check(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  return comm;
}

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm comm, double timeout_s)
    : Communicator(place_in(with_returned_errors(comm)), timeout_s), comm_(comm) {}

MpiCommunicator::~MpiCommunicator() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized) MPI_Comm_free(&comm_);
}

void MpiCommunicator::do_all_reduce(const Array& data, Reduce op) {
  if (is_half(data.dtype())) return reduce_in_float(data, op);
  if (inter_size() > 1 && data.bytes() >= kLongMessage) return mpi::ring_all_reduce(data, op, comm_);
  if (op == Reduce::kMean) {
    shm::scale(data, 1.0 / size());
    op = Reduce::kSum;
  }
  in_pieces(data.size(), [&](std::int64_t first, int count) {
    check(MPI_Allreduce(MPI_IN_PLACE, bytes_at(data, first), count, type_of(data.dtype()), op_of(op), comm_),
          "MPI_Allreduce");
  });
}

/// Rank r gets every rank's part r as it is, reduces in float32, rounds once, and the results are gathered: as many
/// bytes travel as in a ring.
void MpiCommunicator::reduce_in_float(const Array& data, Reduce op) {
  const std::int64_t part = (data.size() + size() - 1) / size();
  const Array parts = zeros({size(), part}, data.dtype()), received = empty({size(), part}, data.dtype());
  std::copy_n(bytes_at(data, 0), data.bytes(), bytes_at(parts, 0));
  do_all_to_all(parts, received);
  std::vector<const void*> inputs;
  for (int r = 0; r < size(); ++r) inputs.push_back(bytes_at(received, r * part));
  void* const output = bytes_at(parts, rank() * part);
  shm::reduce_directly(inputs, std::span(&output, 1), 0, part, data.dtype(), op);
  do_all_gather(parts.select(0, rank()), parts);
  std::copy_n(bytes_at(parts, 0), data.bytes(), bytes_at(data, 0));
}

void MpiCommunicator::do_reduce(const Array& data, int root, Reduce op) {
  if (is_half(data.dtype())) return reduce_in_float(data, op);
  if (op == Reduce::kMean) {
    shm::scale(data, 1.0 / size());
    op = Reduce::kSum;
  }
  in_pieces(data.size(), [&](std::int64_t first, int count) {
    void* const at = bytes_at(data, first);
    check(MPI_Reduce(rank() == root ? MPI_IN_PLACE : at, rank() == root ? at : nullptr, count, type_of(data.dtype()),
                     op_of(op), root, comm_),
          "MPI_Reduce");
  });
}

void MpiCommunicator::do_broadcast(const Array& data, int root) {
  const MovedType type(data.dtype());
  in_pieces(data.size(), [&](std::int64_t first, int count) {
    check(MPI_Bcast(bytes_at(data, first), count, type, root, comm_), "MPI_Bcast");
  });
}

// MPI's other collectives take a count for each rank: a piece of every rank's part travels at a time, through
// MPI_Reduce and point-to-point calls where the parts do not lie next to each other.

void MpiCommunicator::do_reduce_scatter(const Array& in, const Array& out, Reduce op) {
  if (is_half(in.dtype()) || op == Reduce::kMean) {
    const Array received = empty({size(), out.size()}, in.dtype());
    do_all_to_all(in, received);
    std::vector<const void*> inputs;
    for (int r = 0; r < size(); ++r) inputs.push_back(bytes_at(received, r * out.size()));
    void* const output = out.raw_data();
    return shm::reduce_directly(inputs, std::span(&output, 1), 0, out.size(), out.dtype(), op);
  }
  const MPI_Datatype type = type_of(in.dtype());
  const bool inside = bytes_at(in, rank() * out.size()) == out.raw_data();
  if (out.size() <= kPiece && !inside) {
    check(MPI_Reduce_scatter_block(in.raw_data(), out.raw_data(), as_int(out.size()), type, op_of(op), comm_),
          "MPI_Reduce_scatter_block");
    return;
  }
  for (int root = 0; root < size(); ++root) {
    in_pieces(out.size(), [&](std::int64_t first, int count) {
      const std::byte* from = bytes_at(in, root * out.size() + first);
      const void* source = inside && rank() == root ? MPI_IN_PLACE : from;
      check(MPI_Reduce(source, rank() == root ? bytes_at(out, first) : nullptr, count, type, op_of(op), root, comm_),
            "MPI_Reduce");
    });
  }
}

void MpiCommunicator::do_all_gather(const Array& in, const Array& out) {
  const bool inside = bytes_at(out, rank() * in.size()) == in.raw_data();
  const MovedType type(in.dtype());
  if (in.size() <= kPiece) {
    check(MPI_Allgather(inside ? MPI_IN_PLACE : in.raw_data(), as_int(in.size()), type, out.raw_data(),
                        as_int(in.size()), type, comm_),
          "MPI_Allgather");
    return;
  }
  if (!inside) std::copy_n(bytes_at(in, 0), in.bytes(), bytes_at(out, rank() * in.size()));
  for (int root = 0; root < size(); ++root) {
    in_pieces(in.size(), [&](std::int64_t first, int count) {
      check(MPI_Bcast(bytes_at(out, root * in.size() + first), count, type, root, comm_), "MPI_Bcast");
    });
  }
}

void MpiCommunicator::do_gather(const Array& in, const Array& out, int root) {
  for (int r = 0; r < size() && rank() == root; ++r) {
    const Array part = Array::wrap(bytes_at(out, r * in.size()), in.shape(), in.dtype());
    r == root ? part.copy_from(in) : do_recv(part, r, 0);
  }
  if (rank() != root) do_send(in, root, 0);
}

void MpiCommunicator::do_scatter(const Array& in, const Array& out, int root) {
  for (int r = 0; r < size() && rank() == root; ++r) {
    const Array part = Array::wrap(bytes_at(in, r * out.size()), out.shape(), out.dtype());
    r == root ? out.copy_from(part) : do_send(part, r, 0);
  }
  if (rank() != root) do_recv(out, root, 0);
}

void MpiCommunicator::do_all_to_all(const Array& in, const Array& out) {
  const MovedType type(in.dtype());
  const std::int64_t part = in.size() / size();
  if (part <= kPiece) {
    check(MPI_Alltoall(in.raw_data(), as_int(part), type, out.raw_data(), as_int(part), type, comm_), "MPI_Alltoall");
    return;
  }
  for (int step = 0; step < size(); ++step) {
    const int to = (rank() + step) % size(), from = (rank() - step + size()) % size();
    in_pieces(part, [&](std::int64_t first, int count) {
      check(MPI_Sendrecv(bytes_at(in, to * part + first), count, type, to, 0, bytes_at(out, from * part + first), count,
                         type, from, 0, comm_, MPI_STATUS_IGNORE),
            "MPI_Sendrecv");
    });
  }
}

void MpiCommunicator::do_send(const Array& data, int destination, int tag) {
  const MovedType type(data.dtype());
  in_pieces(data.size(), [&](std::int64_t first, int count) {
    check(MPI_Send(bytes_at(data, first), count, type, destination, tag, comm_), "MPI_Send");
  });
}

void MpiCommunicator::do_recv(const Array& data, int source, int tag) {
  const MovedType type(data.dtype());
  in_pieces(data.size(), [&](std::int64_t first, int count) {
    MPI_Status status;
    check(MPI_Recv(bytes_at(data, first), count, type, source, tag, comm_, &status), "MPI_Recv");
    int received = 0;
    check(MPI_Get_count(&status, type, &received), "MPI_Get_count");
    if (received != count) {
      throw CommError("recv: rank ", source, " sent ", received, " elements with tag ", tag, ", expected ", count,
                      " for ", data.shape(), " ", data.dtype(), ".");
    }
  });
}

// The length goes ahead; the pieces behind it come from the rank that sent it.

void MpiCommunicator::do_send_bytes(const std::string& bytes, int destination, int tag) {
  const auto length = static_cast<std::int64_t>(bytes.size());
  check(MPI_Send(&length, 1, MPI_INT64_T, destination, tag, comm_), "MPI_Send");
  in_pieces(length, [&](std::int64_t first, int count) {
    check(MPI_Send(bytes.data() + first, count, MPI_BYTE, destination, tag, comm_), "MPI_Send");
  });
}

Message MpiCommunicator::do_recv_bytes(int source, int tag) {
  std::int64_t length = 0;
  MPI_Status status;
  check(MPI_Recv(&length, 1, MPI_INT64_T, source == kAnySource ? MPI_ANY_SOURCE : source,
                 tag == kAnyTag ? MPI_ANY_TAG : tag, comm_, &status),
        "MPI_Recv");
  Message message{
      .bytes = std::string(static_cast<std::size_t>(length), 0), .source = status.MPI_SOURCE, .tag = status.MPI_TAG};
  in_pieces(length, [&](std::int64_t first, int count) {
    check(
        MPI_Recv(message.bytes.data() + first, count, MPI_BYTE, message.source, message.tag, comm_, MPI_STATUS_IGNORE),
        "MPI_Recv");
  });
  return message;
}

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
