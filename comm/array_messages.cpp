#include "comm/array_messages.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace rensa {
namespace {

/// Dtype, kind of device, number of axes and axes of an array as numbers of one fixed length, so that headers need none
/// of their own.
constexpr std::int64_t kHeader = 3 + kMaxDims;

void check(const char* call, const Array& data) {
  if (!data) throw ValueError(call, ": no array was given.");
}

void check_count(const char* call, const std::vector<Array>& data, int size) {
  if (data.size() == static_cast<std::size_t>(size)) return;
  throw ValueError(call, ": expected an array for each of ", size, " ranks, found ", data.size(), ".");
}

void write_header(const Array& data, std::int64_t* header) {
  std::fill_n(header, kHeader, 0);
  header[0] = static_cast<std::int64_t>(data.dtype());
  header[1] = static_cast<std::int64_t>(data.device().kind);
  header[2] = data.ndim();
  for (int axis = 0; axis < data.ndim(); ++axis) header[3 + axis] = data.shape()[axis];
}

/// A place for what the header describes: where it was on a GPU, on this rank's.
Array array_of(const std::int64_t* header, const Communicator& comm) {
  Shape shape;
  for (int axis = 0; axis < header[2]; ++axis) shape.push_back(header[3 + axis]);
  const bool on_host = static_cast<DeviceKind>(header[1]) == DeviceKind::kCpu;
  return empty(shape, static_cast<Dtype>(header[0]), on_host ? Device{} : comm.gpu());
}

Array headers(std::int64_t count) { return zeros({count, kHeader}, Dtype::kInt64); }

std::int64_t* header_at(const Array& all, std::int64_t i) { return all.data<std::int64_t>() + i * kHeader; }

}  // namespace

void send_array(Communicator& comm, const Array& data, int destination, int tag) {
  check("send_array", data);
  const Array header = headers(1);
  write_header(data, header_at(header, 0));
  comm.send(header, destination, tag);
  if (data.size() > 0) comm.send(data, destination, tag);
}

Array recv_array(Communicator& comm, int source, int tag) {
  const Array header = headers(1);
  comm.recv(header, source, tag);
  Array data = array_of(header_at(header, 0), comm);
  if (data.size() > 0) comm.recv(data, source, tag);
  return data;
}

void send_arrays(Communicator& comm, const std::vector<Array>& data, int destination, int tag) {
  comm.send(full({1}, static_cast<double>(data.size()), Dtype::kInt64), destination, tag);
  for (const Array& each : data) send_array(comm, each, destination, tag);
}

std::vector<Array> recv_arrays(Communicator& comm, int source, int tag) {
  const Array count = zeros({1}, Dtype::kInt64);
  comm.recv(count, source, tag);
  std::vector<Array> data(static_cast<std::size_t>(count.item<std::int64_t>()));
  for (Array& each : data) each = recv_array(comm, source, tag);
  return data;
}

Array broadcast_array(Communicator& comm, const Array& data, int root) {
  const Array header = headers(1);
  if (comm.rank() == root) {
    check("broadcast_array", data);
    write_header(data, header_at(header, 0));
  }
  comm.broadcast(header, root);
  Array result = comm.rank() == root ? data : array_of(header_at(header, 0), comm);
  comm.broadcast(result, root);
  return result;
}

std::vector<Array> all_gather_arrays(Communicator& comm, const Array& data) {
  check("all_gather_arrays", data);
  const Array mine = headers(1), all = headers(comm.size());
  write_header(data, header_at(mine, 0));
  comm.all_gather(mine, all);
  std::vector<Array> result;
  for (int r = 0; r < comm.size(); ++r) {
    result.push_back(r == comm.rank() ? data.copy() : array_of(header_at(all, r), comm));
    comm.broadcast(result.back(), r);
  }
  return result;
}

std::vector<Array> gather_arrays(Communicator& comm, const Array& data, int root) {
  check("gather_arrays", data);
  const Array mine = headers(1), all = headers(comm.size());
  write_header(data, header_at(mine, 0));
  comm.gather(mine, all, root);
  if (comm.rank() != root) {
    if (data.size() > 0) comm.send(data, root, kLibraryTag);
    return {};
  }
  std::vector<Array> result;
  for (int r = 0; r < comm.size(); ++r) {
    result.push_back(r == root ? data.copy() : array_of(header_at(all, r), comm));
    if (r != root && result.back().size() > 0) comm.recv(result.back(), r, kLibraryTag);
  }
  return result;
}

Array scatter_arrays(Communicator& comm, const std::vector<Array>& data, int root) {
  const Array all = headers(comm.size()), mine = headers(1);
  if (comm.rank() == root) {
    check_count("scatter_arrays", data, comm.size());
    for (int r = 0; r < comm.size(); ++r) {
      check("scatter_arrays", data[static_cast<std::size_t>(r)]);
      write_header(data[static_cast<std::size_t>(r)], header_at(all, r));
    }
  }
  comm.scatter(all, mine, root);
  if (comm.rank() == root) {
    for (int r = 0; r < comm.size(); ++r) {
      const Array& part = data[static_cast<std::size_t>(r)];
      if (r != root && part.size() > 0) comm.send(part, r, kLibraryTag);
    }
    return data[static_cast<std::size_t>(root)].copy();
  }
  Array result = array_of(header_at(mine, 0), comm);
  if (result.size() > 0) comm.recv(result, root, kLibraryTag);
  return result;
}

std::vector<Array> all_to_all_arrays(Communicator& comm, const std::vector<Array>& data) {
  check_count("all_to_all_arrays", data, comm.size());
  const int rank = comm.rank(), size = comm.size();
  const Array sent = headers(size), received = headers(size);
  for (int r = 0; r < size; ++r) {
    check("all_to_all_arrays", data[static_cast<std::size_t>(r)]);
    write_header(data[static_cast<std::size_t>(r)], header_at(sent, r));
  }
  comm.all_to_all(sent, received);
  std::vector<Array> result(static_cast<std::size_t>(size));
  result[static_cast<std::size_t>(rank)] = data[static_cast<std::size_t>(rank)].copy();
  // In round k ranks r and (k - r) talk to each other; the lower one sends first, so that nobody waits in a circle.
  for (int round = 0; round < size; ++round) {
    const int peer = ((round - rank) % size + size) % size;
    if (peer == rank) continue;
    const auto slot = static_cast<std::size_t>(peer);
    result[slot] = array_of(header_at(received, peer), comm);
    const auto send = [&] {
      if (data[slot].size() > 0) comm.send(data[slot], peer, kLibraryTag);
    };
    const auto recv = [&] {
      if (result[slot].size() > 0) comm.recv(result[slot], peer, kLibraryTag);
    };
    rank < peer ? send() : recv();
    rank < peer ? recv() : send();
  }
  return result;
}

}  // namespace rensa
