#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/links/link.h"
#include "tools/train/train_options.h"

namespace rensa::tools {

/// A network with the weights of a snapshot, for inference. Throws FileError if the snapshot does not fit the network.
std::unique_ptr<UnaryLink> load_trained_network(const TrainOptions& options, const std::string& snapshot,
                                                const Shape& input, std::int64_t classes);

/// A snapshot file, or the newest one of a folder. Throws FileError if there is none.
std::string find_snapshot(const std::string& given);

/// Class numbers by score, highest first; of equal ones the first.
std::vector<std::int64_t> ranked_classes(const float* scores, std::int64_t classes);

}  // namespace rensa::tools
