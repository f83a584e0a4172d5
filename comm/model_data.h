#pragma once

#include "comm/communicators/communicator.h"
#include "core/links/link.h"

namespace rensa {

/// Gives every rank the parameters and persistent values of `root`'s model. Those that have no shape yet are left out;
/// the models must agree on which those are. DistributedOptimizer::setup() does it by itself.
void broadcast_data(Communicator& comm, Link& model, int root = 0);

/// Replaces each gradient by its mean over the ranks, without an optimizer (ChainerMN's multi_node_mean_grad; with one,
/// use DistributedOptimizer, which overlaps this with backward). The mean counts all ranks.
///
///   zero_fill   a rank without a gradient counts as zeros and gets the mean. Off: a parameter that some rank has no
///               gradient of is left alone everywhere.
/// Throws ValueError that names the parameter if a mean is not finite while `check_finite` is on ("diverged").
void mean_gradients(Communicator& comm, Link& model, bool zero_fill = false, bool check_finite = false);

}  // namespace rensa
