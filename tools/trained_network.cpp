#include "tools/trained_network.h"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "core/error.h"
#include "core/serializers/weights.h"
#include "tools/train/model_setup.h"
#include "trainer/extensions/snapshot.h"

namespace rensa::tools {

std::unique_ptr<UnaryLink> load_trained_network(const TrainOptions& options, const std::string& snapshot,
                                                const Shape& input, std::int64_t classes) {
  auto network = make_network(options, input, classes);
  load_weights(*network, snapshot, {.convert = true});
  return network;
}

std::string find_snapshot(const std::string& given) {
  if (given.empty())
    throw ConfigError("snapshot_file: none was given. Add --snapshot_file FILE, or the folder of a training run.");
  if (!std::filesystem::is_directory(given)) return given;
  const std::string newest = newest_snapshot(given);
  if (newest.empty()) throw FileError(given, ": has no snapshot_iter_… in it.");
  return newest;
}

std::vector<std::int64_t> ranked_classes(const float* scores, std::int64_t classes) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(classes));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return scores[a] > scores[b]; });
  return order;
}

}  // namespace rensa::tools
