#include "comm/gpu/nccl_messages.h"

#include <cstring>

#include "comm/gpu/nccl_transport.h"
#include "comm/message_content.h"
#include "core/error.h"

namespace rensa {
namespace {

constexpr int kSender = 0, kReceiver = 1;  ///< among the two
constexpr const char* kBothSides = "Both sides of a message have their arrays on GPUs, or both on the host.";

/// What goes ahead. Plain data.
struct Header {
  std::int64_t count = 0;
  std::uint64_t number = 0;  ///< among the messages of its direction that NCCL carries, from 1; 0: by way of the host
  nccl::UniqueId id{};
  Dtype dtype = Dtype::kUInt8;
};

std::string pack(const Header& header) { return {reinterpret_cast<const char*>(&header), sizeof header}; }

Header unpack(const std::string& bytes, int source) {
  Header header;
  if (bytes.size() != sizeof header) {
    throw CommError("recv: rank ", source, " sent ", bytes.size(), " bytes, expected an array on a GPU. ", kBothSides);
  }
  std::memcpy(&header, bytes.data(), sizeof header);
  return header;
}

}  // namespace

void NcclMessages::join(Link& link, int rank, Device device) const {
  link.stream.emplace(device, /*high_priority=*/true);
  link.connection = std::make_unique<nccl::Connection>(link.id, rank, 2, device, connection_options(owner(), watch()));
}

void NcclMessages::send(const Array& data, int destination, int tag) {
  Link& link = to_[way(destination, tag)];
  if (!link.connection) {
    link.id = nccl::api().make_unique_id();
    join(link, kSender, data.device());
  }
  Header header{.count = data.size(), .id = link.id, .dtype = data.dtype()};
  if (link.connection->is_ready()) header.number = ++link.messages;
  host_send_bytes(pack(header), destination, tag);
  if (header.number == 0) return staged_.send(data, destination, tag);
  const Array copy = data.copy();
  const gpu::Stream& stream = link.stream->get();
  gpu::order(gpu::current_stream(data.device()), stream);
  link.connection->launch(
      Call("send", data.size(), data.dtype(), destination), stream, [&](nccl::Endpoint& to, gpu::StreamHandle handle) {
        return to.send(copy.raw_data(), static_cast<std::size_t>(copy.size()), copy.dtype(), kReceiver, handle);
      });
  gpu::record_use(copy, stream);
}

std::string NcclMessages::recv_header(int source, int tag) const try {
  return host_recv_bytes(source, tag).bytes;
} catch (const CommError& e) {
  throw CommError("recv on a GPU: ", e.what(), " ", kBothSides);
}

void NcclMessages::recv(const Array& data, int source, int tag) {
  const Header header = unpack(recv_header(source, tag), source);
  const MessageContent content{.count = header.count, .dtype = header.dtype};
  Link& link = from_[way(source, tag)];
  if (!link.connection) {
    link.id = header.id;
    join(link, kReceiver, data.device());
  }
  const Array to = fits(content, data) ? data : scratch_for(content, data.device());
  const bool in_order = header.number == 0 || header.number == ++link.messages;
  if (header.number == 0) {
    staged_.recv(to, source, tag);
  } else if (in_order) {
    recv_from(link, to, source);
  }
  check_fits(content, data, source, tag);
  if (in_order) return;
  throw CommError("recv: rank ", source, " sent another array on a GPU before that with tag ", tag,
                  ". Receive arrays on GPUs ", "in the order in which they were sent.");
}

void NcclMessages::recv_from(Link& link, const Array& data, int source) {
  link.connection->wait_until_ready();
  const gpu::Stream current = gpu::current_stream(data.device());
  const gpu::Stream& stream = link.stream->get();
  gpu::order(current, stream);
  link.connection->launch(
      Call("recv", data.size(), data.dtype(), source), stream, [&](nccl::Endpoint& from, gpu::StreamHandle handle) {
        return from.recv(data.raw_data(), static_cast<std::size_t>(data.size()), data.dtype(), kSender, handle);
      });
  gpu::order(stream, current);
}

}  // namespace rensa
