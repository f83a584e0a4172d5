#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "comm/array_messages.h"
#include "core/error.h"
#include "tests/conformance/conformance.h"

namespace rensa::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;

const std::vector<Dtype> kCarried = {Dtype::kInt32,   Dtype::kInt64,    Dtype::kFloat32, Dtype::kFloat64,
                                     Dtype::kFloat16, Dtype::kBFloat16, Dtype::kUInt8};
/// No axes, lengths that no number of ranks divides, two axes; for two of the dtypes one that takes several pieces.
std::vector<Shape> shapes_and(const Shape& long_one, Dtype dtype) {
  std::vector<Shape> all = {{}, {1}, {5}, {3, 7}, {4001}};
  if (dtype == Dtype::kFloat32 || dtype == Dtype::kFloat16) all.push_back(long_one);
  return all;
}
std::vector<Shape> shapes(Dtype dtype) { return shapes_and({2, 150001}, dtype); }
std::vector<Shape> part_shapes(Dtype dtype) { return shapes_and({100003}, dtype); }

/// The shape of `size` parts.
Shape parts_of(int size, const Shape& part) {
  Shape whole = {size};
  for (int axis = 0; axis < part.ndim(); ++axis) whole.push_back(part[axis]);
  return whole;
}

/// Whole numbers that stay exact in bfloat16 and uint8.
Array numbers(const Shape& shape, Dtype dtype, int rank) {
  Array x = empty(shape, Dtype::kFloat32);
  for (std::int64_t i = 0; i < x.size(); ++i) x.data<float>()[i] = static_cast<float>((i + 3 * rank) % 7);
  return x.to(dtype);
}

std::vector<float> reduced(const Shape& shape, int size, Reduce op) {
  std::vector<float> result(static_cast<std::size_t>(total_size(shape)));
  for (std::size_t i = 0; i < result.size(); ++i) {
    for (int rank = 0; rank < size; ++rank) {
      const auto value = static_cast<float>((static_cast<std::int64_t>(i) + 3 * rank) % 7);
      float& to = result[i];
      switch (op) {
        case Reduce::kSum:
          to = rank == 0 ? value : to + value;
          break;
        case Reduce::kMean:
          to = (rank == 0 ? 0 : to) + value / static_cast<float>(size);
          break;
        case Reduce::kMax:
          to = rank == 0 ? value : std::max(to, value);
          break;
        case Reduce::kMin:
          to = rank == 0 ? value : std::min(to, value);
          break;
        case Reduce::kProduct:
          to = rank == 0 ? value : to * value;
          break;
      }
    }
  }
  return result;
}

void expect_near(const Array& found, const std::vector<float>& expected, Dtype dtype, const char* what) {
  const std::vector<float> values = to_vector<float>(found);
  ASSERT_EQ(values.size(), expected.size());
  const float tolerance = dtype == Dtype::kBFloat16 ? 0.01f : dtype == Dtype::kFloat16 ? 0.002f : 1e-6f;
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_LE(std::abs(values[i] - expected[i]), tolerance * std::max(1.0f, std::abs(expected[i])))
        << what << " of " << found.shape() << " " << dtype << " at " << i;
  }
}

/// As EXPECT_THAT(…, Each(value)), which takes its time on long arrays.
void expect_each(const Array& found, int value) {
  const std::vector<float> values = to_vector<float>(found);
  EXPECT_EQ(std::count(values.begin(), values.end(), static_cast<float>(value)), found.size())
      << "elements that are " << value;
}

void all_reduce(Communicator& comm, Dtype dtype) {
  for (const Shape& shape : shapes(dtype)) {
    for (const Reduce op : {Reduce::kSum, Reduce::kMean, Reduce::kMax, Reduce::kMin, Reduce::kProduct}) {
      if (op == Reduce::kMean && !is_floating(dtype)) continue;
      if (op == Reduce::kProduct && item_size(dtype) < 4) continue;  // 6^4 does not fit
      if (op != Reduce::kSum && op != Reduce::kMean && shape.ndim() == 2 && shape[1] > 1000) continue;
      const Array x = numbers(shape, dtype, comm.rank());
      comm.all_reduce(x, op);
      expect_near(x, reduced(shape, comm.size(), op), dtype, "all_reduce");
    }
  }
}

