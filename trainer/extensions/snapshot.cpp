#include "trainer/extensions/snapshot.h"

#include <algorithm>
#include <filesystem>
#include <memory>
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

/// Writes the file and removes the oldest; returns what went wrong.
std::string save(const NpzWriter& writer, const std::string& folder, std::int64_t iteration, int keep) {
  try {
    writer.save(folder + "/" + std::string(kPrefix) + std::to_string(iteration));
    const auto files = list_snapshots(folder);
    const auto kept = static_cast<std::size_t>(keep);
    for (std::size_t i = 0; keep > 0 && i + kept < files.size(); ++i) std::filesystem::remove(files[i].second);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

}  // namespace

Snapshot::Snapshot(const SnapshotOptions& options) : options_(options) {}

Snapshot::~Snapshot() {
  if (writing_.valid()) writing_.wait();
}

void Snapshot::initialize(Trainer& trainer) {
  if (options_.on_error && trainer.comm().size() > 1) {
    throw ValueError("snapshot: on_error is for runs of one rank, this one has ", trainer.comm().size(),
                     ". After a failure go on from the newest snapshot.");
  }
}

std::string Snapshot::failure_of_last() { return writing_.valid() ? writing_.get() : ""; }

void Snapshot::agree(Trainer& trainer, const std::string& failure) {
  const std::string agreed = trainer.comm().broadcast_bytes(failure, /*root=*/0);
  if (!agreed.empty()) throw FileError(agreed);
}

void Snapshot::operator()(Trainer& trainer) {
  std::string failure = failure_of_last();
  if (options_.in_background) agree(trainer, failure);
  average_persistents(trainer.updater().model(), trainer.comm());
  auto writer = std::make_shared<NpzWriter>();
  trainer.serialize(*writer);
  const auto write = [writer, folder = trainer.out(), iteration = trainer.updater().iteration(), keep = options_.keep] {
    return save(*writer, folder, iteration, keep);
  };
  const bool writes = trainer.comm().rank() == 0;
  if (options_.in_background) {
    if (writes) writing_ = std::async(std::launch::async, write);
    return;
  }
  agree(trainer, writes ? write() : "");
}

void Snapshot::end_of_run(Trainer& trainer) {
  if (options_.in_background) agree(trainer, failure_of_last());
}

void Snapshot::on_error(Trainer& trainer, std::exception_ptr /*error*/) {
  if (!options_.on_error) return;
  NpzWriter writer;
  trainer.serialize(writer);
  save(writer, trainer.out(), trainer.updater().iteration(), options_.keep);  // the first error is the one to tell
}

void Snapshot::finalize(Trainer&) { failure_of_last(); }

std::string newest_snapshot(const std::string& folder) {
  const auto files = list_snapshots(folder);
  return files.empty() ? "" : files.back().second;
}

std::string newest_whole_snapshot(const std::string& folder,
                                  const std::function<void(const std::string& damage)>& report) {
  auto files = list_snapshots(folder);
  for (; !files.empty(); files.pop_back()) {
    try {
      const NpzReader whole(files.back().second);
      return files.back().second;
    } catch (const FileError& damage) {
      if (report) report(damage.what());
    }
  }
  return "";
}

void resume(Trainer& trainer, const std::string& path) {
  NpzReader reader(path);
  trainer.serialize(reader);
}

}  // namespace rensa
