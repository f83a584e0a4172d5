#include "trainer/extensions/snapshot.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/serializers/npz.h"
#include "trainer/extensions/evaluator.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

constexpr std::string_view kPrefix = "snapshot_iter_";

/// (iteration, path) of the snapshots in a folder, oldest first.
std::vector<std::pair<std::int64_t, std::string>> list_snapshots(const std::string& folder) {
  std::vector<std::pair<std::int64_t, std::string>> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const std::string digits = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : "";
    if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos) continue;
    found.emplace_back(std::stoll(digits), entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

Snapshot::Snapshot(const SnapshotOptions& options) : options_(options) {}

void Snapshot::operator()(Trainer& trainer) {
  Communicator& comm = trainer.comm();
  average_persistents(trainer.updater().model(), comm);
  NpzWriter writer;
  trainer.serialize(writer);
  std::string failure;
  if (comm.rank() == 0) {
    try {
      writer.save(trainer.out() + "/" + std::string(kPrefix) + std::to_string(trainer.updater().iteration()));
      const auto files = list_snapshots(trainer.out());
      const auto keep = static_cast<std::size_t>(options_.keep);
      for (std::size_t i = 0; options_.keep > 0 && i + keep < files.size(); ++i) std::filesystem::remove(files[i].second);
    } catch (const std::exception& e) {
      failure = e.what();
    }
  }
  failure = comm.broadcast_bytes(failure, 0);
  if (!failure.empty()) throw FileError(failure);
}

std::string newest_snapshot(const std::string& folder) {
  const auto files = list_snapshots(folder);
  return files.empty() ? "" : files.back().second;
}

void resume(Trainer& trainer, const std::string& path) {
  NpzReader reader(path);
  trainer.serialize(reader);
}

}  // namespace rensa
