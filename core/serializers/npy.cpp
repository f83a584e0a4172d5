#include "core/serializers/npy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/serializers/storable.h"

namespace rensa::npy {
namespace {

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);
constexpr std::size_t kAlignment = 64;

constexpr std::array<std::pair<Dtype, std::string_view>, 8> kTypes = {{{Dtype::kFloat32, "<f4"},
                                                                       {Dtype::kFloat64, "<f8"},
                                                                       {Dtype::kFloat16, "<f2"},
                                                                       {Dtype::kInt64, "<i8"},
                                                                       {Dtype::kInt32, "<i4"},
                                                                       {Dtype::kInt8, "|i1"},
                                                                       {Dtype::kUInt8, "|u1"},
                                                                       {Dtype::kBool, "|b1"}}};

std::string python_tuple(const Shape& shape) {
  std::string text = "(";
  for (const std::int64_t size : shape) text += std::to_string(size) + ", ";
  if (shape.ndim() > 1) text.erase(text.size() - 2);
  if (shape.ndim() == 1) text.pop_back();
  return text + ")";
}

std::vector<std::byte> with_header(const std::string& descr, const Shape& shape, std::size_t payload) {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + python_tuple(shape) + ", }";
  const std::size_t start = kMagic.size() + 2;
  const std::size_t padded = (start + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  header.resize(padded - start - 1, ' ');
  header += '\n';
  std::vector<std::byte> bytes(padded + payload);
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  bytes[8] = static_cast<std::byte>(header.size() & 0xff);
  bytes[9] = static_cast<std::byte>(header.size() >> 8);
  std::memcpy(bytes.data() + start, header.data(), header.size());
  return bytes;
}

/// Code points of UTF-8. Bytes that are none stand for themselves, so that no text is lost.
std::vector<std::uint32_t> code_points(std::string_view text) {
  std::vector<std::uint32_t> points;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const int more = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
    std::uint32_t point = more == 0 ? byte : byte & (0x3fu >> more);
    for (int k = 1; k <= more && i + static_cast<std::size_t>(k) < text.size(); ++k) {
      point = point << 6 | (static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]) & 0x3fu);
    }
    points.push_back(point);
    i += static_cast<std::size_t>(more) + 1;
  }
  return points;
}

void append_utf8(std::string& text, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

/// The value after 'key': in the header's Python dictionary, up to a closing character.
std::string field(const std::string& header, const std::string& key, char end, const std::string& what) {
  const std::size_t at = header.find("'" + key + "':");
  if (at == std::string::npos) throw FileError(what, ": the .npy header has no '", key, "'.");
  const std::size_t begin = header.find_first_not_of(' ', at + key.size() + 3);
  const std::size_t stop = begin == std::string::npos ? begin : header.find(end, begin);
  if (stop == std::string::npos) throw FileError(what, ": the .npy header is damaged at '", key, "'.");
  return header.substr(begin, stop - begin);
}

Shape parse_shape(const std::string& text, const std::string& what) {
  Shape shape;
  std::size_t at = 0;
  while ((at = text.find_first_of("0123456789", at)) != std::string::npos) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
    if (end - at > 15 || shape.ndim() == kMaxDims) throw FileError(what, ": the shape ", text, " is too large.");
    shape.push_back(std::stoll(text.substr(at, end - at)));
    at = end;
  }
  return shape;
}

/// 16- and 32-bit types that Rensa does not have, and the next wider one that holds their values.
template <class From, class To>
Array widened(const std::byte* data, const Shape& shape) {
  Array array = empty(shape, kDtypeOf<To>);
  for (std::int64_t i = 0; i < array.size(); ++i) {
    From value;
    std::memcpy(&value, data + static_cast<std::size_t>(i) * sizeof value, sizeof value);
    array.data<To>()[i] = static_cast<To>(value);
  }
  return array;
}

struct WiderType {
  std::string_view descr;
  std::size_t item_size;
  Array (*read)(const std::byte* data, const Shape& shape);
};
constexpr WiderType kWiderTypes[] = {{"<i2", 2, widened<std::int16_t, std::int32_t>},
                                     {"<u2", 2, widened<std::uint16_t, std::int32_t>},
                                     {"<u4", 4, widened<std::uint32_t, std::int64_t>}};

/// Bytes of `shape`'s elements, or nothing if they are more than `available`: the product is not trusted to fit a word.
std::optional<std::size_t> bytes_of(const Shape& shape, std::size_t item, std::size_t available) {
  std::size_t bytes = item;
  for (const std::int64_t size : shape) {
    if (size == 0) return 0;
  }
  for (const std::int64_t size : shape) {
    if (bytes > available / static_cast<std::size_t>(size)) return std::nullopt;
    bytes *= static_cast<std::size_t>(size);
  }
  return bytes;
}

