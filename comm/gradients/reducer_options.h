#pragma once

#include <cstddef>
#include <memory>

namespace rensa {

class GradientCompression;

/// How gradients travel, and who keeps what. Which options exclude each other: check_options().
struct ReducerOptions {
  // The first bucket is full with `first_bucket_bytes`, so that the network starts to work early. Those behind it are
  // full with as much as all before them have, or with a quarter of what is left, so that little travels when backward
  // has ended; but never with less than the first, nor with more than `bucket_bytes`. Full is the bucket whose last
  // gradient reaches that size: a gradient is divided only where ranks share the work (zero).
  std::size_t first_bucket_bytes = std::size_t{1} << 20;
  std::size_t bucket_bytes = std::size_t{25} << 20;
  /// Buckets leave during backward, on a thread of their own. Off: all of them in update().
  bool overlap = true;
  /// Off: buckets are followed but stay where they are. For measuring what a step costs without communication.
  bool communicate = true;
  /// A parameter that no rank used in a step counts as having a gradient of zeros. Off: it keeps no gradient and is not
  /// updated. (One that some ranks used gets the mean over all of them in any case.)
  bool zero_fill = true;
  /// update() applies the gradients of the step before, while those of this one travel during the next (staleness 1).
  /// The first update() applies nothing.
  bool double_buffering = false;
  /// update() returns at once: a parameter is waited for, and updated, when it is next read, and the buckets that are
  /// read first leave first. The same weights, bit for bit: settings that change behind update() count for the next
  /// one. Not with clipping, for which all gradients must be there. The optimizer must make its steps in
  /// update_range().
  bool carry_over = false;
  /// 1: each rank keeps 1/size of the optimizer's state and updates that part of the weights (ZeRO-1). 2: it keeps
  /// the mean gradients of its part only, too (ZeRO-2). 0: every rank keeps and updates everything.
  /// Source: Rajbhandari et al., "ZeRO: memory optimizations toward training trillion parameter models", 2020.
  int zero = 0;
  /// Makes less of a bucket before it travels (comm/gradients/compression). One for each optimizer: it remembers what
  /// it left out. Gradients of float32 or float64, on the host, no allreduce_grad_dtype and no dynamic loss scale.
  /// Null: buckets travel whole.
  std::shared_ptr<GradientCompression> compression = nullptr;
};

/// Throws ValueError for options that exclude each other, naming both; `clip_norm` is the optimizer's.
void check_options(const ReducerOptions& options, double clip_norm = 0);

}  // namespace rensa
