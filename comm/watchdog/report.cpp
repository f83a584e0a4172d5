#include "comm/watchdog/report.h"

#include "core/error.h"

namespace rensa::watchdog {

std::string_view Unpacker::take(std::size_t count) {
  if (count > bytes_.size())
    throw CommError("watchdog: a message ends after ", bytes_.size(), " of ", count, " bytes.");
  const std::string_view taken = bytes_.substr(0, count);
  bytes_.remove_prefix(count);
  return taken;
}

std::string pack(const Seat& seat) {
  Packer out;
  out.put(seat.rank).put(seat.node).put(seat.pid).put(seat.born).put(seat.port);
  out.put_text(seat.host).put_text(seat.host_key);
  out.put(static_cast<std::uint32_t>(seat.addresses.size()));
  for (const std::string& address : seat.addresses) out.put_text(address);
  return out.bytes();
}

Seat unpack_seat(const std::string& bytes) {
  Unpacker in(bytes);
  Seat seat;
  seat.rank = in.get<int>();
  seat.node = in.get<int>();
  seat.pid = in.get<std::int64_t>();
  seat.born = in.get<std::int64_t>();
  seat.port = in.get<int>();
  seat.host = in.get_text();
  seat.host_key = in.get_text();
  const auto addresses = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < addresses; ++i) seat.addresses.push_back(in.get_text());
  return seat;
}

std::string pack(const Detail& detail) {
  Packer out;
  out.put(detail.id).put(detail.first).put(static_cast<std::uint32_t>(detail.calls.size()));
  for (const CallLog::Kept& kept : detail.calls) out.put(kept);
  return out.bytes();
}

Detail unpack_detail(std::string_view bytes) {
  Unpacker in(bytes);
  Detail detail;
  detail.id = in.get<std::uint64_t>();
  detail.first = in.get<std::uint64_t>();
  const auto count = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) detail.calls.push_back(in.get<CallLog::Kept>());
  return detail;
}

}  // namespace rensa::watchdog
