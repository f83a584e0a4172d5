#include <ostream>

#include "core/array/array.h"

namespace rensa {
namespace {

constexpr std::int64_t kShortened = 1000;  // more elements than this, and only the ends of an axis are shown
constexpr std::int64_t kEnds = 3;

void print(std::ostream& out, const Array& x, bool shorten, int indent) {
  if (x.ndim() == 0) {
    if (is_floating(x.dtype())) {
      out << x.item<double>();
    } else {
      out << x.item<std::int64_t>();
    }
    return;
  }
  out << '[';
  const std::int64_t n = x.shape()[0];
  for (std::int64_t i = 0; i < n; ++i) {
    if (i) {
      out << (x.ndim() == 1 ? ", " : ",\n");
      if (x.ndim() > 1) out << std::string(static_cast<std::size_t>(indent + 1), ' ');
    }
    if (shorten && n > 2 * kEnds && i == kEnds) {
      out << "...";
      i = n - kEnds - 1;
      continue;
    }
    print(out, x.select(0, i), shorten, indent + 1);
  }
  out << ']';
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Array& x) {
  if (!x) return out << "(no array)";
  print(out, x, x.size() > kShortened, 0);
  return out;
}

}  // namespace rensa
