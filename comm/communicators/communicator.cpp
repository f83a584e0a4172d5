#include "comm/communicators/communicator.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace rensa {
namespace {

Array bytes_array(std::int64_t count) { return empty({count}, Dtype::kUInt8); }

Array as_array(const std::string& bytes) {
  Array data = bytes_array(static_cast<std::int64_t>(bytes.size()));
  std::memcpy(data.raw_data(), bytes.data(), bytes.size());
  return data;
}

}  // namespace

void Communicator::check_array(const char* call, const Array& data) const {
  if (!data) throw ValueError(call, ": no array was given.");
  if (!data.is_contiguous()) {
    throw ShapeError(call, ": the array ", data.shape(), " has gaps or another order in memory (strides ",
                     data.strides(), "). Give a contiguous one: x.contiguous().");
  }
}

void Communicator::check_parts(const char* call, const Array& whole, const Array& part) const {
  check_array(call, whole);
  check_array(call, part);
  if (whole.dtype() != part.dtype()) {
    throw DtypeError(call, ": the arrays are ", whole.dtype(), " and ", part.dtype(), ", expected one dtype.");
  }
  if (whole.size() != part.size() * size()) {
    throw ShapeError(call, ": the larger array should hold ", size(), " parts of ", part.size(), " elements, found ",
                     whole.size(), ".");
  }
}

void Communicator::check_rank(const char* call, int rank) const {
  if (rank < 0 || rank >= size()) throw ValueError(call, ": rank ", rank, " does not exist, expected 0 to ", size() - 1, ".");
}

void Communicator::all_reduce(const Array& data, Reduce op) {
  check_array("all_reduce", data);
  if (size() > 1 && data.size() > 0) do_all_reduce(data, op);
}

void Communicator::broadcast(const Array& data, int root) {
  check_array("broadcast", data);
  check_rank("broadcast", root);
  if (size() > 1 && data.size() > 0) do_broadcast(data, root);
}

void Communicator::reduce_scatter(const Array& in, const Array& out, Reduce op) {
  check_parts("reduce_scatter", in, out);
  if (out.size() == 0) return;
  size() > 1 ? do_reduce_scatter(in, out, op) : out.copy_from(in.reshape(out.shape()));
}

void Communicator::all_gather(const Array& in, const Array& out) {
  check_parts("all_gather", out, in);
  if (in.size() == 0) return;
  size() > 1 ? do_all_gather(in, out) : out.copy_from(in.reshape(out.shape()));
}

void Communicator::gather(const Array& in, const Array& out, int root) {
  check_rank("gather", root);
  rank() == root ? check_parts("gather", out, in) : check_array("gather", in);
  if (in.size() == 0) return;
  size() > 1 ? do_gather(in, out, root) : out.copy_from(in.reshape(out.shape()));
}

void Communicator::scatter(const Array& in, const Array& out, int root) {
  check_rank("scatter", root);
  rank() == root ? check_parts("scatter", in, out) : check_array("scatter", out);
  if (out.size() == 0) return;
  size() > 1 ? do_scatter(in, out, root) : out.copy_from(in.reshape(out.shape()));
}

void Communicator::all_to_all(const Array& in, const Array& out) {
  check_array("all_to_all", in);
  check_array("all_to_all", out);
  if (in.size() != out.size() || in.size() % size() != 0 || in.dtype() != out.dtype()) {
    throw ShapeError("all_to_all: expected two arrays of ", size(), " equal parts and one dtype, found ", in.shape(),
                     " ", in.dtype(), " and ", out.shape(), " ", out.dtype(), ".");
  }
  if (in.size() == 0) return;
  size() > 1 ? do_all_to_all(in, out) : out.copy_from(in.reshape(out.shape()));
}

void Communicator::send(const Array& data, int destination, int tag) {
  check_array("send", data);
  check_rank("send", destination);
  if (destination == rank()) throw ValueError("send: rank ", destination, " is this rank itself.");
  do_send(data, destination, tag);
}

void Communicator::recv(const Array& data, int source, int tag) {
  check_array("recv", data);
  check_rank("recv", source);
  if (source == rank()) throw ValueError("recv: rank ", source, " is this rank itself.");
  do_recv(data, source, tag);
}

void Communicator::barrier() {
  if (size() > 1) do_barrier();
}

std::string Communicator::broadcast_bytes(std::string bytes, int root) {
  Array length = array<std::int64_t>({static_cast<std::int64_t>(bytes.size())});
  broadcast(length, root);
  const Array data = rank() == root ? as_array(bytes) : bytes_array(length.item<std::int64_t>());
  broadcast(data, root);
  return rank() == root ? std::move(bytes)
                        : std::string(static_cast<const char*>(data.raw_data()), static_cast<std::size_t>(data.size()));
}

std::vector<std::string> Communicator::all_gather_bytes(const std::string& bytes) {
  std::vector<std::string> result;
  for (int root = 0; root < size(); ++root) result.push_back(broadcast_bytes(rank() == root ? bytes : "", root));
  return result;
}

std::unique_ptr<Communicator> Communicator::split(int color, int key) { return do_split(color, key); }

void Communicator::abort(const std::string& reason, int status) {
  std::fprintf(stderr, "rensa: %s: %s\n", rank_description(*this).c_str(), reason.c_str());
  std::fflush(stderr);
  do_abort(status);
  std::abort();  // compilers do not know that a virtual function never returns
}

std::string rank_description(const Communicator& comm) {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) std::strcpy(host.data(), "an unnamed host");
  return detail::join("rank ", comm.rank(), " of ", comm.size(), " on ", host.data());
}

}  // namespace rensa