void shared_memory(Communicator& comm) {
  const Array arena = comm.allocate_shared(60000, Dtype::kFloat32);
  expect_each(arena, 0);
  for (int step = 0; step < 3; ++step) {
    for (const std::int64_t begin : {std::int64_t{0}, std::int64_t{20000}}) {
      const Array bucket = arena.slice(0, {.start = begin, .stop = begin + 20000});
      bucket.fill(comm.rank() + step);
      comm.all_reduce(bucket);
      const int sum = comm.size() * (comm.size() - 1) / 2 + comm.size() * step;
      expect_each(bucket, sum);
    }
  }
  // reduce-scatter and all-gather in place, as sharded optimizers do
  const std::int64_t part = 60000 / comm.size();
  const Array even = arena.slice(0, {.stop = part * comm.size()});
  const Array mine = even.reshape({comm.size(), part}).select(0, comm.rank());
  even.fill(comm.rank() + 1);
  comm.reduce_scatter(even, mine);
  comm.all_gather(mine, even);
  expect_each(even, comm.size() * (comm.size() + 1) / 2);
}

/// NaN of any rank reaches all, wherever among the ranks it comes from.
void extremes_keep_nan(Communicator& comm, Dtype dtype) {
  const int rank = comm.rank(), size = comm.size();
  const auto count_nan = [](const Array& x) {
    const std::vector<float> values = to_vector<float>(x);
    return std::count_if(values.begin(), values.end(), [](float value) { return std::isnan(value); });
  };
  for (const std::int64_t count : {1, 1000}) {
    for (int who = 0; who < size; ++who) {
      for (const Reduce op : {Reduce::kMax, Reduce::kMin}) {
        const auto mine = [&](const Shape& shape) { return full(shape, rank == who ? std::nan("") : 5, dtype); };
        const Array all = mine({count}), one = mine({count}), parts = mine({size, count}), part = zeros({count}, dtype);
        comm.all_reduce(all, op);
        comm.reduce(one, size - 1, op);
        comm.reduce_scatter(parts, part, op);
        EXPECT_EQ(count_nan(all), count) << "of rank " << who;
        if (rank == size - 1) {
          EXPECT_EQ(count_nan(one), count) << "of rank " << who;
        }
        EXPECT_EQ(count_nan(part), count) << "of rank " << who;
      }
    }
  }
}

void reduce_to_any_root(Communicator& comm, Dtype dtype) {
  for (int root = 0; root < comm.size(); ++root) {
    for (const Shape& shape : shapes(dtype)) {
      const Array x = numbers(shape, dtype, comm.rank());
      comm.reduce(x, root);
      if (comm.rank() == root) expect_near(x, reduced(shape, comm.size(), Reduce::kSum), dtype, "reduce");
    }
  }
}

void broadcast(Communicator& comm, Dtype dtype) {
  for (int root = 0; root < comm.size(); ++root) {
    for (const Shape& shape : shapes(dtype)) {
      const Array x = numbers(shape, dtype, comm.rank());
      comm.broadcast(x, root);
      ASSERT_EQ(to_vector<float>(x), to_vector<float>(numbers(shape, dtype, root)));
    }
  }
}

void reduce_scatter(Communicator& comm, Dtype dtype) {
  const int rank = comm.rank(), size = comm.size();
  for (const Shape& part : part_shapes(dtype)) {
    const Array whole = numbers(parts_of(size, part), dtype, rank), mine = empty(part, dtype);
    comm.reduce_scatter(whole, mine);
    const std::vector<float> sums = reduced(whole.shape(), size, Reduce::kSum);
    const auto begin = sums.begin() + rank * mine.size();
    expect_near(mine, {begin, begin + mine.size()}, dtype, "reduce_scatter");
    const Array inside = numbers(whole.shape(), dtype, rank);
    comm.reduce_scatter(inside, inside.select(0, rank));
    EXPECT_EQ(to_vector<float>(inside.select(0, rank)), to_vector<float>(mine));
  }
}

void gather_and_scatter(Communicator& comm, Dtype dtype) {
  const int rank = comm.rank(), size = comm.size(), root = size - 1;
  for (const Shape& part : part_shapes(dtype)) {
    const Shape whole = parts_of(size, part);
    const Array mine = numbers(part, dtype, rank), all = empty(whole, dtype), in_place = zeros(whole, dtype);
    comm.all_gather(mine, all);
    in_place.select(0, rank).copy_from(mine);
    comm.all_gather(in_place.select(0, rank), in_place);
    const Array gathered = rank == root ? empty(whole, dtype) : Array();
    comm.gather(mine, gathered, root);
    for (int r = 0; r < size; ++r) {
      const std::vector<float> expected = to_vector<float>(numbers(part, dtype, r));
      ASSERT_EQ(to_vector<float>(all.select(0, r)), expected);
      ASSERT_EQ(to_vector<float>(in_place.select(0, r)), expected);
      if (rank == root) {
        ASSERT_EQ(to_vector<float>(gathered.select(0, r)), expected);
      }
    }
    const Array back = empty(part, dtype);
    comm.scatter(gathered, back, root);
    ASSERT_EQ(to_vector<float>(back), to_vector<float>(mine));
  }
}