/// What np.save writes for Python's None: an array of objects whose payload is this pickle.
constexpr std::string_view kPickledNone(
    "\x80\x03"
    "cnumpy.core.multiarray\n_reconstruct\nq\x00"
    "cnumpy\nndarray\nq\x01K\x00\x85q\x02"
    "C\x01"
    "bq\x03\x87q\x04Rq"
    "\x05(K\x01)cnumpy\ndtype\nq\x06X\x02\x00\x00\x00O8q\x07\x89\x88\x87q\x08Rq\x09(K\x03X\x01\x00\x00\x00|"
    "q\nNNNJ\xff\xff\xff"
    "\xffJ\xff\xff\xff\xffK?tq\x0b"
    "b\x89]q\x0cNatq\x0d"
    "b.",
    150);

Value read_text(const std::string& descr, const std::byte* data, std::size_t available, const std::string& what) {
  const bool wide = descr[1] == 'U';
  std::size_t count = 0;
  for (std::size_t i = 2; i < descr.size() && descr[i] >= '0' && descr[i] <= '9' && count < (1u << 30); ++i) {
    count = count * 10 + static_cast<std::size_t>(descr[i] - '0');
  }
  if (count * (wide ? 4 : 1) > available) throw FileError(what, ": ends early inside a text.");
  Value value{.array = {}, .text = {}, .is_text = true};
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t point = 0;
    std::memcpy(&point, data + i * (wide ? 4 : 1), wide ? 4 : 1);
    if (point == 0) break;  // NumPy pads with zeros
    wide ? append_utf8(value.text, point) : value.text.push_back(static_cast<char>(point));
  }
  return value;
}

}  // namespace

std::vector<std::byte> write(const Array& array) {
  const Array values = storable(array, /*has_bfloat16=*/false);
  const auto type =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& t) { return t.first == values.dtype(); });
  std::vector<std::byte> bytes = with_header(std::string(type->second), values.shape(), values.bytes());
  if (values.bytes() > 0) std::memcpy(bytes.data() + bytes.size() - values.bytes(), values.raw_data(), values.bytes());
  return bytes;
}

std::vector<std::byte> write(std::string_view text) {
  const std::vector<std::uint32_t> points = code_points(text);
  const std::size_t payload = points.size() * sizeof(std::uint32_t);
  std::vector<std::byte> bytes = with_header("<U" + std::to_string(points.size()), {}, payload);
  if (payload > 0) std::memcpy(bytes.data() + bytes.size() - payload, points.data(), payload);
  return bytes;
}

std::vector<std::byte> write_none() {
  std::vector<std::byte> bytes = with_header("|O", {}, kPickledNone.size());
  std::memcpy(bytes.data() + bytes.size() - kPickledNone.size(), kPickledNone.data(), kPickledNone.size());
  return bytes;
}

Value read(const std::vector<std::byte>& bytes, const std::string& what) {
  if (bytes.size() < 12 || std::memcmp(bytes.data(), kMagic.data(), 6) != 0) {
    throw FileError(what, ": is not an .npy file (its first bytes are not \\x93NUMPY).");
  }
  const bool wide = bytes[6] != std::byte{1};  // versions 2 and 3 have a longer length
  const std::size_t start = wide ? 12 : 10;
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, wide ? 4 : 2);
  if (start + length > bytes.size()) throw FileError(what, ": ends early inside the .npy header.");
  const std::string header(reinterpret_cast<const char*>(bytes.data()) + start, length);
  std::string descr = field(header, "descr", ',', what);
  std::erase(descr, '\'');
  const bool fortran = field(header, "fortran_order", ',', what) == "True";
  const Shape shape = parse_shape(field(header, "shape", ')', what), what);
  const std::byte* data = bytes.data() + start + length;
  const std::size_t available = bytes.size() - start - length;
  if (descr.size() >= 2 && (descr[1] == 'U' || descr[1] == 'S')) {
    if (shape.ndim() > 0) throw FileError(what, ": is an array ", shape, " of texts, expected a single one.");
    if (descr[0] == '>') throw FileError(what, ": has the byte order of another machine ('", descr, "').");
    return read_text(descr, data, available, what);
  }
  if (descr == "|O" && shape.ndim() == 0) return {};  // a pickled None: a value that Chainer did not have
  const auto type = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& t) { return t.second == descr; });
  const auto wider =
      std::find_if(std::begin(kWiderTypes), std::end(kWiderTypes), [&](const auto& t) { return t.descr == descr; });
  if (type == kTypes.end() && wider == std::end(kWiderTypes)) {
    throw FileError(what, ": has the type '", descr,
                    "', expected one of f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, b1 in the byte ",
                    "order of this machine.");
  }
  const std::size_t item = type != kTypes.end() ? item_size(type->first) : wider->item_size;
  const std::optional<std::size_t> needed = bytes_of(shape, item, available);
  if (needed != available) {
    throw FileError(what, ": holds ", available, " bytes of elements, its shape ", shape, " needs ",
                    needed ? std::to_string(*needed) : "more", ".");
  }
  Shape stored = shape;
  if (fortran && stored.ndim() > 1) std::reverse(&stored[0], &stored[0] + stored.ndim());
  Array array = type != kTypes.end() ? empty(stored, type->first) : wider->read(data, stored);
  if (type != kTypes.end() && *needed > 0) std::memcpy(array.raw_data(), data, *needed);
  return {.array = fortran ? array.transpose() : array, .text = {}, .is_text = false};
}

}  // namespace rensa::npy
