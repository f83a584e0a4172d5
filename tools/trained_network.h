#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "comm/communicators/communicator.h"
#include "core/links/link.h"
#include "tools/train/train_options.h"
#include "trainer/extensions/snapshot.h"

namespace rensa::tools {

/// A network with the weights of a snapshot, for inference. Throws FileError if the snapshot does not fit the network.
std::unique_ptr<UnaryLink> load_trained_network(const TrainOptions& options, const std::string& snapshot,
                                                const Shape& input, std::int64_t classes);

/// A line on standard error of the command `name`, whose results are on standard output.
SnapshotDamage damage_on_stderr(std::string_view name);

/// The file that a key means: a file is itself, a folder its newest snapshot that is whole. Rank 0 looks, and all ranks
/// take what it found: a folder changes as soon as somebody trains. A call on all ranks together. Throws FileError on
/// all of them if the folder has none, with the names of what it has instead (best_iter_40, snapshot_iter_40.1).
std::string find_snapshot(const std::string& given, Communicator& comm, const SnapshotDamage& report);
/// The same for a folder that may have none, or may not be there yet: "" then.
std::string find_snapshot_if_any(const std::string& folder, Communicator& comm, const SnapshotDamage& report);

/// Throws ConfigError if the key snapshot_file has no value.
void require_snapshot(const std::string& given);

/// Class numbers by score, highest first; of equal ones the first.
std::vector<std::int64_t> ranked_classes(const float* scores, std::int64_t classes);

}  // namespace rensa::tools
