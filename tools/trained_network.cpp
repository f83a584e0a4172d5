#include "tools/trained_network.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <numeric>

#include "core/error.h"
#include "core/serializers/weights.h"
#include "tools/train/model_setup.h"
#include "trainer/extensions/snapshot.h"

namespace rensa::tools {
namespace {

template <class Look>
std::string as_rank_0_finds(Communicator& comm, const Look& look) {
  return comm.broadcast_bytes(comm.rank() == 0 ? look() : std::string(), /*root=*/0);
}

/// What a folder without the trainer's own snapshots has instead, as a sentence to go on with.
std::string other_snapshots(const std::string& folder) {
  constexpr std::size_t kMost = 5;
  std::vector<std::string> found = files_named_as_snapshots(folder);
  std::erase_if(found, [](const std::string& name) {  // the damaged ones, which are named already
    return name.starts_with(kSnapshotPrefix) && name.find('.') == std::string::npos;
  });
  if (found.empty()) return "";
  std::string names = found[0];
  for (std::size_t i = 1; i < found.size() && i < kMost; ++i) names += ", " + found[i];
  return " Of other names there are: " + names + (found.size() > kMost ? ", …" : "") +
         ". To take one of them give it as the file.";
}

}  // namespace

std::unique_ptr<UnaryLink> load_trained_network(const TrainOptions& options, const std::string& snapshot,
                                                const Shape& input, std::int64_t classes) {
  auto network = make_network(options, input, classes);
  load_weights(*network, snapshot, {.convert = true});
  return network;
}

SnapshotDamage damage_on_stderr(std::string_view name) {
  return [name = std::string(name)](const std::string& damage) {
    std::cerr << "rensa " << name << ": passed over: " << damage << '\n';
  };
}

std::string find_snapshot(const std::string& given, Communicator& comm, const SnapshotDamage& report) {
  const std::string path = as_rank_0_finds(
      comm, [&] { return std::filesystem::is_directory(given) ? newest_whole_snapshot(given, report) : given; });
  if (path.empty()) throw FileError(given, ": has no whole ", kSnapshotPrefix, "… in it.", other_snapshots(given));
  return path;
}

std::string find_snapshot_if_any(const std::string& folder, Communicator& comm, const SnapshotDamage& report) {
  return as_rank_0_finds(comm, [&] { return newest_whole_snapshot(folder, report); });
}

void require_snapshot(const std::string& given) {
  if (!given.empty()) return;
  throw ConfigError("snapshot_file: none was given. Add --snapshot_file FILE, or the folder of a training run.");
}

std::vector<std::int64_t> ranked_classes(const float* scores, std::int64_t classes) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(classes));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return scores[a] > scores[b]; });
  return order;
}

}  // namespace rensa::tools