void all_to_all(Communicator& comm, Dtype dtype) {
  const int rank = comm.rank(), size = comm.size();
  for (const Shape& part : part_shapes(dtype)) {
    const Array sent = empty(parts_of(size, part), dtype), received = empty(sent.shape(), dtype);
    for (int r = 0; r < size; ++r) sent.select(0, r).fill(2 * rank + r);
    comm.all_to_all(sent, received);
    for (int r = 0; r < size; ++r) expect_each(received.select(0, r), 2 * r + rank);
  }
}

void arrays_with_gaps(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size();
  const Array whole = full({6, 8}, -1);
  const Array x = whole.slice(0, {.step = 2}).slice(1, {.start = 1, .stop = 6}).transpose();
  x.fill(rank + 1);
  comm.all_reduce(x);
  EXPECT_THAT(to_vector<float>(x), Each(static_cast<float>(size * (size + 1) / 2)));
  EXPECT_THAT(to_vector<float>(whole.slice(0, {.start = 1, .step = 2})), Each(-1.0f));
  x.fill(rank);
  comm.broadcast(x, size - 1);
  EXPECT_THAT(to_vector<float>(x), Each(static_cast<float>(size - 1)));
  if (size == 1) return;
  const int next = (rank + 1) % size, before = (rank + size - 1) % size;
  x.fill(rank);
  const Work work = comm.start([&](Communicator& c) { c.send(x, next); });
  const Array got = zeros({10, 3}).slice(0, {.step = 2});
  const Work other = comm.start([&](Communicator& c) { c.recv(got, before); });
  work.wait();
  other.wait();
  EXPECT_THAT(to_vector<float>(got), Each(static_cast<float>(before)));
}

void parts_with_gaps(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size(), root = size / 2;
  const auto with_gaps = [](int rows) { return full({rows, 6}, -1).slice(1, {.step = 2}); };
  const auto expect_row = [](const Array& rows, int row, int value) { expect_each(rows.select(0, row), value); };
  const Array in = with_gaps(size), out = with_gaps(size), mine = with_gaps(1);
  for (int r = 0; r < size; ++r) in.select(0, r).fill(10 * rank + r);
  comm.all_to_all(in, out);
  for (int r = 0; r < size; ++r) expect_row(out, r, 10 * r + rank);
  comm.reduce_scatter(in, mine);
  expect_row(mine, 0, 10 * size * (size - 1) / 2 + size * rank);
  mine.fill(rank);
  comm.all_gather(mine, out);
  for (int r = 0; r < size; ++r) expect_row(out, r, r);
  out.fill(-1);
  mine.fill(rank + 5);
  comm.gather(mine, rank == root ? out : Array(), root);
  for (int r = 0; r < size && rank == root; ++r) expect_row(out, r, r + 5);
  mine.fill(-1);
  comm.scatter(rank == root ? out : Array(), mine, root);
  expect_row(mine, 0, rank + 5);
}

void work_goes_on(Communicator& comm) {
  std::vector<Array> arrays;
  std::vector<Work> works;
  for (int i = 0; i < 5; ++i) {
    arrays.push_back(full({1000 * (i + 1)}, comm.rank() + i));
    works.push_back(comm.start([x = arrays.back()](Communicator& c) { c.all_reduce(x); }));
  }
  for (int i = 4; i >= 0; --i) {
    works[static_cast<std::size_t>(i)].wait();
    EXPECT_TRUE(works[static_cast<std::size_t>(i)].test());
    const int sum = comm.size() * (comm.size() - 1) / 2 + comm.size() * i;
    EXPECT_THAT(to_vector<float>(arrays[static_cast<std::size_t>(i)]), Each(static_cast<float>(sum)));
  }
  EXPECT_TRUE(Work().test());
  if (comm.size() == 1) return;
  // a call that waits for another rank is not done, and says so
  const Array token = zeros({1});
  if (comm.rank() == 0) {
    const Work late = comm.start([&](Communicator& c) { c.recv(token, 1, 9); });
    EXPECT_FALSE(late.wait_for(std::chrono::milliseconds(20)));
    comm.barrier();
    EXPECT_TRUE(late.wait_for(std::chrono::seconds(60)));
  } else {
    comm.start([](Communicator&) {});  // the first start() is a call on all ranks together
    comm.barrier();
    if (comm.rank() == 1) comm.start([&](Communicator& c) { c.send(token, 0, 9); }).wait();
  }
}

