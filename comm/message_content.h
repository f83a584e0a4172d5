#pragma once

#include <cstdint>
#include <optional>

#include "core/array/array.h"

namespace rensa {

/// What a message between two ranks holds: elements of a dtype or, without one, the bytes of send_bytes(). It travels
/// with the message, so that nobody takes float32 for int32. Plain data.
struct MessageContent {
  std::int64_t count = 0;
  std::optional<Dtype> dtype;
  friend bool operator==(const MessageContent&, const MessageContent&) = default;  ///< of all members
};

/// Whether a message can be received in `data`.
bool fits(const MessageContent& sent, const Array& data);

/// Throws CommError that names both unless the message fits.
void check_fits(const MessageContent& sent, const Array& data, int source, int tag);

/// Throws CommError for an array, which recv_bytes() does not take.
void check_is_bytes(const MessageContent& sent, int source, int tag);

/// A place for the elements of a message that is refused: it is received all the same, so that the next one is not
/// taken for its rest.
Array scratch_for(const MessageContent& refused, Device device = {});

}  // namespace rensa
