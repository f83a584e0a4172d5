#include "tools/bench/known_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/array/dispatch.h"
#include "core/error.h"

namespace rensa::tools {
namespace {

int significand_digits(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat64:
      return 53;
    case Dtype::kFloat32:
      return 24;
    case Dtype::kFloat16:
      return 11;
    case Dtype::kBFloat16:
      return 8;
    default:
      return 0;
  }
}

std::int64_t largest_integer(Dtype dtype) {
  return dtype == Dtype::kInt8 ? 127 : dtype == Dtype::kUInt8 ? 255 : 1'000'000;
}

/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014 (the finalizer of SplitMix).
std::uint64_t hash(std::uint64_t rank, std::uint64_t index) {
  std::uint64_t z = (index + 1) * 0x9e3779b97f4a7c15u + rank * 0xd1342543de82ef95u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

KnownValues::KnownValues(Dtype dtype, Operation operation, int ranks)
    : dtype_(dtype),
      operation_(operation),
      ranks_(ranks),
      digits_(significand_digits(dtype)),
      unit_(digits_ == 0 ? 0 : std::ldexp(1.0, -digits_)),
      largest_(std::max<std::int64_t>(1, largest_integer(dtype) / (operation == Operation::kSum ? ranks : 1))) {
  if (dtype == Dtype::kBool) throw DtypeError("bench comm: bool has too few values to check a result by. Take uint8.");
  if (operation == Operation::kMean && digits_ == 0) {
    throw DtypeError("bench comm: the mean of ", dtype, " is not a whole number. Take a floating dtype.");
  }
}

double KnownValues::value(int rank, std::int64_t index) const {
  const std::uint64_t h = hash(static_cast<std::uint64_t>(rank), static_cast<std::uint64_t>(index));
  const double sign = dtype_ == Dtype::kUInt8 ? 1 : 1 - 2 * static_cast<double>(static_cast<int>(h & 1));  // no branch
  double magnitude = 0;
  if (operation_ == Operation::kProduct) {
    // Integers: one rank's is 3, the others' 1. Floating: in [1, 2) and [0.5, 1) by turns, so that many ranks stay in
    // range.
    magnitude = digits_ == 0 ? (index % ranks_ == rank ? 3 : 1)
                             : static_cast<double>(static_cast<std::int64_t>(h >> (65 - digits_))) * 2 * unit_ + 1;
    if (digits_ != 0 && rank % 2 == 1) magnitude /= 2;
  } else if (digits_ == 0) {
    magnitude = static_cast<double>((h >> 1) % (static_cast<std::uint64_t>(largest_) + 1));
  } else {
    magnitude = static_cast<double>(static_cast<std::int64_t>(h >> (64 - digits_))) * unit_;
  }
  return sign * magnitude;
}

void KnownValues::fill(const Array& data, int rank) const {
  dispatch_all(dtype_, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = data.data<T>();
    for (std::int64_t i = 0; i < data.size(); ++i) {
      if constexpr (std::is_integral_v<T> || std::is_same_v<T, double>)
        to[i] = static_cast<T>(value(rank, i));
      else
        to[i] = static_cast<T>(static_cast<float>(value(rank, i)));
    }
  });
}

KnownValues::Expected KnownValues::expected(const Origin& origin) const {
  if (operation_ == Operation::kMove) return {value(origin.rank, origin.index), 0};
  double result = value(0, origin.index);
  double sum_of_magnitudes = std::abs(result);
  for (int rank = 1; rank < ranks_; ++rank) {
    const double v = value(rank, origin.index);
    sum_of_magnitudes += std::abs(v);
    if (operation_ == Operation::kProduct)
      result *= v;
    else if (operation_ == Operation::kMax)
      result = std::max(result, v);
    else if (operation_ == Operation::kMin)
      result = std::min(result, v);
    else
      result += v;
  }
  double n_u = ranks_ * unit_;
  if (dtype_ == Dtype::kFloat64) n_u *= 2;  // what is expected was rounded as often
  switch (operation_) {
    case Operation::kSum:
      return {result, n_u * sum_of_magnitudes};
    case Operation::kMean:
      return {result / ranks_, n_u * sum_of_magnitudes / ranks_};
    case Operation::kProduct:
      return {result, n_u * std::abs(result)};
    default:
      return {result, 0};
  }
}

std::int64_t KnownValues::count_wrong(const Array& result, const std::function<Origin(std::int64_t)>& origin) const {
  return dispatch_all(dtype_, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* found = result.data<T>();
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < result.size(); ++i) {
      const auto [value, tolerance] = expected(origin(i));
      if (!(std::abs(static_cast<double>(found[i]) - value) <= tolerance)) ++wrong;  // also true for NaN
    }
    return wrong;
  });
}

void poison(const Array& data) {
  if (data) std::memset(data.raw_data(), 255, data.bytes());
}

}  // namespace rensa::tools
