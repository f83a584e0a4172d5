#include "comm/gpu/staged_transport.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "core/device/gpu/pinned_memory.h"
#include "core/device/gpu/stream.h"

namespace rensa {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{4} << 20;  ///< long enough for the bandwidth of the bus

/// The pinned counterpart of an array on a GPU.
class Staging {
 public:
  explicit Staging(const Array& data)
      : data_(data),
        host_(gpu::pinned_array(data.shape(), data.dtype())),
        stream_(gpu::current_stream(data.device())) {}
  const Array& host() const { return host_; }

  void start_down(std::int64_t first, std::int64_t count) const {
    gpu::driver().copy_to_host(data_.device().index, at(host_, first), at(data_, first), bytes(count), stream_.handle);
  }
  void start_up(std::int64_t first, std::int64_t count) const {
    gpu::driver().copy_to_device(data_.device().index, at(data_, first), at(host_, first), bytes(count),
                                 stream_.handle);
  }
  void down() const {
    start_down(0, data_.size());
    wait();
  }
  /// The pinned memory is free again when this returns.
  void up() const {
    start_up(0, data_.size());
    wait();
  }
  void wait() const {
    gpu::Event copied(data_.device());
    copied.record(stream_);
    copied.synchronize();
  }
  const gpu::Stream& stream() const { return stream_; }

 private:
  std::size_t bytes(std::int64_t count) const { return static_cast<std::size_t>(count) * item_size(data_.dtype()); }
  std::byte* at(const Array& array, std::int64_t element) const {
    return static_cast<std::byte*>(array.raw_data()) + bytes(element);
  }

  const Array& data_;
  const Array host_;
  const gpu::Stream stream_;
};

enum Moves { kDown = 1, kUp = 2 };

/// Down, `call` on each piece, and up; or one way only.
void in_pieces(const Array& data, int moves, const std::function<void(const Array& piece)>& call) {
  const Staging staging(data);
  const auto length = static_cast<std::int64_t>(kPieceBytes / item_size(data.dtype()));
  const Array flat = staging.host().reshape({data.size()});
  std::vector<gpu::Event> arrived;
  for (std::int64_t first = 0; first < data.size(); first += length) {
    if (moves & kDown) staging.start_down(first, std::min(length, data.size() - first));
    arrived.emplace_back(data.device()).record(staging.stream());
  }
  for (std::int64_t first = 0, piece = 0; first < data.size(); first += length, ++piece) {
    const std::int64_t count = std::min(length, data.size() - first);
    arrived[static_cast<std::size_t>(piece)].synchronize();
    call(flat.slice(0, {.start = first, .stop = first + count}));
    if (moves & kUp) staging.start_up(first, count);
  }
  staging.wait();
}

/// `call` with the pinned counterparts of what it reads and of what it writes; either may be no array.
void staged(const Array& in, const Array& out, const std::function<void(const Array& in, const Array& out)>& call) {
  std::optional<Staging> from, to;
  if (in) from.emplace(in).down();
  if (out) to.emplace(out);
  call(from ? from->host() : in, to ? to->host() : out);
  if (to) to->up();
}

}  // namespace

void StagedTransport::all_reduce(const Array& data, Reduce op) {
  in_pieces(data, kDown | kUp, [&](const Array& piece) { host_all_reduce(piece, op); });
}

void StagedTransport::reduce(const Array& data, int root, Reduce op) {
  const int moves = owner().rank() == root ? kDown | kUp : kDown;
  in_pieces(data, moves, [&](const Array& piece) { host_reduce(piece, root, op); });
}

void StagedTransport::broadcast(const Array& data, int root) {
  const int moves = owner().rank() == root ? kDown : kUp;
  in_pieces(data, moves, [&](const Array& piece) { host_broadcast(piece, root); });
}

void StagedTransport::reduce_scatter(const Array& in, const Array& out, Reduce op) {
  staged(in, out, [&](const Array& from, const Array& to) { host_reduce_scatter(from, to, op); });
}

void StagedTransport::all_gather(const Array& in, const Array& out) {
  staged(in, out, [&](const Array& from, const Array& to) { host_all_gather(from, to); });
}

void StagedTransport::gather(const Array& in, const Array& out, int root) {
  staged(in, out, [&](const Array& from, const Array& to) { host_gather(from, to, root); });
}

void StagedTransport::scatter(const Array& in, const Array& out, int root) {
  staged(in, out, [&](const Array& from, const Array& to) { host_scatter(from, to, root); });
}

void StagedTransport::all_to_all(const Array& in, const Array& out) {
  staged(in, out, [&](const Array& from, const Array& to) { host_all_to_all(from, to); });
}

void StagedMessages::send(const Array& data, int destination, int tag) {
  staged(data, Array(), [&](const Array& from, const Array&) { host_send(from, destination, tag); });
}

void StagedMessages::recv(const Array& data, int source, int tag) {
  staged(Array(), data, [&](const Array&, const Array& to) { host_recv(to, source, tag); });
}

}  // namespace rensa
