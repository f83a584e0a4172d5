#pragma once

#include <cstdint>
#include <memory>

#include "comm/communicators/communicator.h"
#include "trainer/datasets/sub_dataset.h"

namespace rensa {

/// Options of scatter_dataset().
struct ScatterOptions {
  bool shuffle = false;    ///< deal the samples in a random order, the same on all ranks
  std::uint64_t seed = 0;  ///< of that order
  /// Every rank gets the same number, as ChainerMN's scatter_dataset does: the first samples fill up the last parts.
  /// Off: sizes differ by at most one and every sample belongs to one rank only.
  bool force_equal_length = true;
};

/// This rank's part of a dataset that every rank can open: numbers are dealt, no sample travels. The gradient of a step
/// is the same without it when the iterators take each rank's part of a global batch (IteratorOptions::rank), which is
/// what `rensa train` does; scattering is for programs written in ChainerMN's way.
std::shared_ptr<SubDataset> scatter_dataset(std::shared_ptr<const Dataset> dataset, const Communicator& comm,
                                            const ScatterOptions& options = {});

}  // namespace rensa
