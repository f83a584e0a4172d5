#include "comm/message_content.h"

#include <string>

#include "core/error.h"

namespace rensa {
namespace {

std::string describe(const MessageContent& sent) {
  if (sent.dtype) return detail::join(sent.count, " ", *sent.dtype);
  return detail::join(sent.count, " bytes (of send_bytes or send_object)");
}

}  // namespace

bool fits(const MessageContent& sent, const Array& data) {
  return sent == MessageContent{.count = data.size(), .dtype = data.dtype()};
}

void check_fits(const MessageContent& sent, const Array& data, int source, int tag) {
  if (fits(sent, data)) return;
  const char* const advice =
      sent.dtype ? "Give recv an array of the sender's shape and dtype; send_array and recv_array carry any."
                 : "Take bytes with recv_bytes or recv_object, and an array that was on a GPU into one on a GPU.";
  throw CommError("recv: rank ", source, " sent ", describe(sent), " with tag ", tag, ", expected ", data.size(), " ",
                  data.dtype(), " for ", data.shape(), ". ", advice);
}

void check_is_bytes(const MessageContent& sent, int source, int tag) {
  if (!sent.dtype) return;
  throw CommError("recv_bytes: rank ", source, " sent ", describe(sent), " with tag ", tag,
                  ", expected what send_bytes or send_object sends. Take an array with recv or recv_array.");
}

Array scratch_for(const MessageContent& refused, Device device) {
  return empty({refused.count}, refused.dtype.value_or(Dtype::kUInt8), device);
}

}  // namespace rensa
