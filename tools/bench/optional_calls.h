#pragma once

#include <optional>

#include "comm/communicators/communicator.h"
#include "tools/bench/known_values.h"

/// What communicators may lack, looked up when this is compiled: it is measured as soon as it is there.
namespace rensa::tools {

template <class C>
constexpr bool kHasReduce = requires(C& comm, const Array& data) {
  comm.reduce(data, 0, Reduce::kSum);
};

template <class C>
void reduce_to_root(C& comm, const Array& data, int root, Reduce op) {
  if constexpr (kHasReduce<C>) comm.reduce(data, root, op);
}

/// Memory of the node that all its ranks can address, by a call on all ranks together; no array if the communicator
/// hands out none.
template <class C>
Array allocate_shared(C& comm, std::int64_t count, Dtype dtype) {
  if constexpr (requires {
                  { comm.allocate_shared(count, dtype) } -> std::convertible_to<Array>;
                }) {
    return comm.allocate_shared(count, dtype);
  } else {
    return Array();
  }
}

/// Nothing for kMove and for what communicators do not know.
template <class R = Reduce>
std::optional<R> reduce_of(Operation operation) {
  if (operation == Operation::kSum) return R::kSum;
  if (operation == Operation::kMax) return R::kMax;
  if (operation == Operation::kMin) return R::kMin;
  if constexpr (requires { R::kProduct; }) {
    if (operation == Operation::kProduct) return R::kProduct;
  }
  if constexpr (requires { R::kMean; }) {
    if (operation == Operation::kMean) return R::kMean;
  }
  return std::nullopt;
}

}  // namespace rensa::tools
