#include "comm/calls/call.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"

namespace rensa {
namespace {

std::string in_bytes(double bytes) {
  const std::array<const char*, 4> units = {" B", " KiB", " MiB", " GiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < units.size(); ++unit) bytes /= 1024;
  std::ostringstream out;
  out.precision(unit == 0 ? 0 : 1);
  out << std::fixed << bytes << units[unit];
  return out.str();
}

const char* name_of(Reduce op) {
  switch (op) {
    case Reduce::kSum:
      return "sum";
    case Reduce::kMean:
      return "mean";
    case Reduce::kMax:
      return "maximum";
    case Reduce::kMin:
      return "minimum";
    case Reduce::kProduct:
      return "product";
  }
  return "unknown";
}

struct Party {
  Call call;
  std::vector<int> ranks;
};

}  // namespace

Call::Call(std::string_view n, std::int64_t c, Dtype d, int r) : root(r), count(c), dtype(d) {
  std::copy_n(n.begin(), std::min(n.size(), name.size() - 1), name.begin());
}

Call::Call(std::string_view n, std::int64_t c, Dtype d, Reduce o, int r) : Call(n, c, d, r) { op = o; }

Call Call::between_two(std::string_view name, std::int64_t count, Dtype dtype, int peer) {
  Call call(name, count, dtype, peer);
  call.collective = false;
  return call;
}

std::uint64_t fingerprint(const Call& call) {
  // a step of a multiplicative hash for each word
  const auto extend = [](std::uint64_t digest, std::uint64_t value) {
    digest = (digest ^ value) * 0x9e3779b97f4a7c15;
    return digest ^ (digest >> 29);
  };
  std::array<std::uint64_t, 3> name{};
  static_assert(sizeof name >= sizeof call.name);
  std::memcpy(name.data(), call.name.data(), sizeof call.name);
  std::uint64_t digest = extend(0, static_cast<std::uint64_t>(call.count));
  for (const std::uint64_t word : name) digest = extend(digest, word);
  const std::uint64_t op = call.op ? static_cast<std::uint64_t>(*call.op) + 1 : 0;
  return extend(digest,
                static_cast<std::uint64_t>(call.dtype) + (static_cast<std::uint64_t>(call.root + 1) << 8) + (op << 48));
}

std::string describe(const Call& call) {
  std::string text = call.name.data();
  if (call.op && *call.op != Reduce::kSum) text += detail::join(" (", name_of(*call.op), ")");
  if (call.count > 0) {
    text += detail::join(" of ", call.count, " ", call.dtype, " (",
                         in_bytes(static_cast<double>(call.count) * static_cast<double>(item_size(call.dtype))), ")");
  }
  if (call.root >= 0) text += detail::join(" with rank ", call.root);
  return text;
}

std::string list_ranks(std::span<const int> ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (i > 0) text += i + 1 == ranks.size() ? " and " : ", ";
    text += std::to_string(ranks[i]);
  }
  return text;
}

std::string describe_disagreement(std::span<const Call> calls, std::span<const int> ranks) {
  std::vector<Party> parties;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    auto party = std::find_if(parties.begin(), parties.end(), [&](const Party& p) { return p.call == calls[i]; });
    if (party == parties.end()) party = parties.insert(party, {calls[i], {}});
    party->ranks.push_back(ranks.empty() ? static_cast<int>(i) : ranks[i]);
  }
  if (parties.size() < 2) return {};
  std::stable_sort(parties.begin(), parties.end(),
                   [](const Party& a, const Party& b) { return a.ranks.size() < b.ranks.size(); });
  const bool majority = 2 * parties.back().ranks.size() > calls.size();
  std::string text;
  for (std::size_t i = 0; i < parties.size(); ++i) {
    const bool is_majority = majority && i + 1 == parties.size();
    text += detail::join(text.empty() ? "" : ", ", is_majority ? "while " : "", list_ranks(parties[i].ranks),
                         " called ", describe(parties[i].call));
  }
  return text + ". Every rank must make the same calls in the same order.";
}

}  // namespace rensa
