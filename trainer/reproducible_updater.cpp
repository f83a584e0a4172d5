#include "trainer/reproducible_updater.h"

#include "core/error.h"

namespace rensa {
namespace {

/// Samples begin … end of the step, which this rank's batch holds, in memory of their own: a kernel sees the same
/// shapes and the same alignment wherever the shard is computed.
Batch part_of(const Batch& batch, std::int64_t begin, std::int64_t end) {
  Batch part;
  const std::int64_t first = begin - batch.first, last = end - batch.first;
  for (const Array& field : batch.fields) {
    const Array samples = field.slice(0, {.start = first, .stop = last});
    part.fields.push_back(samples.copy(field.layout()));
  }
  part.indices.assign(batch.indices.begin() + first, batch.indices.begin() + last);
  part.first = begin;
  part.global_size = batch.global_size;
  part.is_mixed = batch.is_mixed;
  return part;
}

/// A MixedIterator leaves a sample as it is whose partner is on another rank. All ranks find the same.
void check_pairs_are_whole(const ShardRange& range, std::int64_t global_size) {
  for (int shard = 0; shard < range.shards; shard += range.count) {
    const std::int64_t begin = range.samples(shard, global_size).begin;
    if (begin % 2 == 0) continue;
    throw ValueError("reproducible: samples are mixed in pairs, but of this batch of ", global_size, " rank ",
                     shard / range.count, "'s part begins at position ", begin, ", expected an even one: on another ",
                     "number of ranks other samples would be mixed. Give every rank an even number of samples in every "
                     "batch, and no short tail.");
  }
}

}  // namespace

ReproducibleUpdater::ReproducibleUpdater(Iterator& iterator, Link& model, LossFunction loss, Optimizer& optimizer,
                                         Communicator& comm, int shards, std::uint64_t seed)
    : StandardUpdater(iterator, model, std::move(loss), optimizer, comm, seed), sums_(model, optimizer, comm, shards) {}

ReproducibleUpdater::ReproducibleUpdater(Iterator& iterator, Classifier& model, Optimizer& optimizer,
                                         Communicator& comm, int shards, std::uint64_t seed)
    : StandardUpdater(iterator, model, optimizer, comm, seed), sums_(model, optimizer, comm, shards) {}

void ReproducibleUpdater::accumulate(int count) {
  if (count == 1) return;
  throw ValueError("reproducible: ", count, " batches to accumulate, expected 1. A step is summed shard by shard ",
                   "anyway: raise the batch size and the number of shards.");
}

void ReproducibleUpdater::add_gradients(const Batch& batch, Observation& observation) {
  const ShardRange& range = sums_.range();
  const std::int64_t begin = range.samples(range.first, batch.global_size).begin;
  const std::int64_t end = range.samples(range.first + range.count - 1, batch.global_size).end;
  if (begin != batch.first || end != batch.first + batch.size()) {
    throw ValueError("reproducible: the iterator gives this rank the samples ", batch.first, " to ",
                     batch.first + batch.size(), " of the step, expected ", begin, " to ", end,
                     ". Give it rank and size, and no scattered dataset.");
  }
  if (batch.is_mixed) check_pairs_are_whole(range, batch.global_size);
  sums_.begin_step();
  for (int shard = range.first; shard < range.first + range.count; ++shard) {
    const auto samples = range.samples(shard, batch.global_size);
    const auto size = static_cast<double>(samples.end - samples.begin);
    const double share = size / static_cast<double>(batch.global_size);
    sums_.begin_shard();
    if (size > 0) {
      const Batch part = part_of(batch, samples.begin, samples.end);
      set_random_context(part);
      const Loss step = timed(Span::Phase::kForward, [&] { return loss(part); });
      Observation seen = step.observation;
      seen["main/loss"] = deferred().observe(step.loss.array(), size);
      join_means(observation, seen);
      timed(Span::Phase::kBackward, [&] { step.loss.backward({.loss_scale = share * optimizer().loss_scale()}); });
    }
    sums_.end_shard(share);
  }
  timed(Span::Phase::kReduce, [&] { sums_.finish_step(); });
}

}  // namespace rensa
