#include "comm/gradients/compression/power_sgd.h"

#include <cmath>

#include "core/array/dispatch.h"
#include "core/device/random.h"
#include "core/error.h"
#include "core/kernels/memory.h"
#include "core/kernels/product.h"

namespace rensa {
namespace {

Array matrix(const Array& flat, std::int64_t begin, std::int64_t rows, std::int64_t columns) {
  return flat.slice(0, {.start = begin, .stop = begin + rows * columns}).reshape({rows, columns});
}

/// Makes the columns of P orthonormal, one after another (Gram and Schmidt). A column that the others explain becomes
/// zeros: it then adds nothing. Returns the numbers of those.
std::vector<std::int64_t> orthonormalize(const Array& p) {
  std::vector<std::int64_t> explained;
  dispatch_floating(p.dtype(), "power_sgd", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* const data = p.data<T>();
    const std::int64_t rows = p.shape()[0], columns = p.shape()[1];
    const auto dot = [&](std::int64_t a, std::int64_t b) {
      double sum = 0;
      for (std::int64_t i = 0; i < rows; ++i) sum += static_cast<double>(data[i * columns + a]) * data[i * columns + b];
      return sum;
    };
    for (std::int64_t c = 0; c < columns; ++c) {
      const double before = std::sqrt(dot(c, c));
      for (std::int64_t other = 0; other < c; ++other) {
        const auto share = static_cast<T>(dot(c, other));
        for (std::int64_t i = 0; i < rows; ++i) data[i * columns + c] -= share * data[i * columns + other];
      }
      const double norm = std::sqrt(dot(c, c));
      const bool is_new = norm > 1e-6 * before && norm > 0;
      const T scale = is_new ? static_cast<T>(1 / norm) : T{0};
      for (std::int64_t i = 0; i < rows; ++i) data[i * columns + c] *= scale;
      if (!is_new) explained.push_back(c);
    }
  });
  return explained;
}

/// Fills columns of Q with normal numbers.
void draw(const Array& q, const std::vector<std::int64_t>& numbers, RandomStream& random) {
  dispatch_floating(q.dtype(), "power_sgd", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::int64_t rows = q.shape()[0], columns = q.shape()[1];
    for (const std::int64_t c : numbers) {
      for (std::int64_t i = 0; i < rows; ++i) q.data<T>()[i * columns + c] = static_cast<T>(random.normal());
    }
  });
}

void subtract(const Array& from, const Array& what) {
  dispatch_floating(from.dtype(), "power_sgd", [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < from.size(); ++i) from.data<T>()[i] -= what.data<T>()[i];
  });
}

}  // namespace

PowerSgd::PowerSgd(int rank) : rank_(rank) {
  if (rank < 1) throw ValueError("power_sgd: a rank of ", rank, ", expected 1 or more.");
}

void PowerSgd::attach(const std::vector<GradientBucket>& buckets) {
  states_.clear();
  for (const GradientBucket& bucket : buckets) {
    State& state = states_.emplace_back(State{.random = {/*seed=*/1, Purpose::kSynthetic, bucket.number},
                                              .matrices = {},
                                              .wholes = {},
                                              .remainder = {},
                                              .p = {},
                                              .q = {}});
    std::int64_t p = 0, q = 0;
    for (const auto& slot : bucket.slots) {
      const Shape& shape = slot.parameter->shape();
      const std::int64_t rows = shape.ndim() > 1 ? shape[0] : 1, columns = slot.size / std::max<std::int64_t>(rows, 1);
      const std::int64_t begin = slot.offset - bucket.begin;
      if (shape.ndim() < 2 || rank_ * (rows + columns) >= slot.size) {
        state.wholes.push_back({begin, slot.size, 0});
        continue;
      }
      state.matrices.push_back({begin, rows, columns, p, q});
      p += rows * rank_;
      q += columns * rank_;
    }
    const std::int64_t factors = q;
    for (Whole& whole : state.wholes) {
      whole.q = q;
      q += whole.size;
    }
    const Dtype dtype = bucket.gradients.dtype();
    state.remainder = zeros({bucket.end - bucket.begin}, dtype);
    state.p = zeros({p}, dtype);
    state.q = zeros({q}, dtype);
    dispatch_floating(dtype, "power_sgd", [&](auto tag) {
      using T = typename decltype(tag)::type;
      for (std::int64_t i = 0; i < factors; ++i) state.q.data<T>()[i] = static_cast<T>(state.random.normal());
    });
  }
}

std::size_t PowerSgd::reduce(const GradientBucket& bucket, Communicator& comm) {
  State& state = states_[bucket.number];
  const auto factor_p = [&](const Matrix& m) { return matrix(state.p, m.p, m.rows, rank_); };
  const auto factor_q = [&](const Matrix& m) { return matrix(state.q, m.q, m.columns, rank_); };
  kernels::accumulate(state.remainder, bucket.gradients);  // from here on: all that is to be sent
  for (const Matrix& m : state.matrices) {
    kernels::product(matrix(state.remainder, m.begin, m.rows, m.columns), factor_q(m), factor_p(m));
  }
  if (state.p.size() > 0) comm.all_reduce(state.p, Reduce::kMean);
  std::vector<std::vector<std::int64_t>> explained;  // of each matrix; P has the same bits on all ranks
  for (const Matrix& m : state.matrices) {
    explained.push_back(orthonormalize(factor_p(m)));
    kernels::product(matrix(state.remainder, m.begin, m.rows, m.columns).transpose(), factor_p(m), factor_q(m));
  }
  for (const Whole& w : state.wholes) {
    state.q.slice(0, {.start = w.q, .stop = w.q + w.size})
        .copy_from(bucket.gradients.slice(0, {.start = w.begin, .stop = w.begin + w.size}));
  }
  comm.all_reduce(state.q, Reduce::kMean);
  for (const Matrix& m : state.matrices) {
    const Array mean = matrix(bucket.gradients, m.begin, m.rows, m.columns);
    kernels::product(factor_p(m), factor_q(m).transpose(), mean);
    subtract(matrix(state.remainder, m.begin, m.rows, m.columns), mean);
  }
  // Zeros in Q would give zeros in the next P, and so on for ever.
  for (std::size_t i = 0; i < explained.size(); ++i) draw(factor_q(state.matrices[i]), explained[i], state.random);
  for (const Whole& w : state.wholes) {
    const Slice place{.start = w.begin, .stop = w.begin + w.size};
    bucket.gradients.slice(0, place).copy_from(state.q.slice(0, {.start = w.q, .stop = w.q + w.size}));
    state.remainder.slice(0, place).fill(0);
  }
  return state.p.bytes() + state.q.bytes();
}

}  // namespace rensa