void splits(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size();
  const auto halves = comm.split(rank % 2, -rank);  // in reverse order of ranks
  ASSERT_TRUE(halves);
  if (comm.name() != "auto" && comm.name() != "two_dimensional") {  // which depend on the nodes
    EXPECT_EQ(halves->name(), comm.name());
  }
  EXPECT_EQ(halves->size(), (size + 1 - rank % 2) / 2);
  EXPECT_EQ(halves->rank(), halves->size() - 1 - rank / 2);
  const Array sum = full({20000}, rank);
  halves->all_reduce(sum);
  float expected = 0;
  for (int r = rank % 2; r < size; r += 2) expected += static_cast<float>(r);
  EXPECT_THAT(to_vector<float>(sum), Each(expected));
  const auto some = comm.split(rank == 0 ? -1 : 0, rank);
  EXPECT_EQ(some == nullptr, rank == 0);
}

void places(Communicator& comm) {
  const RankPlace& mine = comm.place();
  const Array all = empty({comm.size(), 6}, Dtype::kInt32);
  comm.all_gather(
      array<std::int32_t>({mine.rank, mine.size, mine.intra_rank, mine.intra_size, mine.inter_rank, mine.inter_size}),
      all);
  std::vector<int> node_sizes(static_cast<std::size_t>(mine.inter_size));
  for (int r = 0; r < comm.size(); ++r) {
    const auto place = to_vector<int>(all.select(0, r));
    EXPECT_EQ(place[0], r);
    EXPECT_EQ(place[1], comm.size());
    EXPECT_EQ(place[5], mine.inter_size);
    ASSERT_LT(place[4], mine.inter_size);
    EXPECT_EQ(place[2], node_sizes[static_cast<std::size_t>(place[4])]++) << "counted in the order of ranks";
  }
  for (int r = 0; r < comm.size(); ++r) {
    const auto place = to_vector<int>(all.select(0, r));
    EXPECT_EQ(place[3], node_sizes[static_cast<std::size_t>(place[4])]);
  }
}

void bad_calls_are_refused(Communicator& comm) {
  EXPECT_THROW(comm.broadcast(zeros({2}), comm.size()), ValueError);
  EXPECT_THROW(comm.all_reduce(Array()), ValueError);
  EXPECT_THROW(comm.all_reduce(zeros({2}, Dtype::kBool)), DtypeError);
  EXPECT_THROW(comm.all_reduce(zeros({2}, Dtype::kInt32), Reduce::kMean), DtypeError);
  EXPECT_THROW(comm.all_gather(zeros({2}), zeros({comm.size() * 2 + 1})), ShapeError);
  EXPECT_THROW(comm.all_gather(zeros({2}), zeros({comm.size() * 2}, Dtype::kInt32)), DtypeError);
  EXPECT_THROW(comm.send(zeros({2}), comm.rank()), ValueError);
  EXPECT_THROW(comm.recv_bytes(comm.size()), ValueError);
  const int other = (comm.rank() + 1) % comm.size();
  EXPECT_THROW(comm.send(zeros({2}), other, -1), ValueError);
  EXPECT_THROW(comm.recv(zeros({2}), other, -3), ValueError);
  EXPECT_THROW(comm.send_bytes("two", other, -1), ValueError);
  EXPECT_THROW(comm.recv_bytes(other, -3), ValueError);
  EXPECT_THROW(comm.allocate_shared(-1, Dtype::kFloat32), ValueError);
  EXPECT_THROW(scatter_arrays(comm, {}, comm.rank()), ValueError);
  EXPECT_THROW(all_to_all_arrays(comm, {}), ValueError);
}

}  // namespace

std::vector<ConformanceCheck> array_checks() {
  std::vector<ConformanceCheck> checks = {{"shared_memory", shared_memory},
                                          {"arrays_with_gaps", arrays_with_gaps},
                                          {"parts_with_gaps", parts_with_gaps},
                                          {"work_goes_on", work_goes_on},
                                          {"splits", splits},
                                          {"places", places},
                                          {"bad_calls_are_refused", bad_calls_are_refused}};
  const auto add = [&](const char* name, void (*run)(Communicator&, Dtype)) {
    for (ConformanceCheck& check : for_each_dtype(name, kCarried, run)) checks.push_back(std::move(check));
  };
  add("all_reduce", all_reduce);
  for (ConformanceCheck& check :
       for_each_dtype("extremes_keep_nan", {Dtype::kFloat32, Dtype::kFloat64, Dtype::kFloat16}, extremes_keep_nan)) {
    check.nccl_does_it = false;  // the maximum of NaN and a number is the number there
    checks.push_back(std::move(check));
  }
  add("reduce_to_any_root", reduce_to_any_root);
  add("broadcast", broadcast);
  add("reduce_scatter", reduce_scatter);
  add("gather_and_scatter", gather_and_scatter);
  add("all_to_all", all_to_all);
  return checks;
}

}  // namespace rensa::testing
