#include "core/array/dtype.h"

#include <algorithm>
#include <array>
#include <ostream>

#include "core/error.h"

namespace rensa {
namespace {

struct Facts {
  std::string_view name;
  std::size_t size;
};
constexpr std::array<Facts, kDtypes> kFacts = {{{"bool", 1},
                                                {"uint8", 1},
                                                {"int8", 1},
                                                {"int32", 4},
                                                {"int64", 8},
                                                {"float16", 2},
                                                {"bfloat16", 2},
                                                {"float32", 4},
                                                {"float64", 8}}};

const Facts& facts(Dtype dtype) { return kFacts[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::size_t item_size(Dtype dtype) { return facts(dtype).size; }
std::string_view name(Dtype dtype) { return facts(dtype).name; }
bool is_floating(Dtype dtype) { return dtype >= Dtype::kFloat16; }

Dtype dtype_from_name(std::string_view wanted) {
  std::string known;
  for (int i = 0; i < kDtypes; ++i) {
    const auto dtype = static_cast<Dtype>(i);
    if (name(dtype) == wanted) return dtype;
    known += (i ? ", " : "") + std::string(name(dtype));
  }
  throw ValueError("dtype: unknown name \"", wanted, "\"; known are ", known, ".");
}

Dtype promote(Dtype a, Dtype b) {
  if (a == b) return a;
  const auto [low, high] = std::minmax(a, b);
  if (low == Dtype::kFloat16 && high == Dtype::kBFloat16) return Dtype::kFloat32;  // neither holds the other
  if (low == Dtype::kUInt8 && high == Dtype::kInt8) return Dtype::kInt32;          // the nearest that holds both
  return high;
}

std::ostream& operator<<(std::ostream& out, Dtype dtype) { return out << name(dtype); }

}  // namespace rensa
