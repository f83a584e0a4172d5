#include "tools/bench/collective.h"

#include <algorithm>
#include <vector>

namespace rensa::tools {
namespace {

using Origin = KnownValues::Origin;

double every_rank_but_one(int ranks) { return static_cast<double>(ranks - 1) / ranks; }
double twice_every_rank_but_one(int ranks) { return 2 * every_rank_but_one(ranks); }
double once(int /*ranks*/) { return 1; }

void copy_unless_same(const Array& in, const Array& out) {
  if (in && in.raw_data() != out.raw_data()) out.copy_from(in);
}

void send_recv(const CollectiveCall& c) {
  const int rank = c.comm.rank(), size = c.comm.size();
  const int next = (rank + 1) % size, previous = (rank + size - 1) % size;
  if (size == 1) return c.out.copy_from(c.in);
  if (rank % 2 == 0) c.comm.send(c.in, next);
  c.comm.recv(c.out, previous);
  if (rank % 2 == 1) c.comm.send(c.in, next);
}

Origin same_place(int /*rank*/, int /*ranks*/, int root, std::int64_t /*count*/, std::int64_t i) { return {root, i}; }
Origin my_part(int rank, int /*ranks*/, int root, std::int64_t count, std::int64_t i) {
  return {root, rank * count + i};
}
Origin part_of_each(int /*rank*/, int /*ranks*/, int /*root*/, std::int64_t count, std::int64_t i) {
  return {static_cast<int>(i / count), i % count};
}
Origin my_part_of_each(int rank, int /*ranks*/, int /*root*/, std::int64_t count, std::int64_t i) {
  return {static_cast<int>(i / count), rank * count + i % count};
}
Origin from_previous(int rank, int ranks, int /*root*/, std::int64_t /*count*/, std::int64_t i) {
  return {(rank + ranks - 1) % ranks, i};
}

std::vector<Collective> all_collectives() {
  constexpr auto kParts = Collective::kCountPerRank;
  std::vector<Collective> all = {
      {.name = "all_reduce",
       .reduces = true,
       .bus_factor = twice_every_rank_but_one,
       .run = [](const CollectiveCall& c) { copy_unless_same(c.in, c.out), c.comm.all_reduce(c.out, c.op); },
       .origin = same_place},
      {.name = "reduce_scatter",
       .in = kParts,
       .reduces = true,
       .bus_factor = every_rank_but_one,
       .run = [](const CollectiveCall& c) { c.comm.reduce_scatter(c.in, c.out, c.op); },
       .origin = my_part},
      {.name = "all_gather",
       .out = kParts,
       .bus_factor = every_rank_but_one,
       .run = [](const CollectiveCall& c) { c.comm.all_gather(c.in, c.out); },
       .origin = part_of_each},
      {.name = "broadcast",
       .in_only_on_root = true,
       .has_root = true,
       .bus_factor = once,
       .run = [](const CollectiveCall& c) { copy_unless_same(c.in, c.out), c.comm.broadcast(c.out, c.root); },
       .origin = same_place},
      {.name = "gather",
       .out = kParts,
       .out_only_on_root = true,
       .result_only_on_root = true,
       .has_root = true,
       .bus_factor = every_rank_but_one,
       .run = [](const CollectiveCall& c) { c.comm.gather(c.in, c.out, c.root); },
       .origin = part_of_each},
      {.name = "scatter",
       .in = kParts,
       .in_only_on_root = true,
       .has_root = true,
       .bus_factor = every_rank_but_one,
       .run = [](const CollectiveCall& c) { c.comm.scatter(c.in, c.out, c.root); },
       .origin = my_part},
      {.name = "all_to_all",
       .in = kParts,
       .out = kParts,
       .has_in_place = false,
       .bus_factor = every_rank_but_one,
       .run = [](const CollectiveCall& c) { c.comm.all_to_all(c.in, c.out); },
       .origin = my_part_of_each},
      {.name = "send_recv", .has_in_place = false, .bus_factor = once, .run = send_recv, .origin = from_previous},
  };
  // Every rank has an `out`, as reduce() works in place; only root's is a result.
  all.push_back(
      {.name = "reduce",
       .result_only_on_root = true,
       .reduces = true,
       .has_root = true,
       .bus_factor = once,
       .run = [](const CollectiveCall& c) { copy_unless_same(c.in, c.out), c.comm.reduce(c.out, c.root, c.op); },
       .origin = same_place});
  return all;
}

}  // namespace

std::int64_t Collective::bytes(std::int64_t count, int ranks, Dtype dtype) const {
  return count * (has_parts() ? ranks : 1) * static_cast<std::int64_t>(item_size(dtype));
}

std::int64_t Collective::count(std::int64_t bytes, int ranks, Dtype dtype) const {
  return std::max<std::int64_t>(1, bytes / this->bytes(1, ranks, dtype));
}

CollectiveCall make_call(const Collective& collective, Communicator& comm, std::int64_t count, bool in_place, int root,
                         Reduce op, const MakeArray& make) {
  const int rank = comm.rank(), size = comm.size();
  const bool has_in = !collective.in_only_on_root || rank == root,
             has_out = !collective.out_only_on_root || rank == root;
  const std::int64_t in_size = collective.in == Collective::kCountPerRank ? count * size : count;
  const std::int64_t out_size = collective.out == Collective::kCountPerRank ? count * size : count;
  CollectiveCall call{.comm = comm, .in = {}, .out = {}, .root = root, .op = op};
  if (!in_place) {
    call.in = make(in_size, has_in);
    call.out = make(out_size, has_out);
    return call;
  }
  const Array whole = make(std::max(in_size, out_size), has_in && has_out);
  const Array alone =
      make(std::min(in_size, out_size), !(has_in && has_out));  // where there is nothing to overlap with
  const auto placed = [&](std::int64_t elements) {
    if (!whole) return alone;
    return elements == whole.size() ? whole : whole.reshape({size, elements}).select(0, rank);
  };
  if (has_in) call.in = placed(in_size);
  if (has_out) call.out = placed(out_size);
  return call;
}

std::span<const Collective> collectives() {
  static const std::vector<Collective> all = all_collectives();
  return all;
}

}  // namespace rensa::tools
