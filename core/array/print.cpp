#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <string>
#include <vector>

#include "core/array/array.h"
#include "core/array/dispatch.h"

namespace rensa {
namespace {

constexpr std::int64_t kShortened = 1000;  // more elements than this, and only the ends of an axis are shown
constexpr std::int64_t kEnds = 3;
constexpr std::size_t kLine = 75;
constexpr int kPrecision = 8;

/// The fewest decimal digits (and the exponent) that give the value of this dtype back, at most `most` digits:
/// "d.ddde±xx".
template <class T>
std::string shortest(T value, int most) {
  char text[40];
  for (int digits = 1; digits <= most; ++digits) {
    std::snprintf(text, sizeof text, "%.*e", digits - 1, static_cast<double>(value));
    const double back = std::strtod(text, nullptr);
    if constexpr (std::is_same_v<T, double>) {
      if (back == value) break;
    } else {
      if (static_cast<double>(T(static_cast<float>(back))) == static_cast<double>(value)) break;
    }
  }
  return text;
}

/// A floating number before and after its point, without zeros at the end; numbers that are none have no parts.
struct Parts {
  std::string whole, fraction, exponent;
};

template <class T>
Parts positional(T value) {
  const std::string digits = shortest(value, 17);
  const std::size_t e = digits.find('e');
  const int exponent = std::atoi(digits.c_str() + e + 1),
            count = static_cast<int>(std::count_if(digits.begin(), digits.begin() + static_cast<std::ptrdiff_t>(e),
                                                   [](unsigned char c) { return std::isdigit(c) != 0; }));
  char text[400];
  std::snprintf(text, sizeof text, "%.*f", std::clamp(count - 1 - exponent, 0, kPrecision), static_cast<double>(value));
  const std::string all = text;
  const std::size_t point = all.find('.');
  std::string fraction = point == std::string::npos ? "" : all.substr(point + 1);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return {all.substr(0, point), fraction, ""};
}

template <class T>
Parts scientific(T value) {
  const std::string digits = shortest(value, kPrecision + 1);
  const std::size_t e = digits.find('e'), point = digits.find('.');
  std::string fraction = point == std::string::npos ? "" : digits.substr(point + 1, e - point - 1);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return {digits.substr(0, std::min(point, e)), fraction, digits.substr(e)};
}

std::string not_finite(double v) { return std::isnan(v) ? "nan" : v < 0 ? "-inf" : "inf"; }

/// The elements as texts of one width, with NumPy's choice between 0.001 and 1.e-03.
template <class T>
std::vector<std::string> floating_texts(const std::vector<T>& values) {
  double largest = 0, smallest = INFINITY;
  for (const T& value : values) {
    const double size = std::abs(static_cast<double>(value));
    if (!std::isfinite(size) || size == 0) continue;
    largest = std::max(largest, size);
    smallest = std::min(smallest, size);
  }
  const bool exponents = largest > 0 && (largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1000);
  std::vector<Parts> parts;
  std::size_t whole = 0, fraction = 0;
  for (const T& value : values) {
    const double v = static_cast<double>(value);
    parts.push_back(!std::isfinite(v) ? Parts{} : exponents ? scientific(value) : positional(value));
    whole = std::max(whole, parts.back().whole.size());
    fraction = std::max(fraction, parts.back().fraction.size());
  }
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = static_cast<double>(values[i]);
    const Parts& p = parts[i];
    if (!std::isfinite(v)) {
      texts.push_back(not_finite(v));
    } else {
      texts.push_back(std::string(whole - p.whole.size(), ' ') + p.whole + '.' + p.fraction +
                      std::string(fraction - p.fraction.size(), exponents ? '0' : ' ') + p.exponent);
    }
  }
  return texts;
}

/// What is shown: the array, or its ends joined.
Array shown(Array x, bool shorten) {
  for (int axis = 0; shorten && axis < x.ndim(); ++axis) {
    const std::int64_t n = x.shape()[axis];
    if (n <= 2 * kEnds) continue;
    Shape shape = x.shape();
    shape[axis] = 2 * kEnds;
    const Array ends = empty(shape, x.dtype());
    ends.slice(axis, {.start = 0, .stop = kEnds}).copy_from(x.slice(axis, {.start = 0, .stop = kEnds}));
    ends.slice(axis, {.start = kEnds}).copy_from(x.slice(axis, {.start = n - kEnds}));
    x = ends;
  }
  return x.contiguous();
}

std::vector<std::string> texts_of(const Array& x) {
  return dispatch_all(x.dtype(), [&](auto tag) -> std::vector<std::string> {
    using T = typename decltype(tag)::type;
    const auto* from = static_cast<const T*>(x.raw_data());
    if constexpr (std::is_same_v<T, bool>) {
      std::vector<std::string> texts;
      for (std::int64_t i = 0; i < x.size(); ++i) texts.push_back(from[i] ? "True" : "False");
      return texts;
    } else if constexpr (std::is_integral_v<T>) {
      std::vector<std::string> texts;
      for (std::int64_t i = 0; i < x.size(); ++i) texts.push_back(std::to_string(from[i]));
      return texts;
    } else {
      return floating_texts(std::vector<T>(from, from + x.size()));
    }
  });
}

struct Printer {
  std::ostream& out;
  const Shape full;
  const Shape shown;
  const std::vector<std::string> texts;
  std::size_t width;

  void axis(int depth, std::int64_t first) const {
    const std::int64_t n = shown[depth];
    const bool last = depth == full.ndim() - 1, cut = n < full[depth];
    std::int64_t inner = 1;
    for (int i = depth + 1; i < shown.ndim(); ++i) inner *= shown[i];
    const std::string indent(static_cast<std::size_t>(depth) + 1, ' ');
    std::size_t column = static_cast<std::size_t>(depth) + 1;
    out << '[';
    const auto element = [&](const std::string& text, bool begins) {
      if (!begins && column + 1 + text.size() + static_cast<std::size_t>(full.ndim() - depth) > kLine + 1) {
        out << '\n' << indent;
        column = indent.size();
      } else if (!begins) {
        out << ' ';
        ++column;
      }
      out << text;
      column += text.size();
    };
    for (std::int64_t i = 0; i < n; ++i) {
      if (last) {
        if (cut && i == kEnds) element("...", false);
        const std::string& text = texts[static_cast<std::size_t>(first + i)];
        element(std::string(width - text.size(), ' ') + text, i == 0);
        continue;
      }
      const std::string gap(static_cast<std::size_t>(full.ndim() - depth - 1), '\n');
      if (cut && i == kEnds) out << gap << indent << "...";
      if (i > 0) out << gap << indent;
      axis(depth + 1, first + i * inner);
    }
    out << ']';
  }
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const Array& x) {
  if (!x) return out << "(no array)";
  if (x.size() == 0) return out << "[]";
  const Array here = x.to(Device{});
  const Array part = shown(here, here.size() > kShortened);
  std::vector<std::string> texts = texts_of(part);
  std::size_t width = 0;
  for (const std::string& text : texts) width = std::max(width, text.size());
  if (x.ndim() > 0) {
    Printer{out, x.shape(), part.shape(), texts, width}.axis(0, 0);
    return out;
  }
  std::string& only = texts[0];
  if (is_floating(x.dtype()) && only.back() == '.') only += '0';
  return out << only;
}

}  // namespace rensa
