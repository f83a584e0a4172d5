#include "trainer/extensions/snapshot.h"

#include <algorithm>
#include <chrono>
#include <compare>
#include <filesystem>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/serializers/file_reader.h"
#include "core/serializers/npz.h"
#include "trainer/extensions/evaluator.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

struct SnapshotFile {
  std::filesystem::file_time_type written;
  std::int64_t iteration;
  std::string path;
  auto operator<=>(const SnapshotFile&) const = default;
};

/// The snapshots in a folder, oldest first.
std::vector<SnapshotFile> list_snapshots(const std::string& folder, const std::string& prefix) {
  std::vector<SnapshotFile> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const std::string digits = name.starts_with(prefix) ? name.substr(prefix.size()) : "";
    if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto written = entry.last_write_time(error);
    if (!error) found.push_back({written, std::stoll(digits), entry.path().string()});  // else it has just been removed
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// Writes the file and removes the oldest; returns what went wrong.
std::string save(const NpzWriter& writer, const std::string& folder, std::int64_t iteration,
                 const SnapshotOptions& options) {
  try {
    const std::string path = folder + "/" + options.prefix + std::to_string(iteration);
    auto files = list_snapshots(folder, options.prefix);  // what another Snapshot writes meanwhile stays
    std::erase_if(files, [&](const SnapshotFile& file) { return file.path == path; });
    writer.save(path);
    // This one is the newest, also where clocks tick slowly or the last host's was ahead of this one's.
    const bool is_newest = files.empty() || files.back().written < std::filesystem::last_write_time(path);
    if (!is_newest) std::filesystem::last_write_time(path, files.back().written + std::chrono::milliseconds(1));
    const auto others = static_cast<std::size_t>(options.keep - 1);
    for (std::size_t i = 0; options.keep > 0 && i + others < files.size(); ++i) std::filesystem::remove(files[i].path);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

}  // namespace

Snapshot::Snapshot(const SnapshotOptions& options) : options_(options) {
  if (options.keep < 0) throw ValueError("snapshot: keep is ", options.keep, ", expected 0 (all) or more.");
  if (options.prefix.empty() || options.prefix.find('/') != std::string::npos) {
    throw ValueError("snapshot: \"", options.prefix, "\" cannot begin a file's name, expected for example \"",
                     SnapshotOptions().prefix, "\".");
  }
}

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
  const auto write = [writer, folder = trainer.out(), iteration = trainer.updater().iteration(), this] {
    return save(*writer, folder, iteration, options_);
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
  save(writer, trainer.out(), trainer.updater().iteration(), options_);  // the first error is the one to tell
}

void Snapshot::finalize(Trainer&) { failure_of_last(); }

std::string newest_snapshot(const std::string& folder) {
  const auto files = list_snapshots(folder, SnapshotOptions().prefix);
  return files.empty() ? "" : files.back().path;
}

std::string newest_whole_snapshot(const std::string& folder,
                                  const std::function<void(const std::string& damage)>& report) {
  auto files = list_snapshots(folder, SnapshotOptions().prefix);
  for (; !files.empty(); files.pop_back()) {
    try {
      open_reader(files.back().path);  // throws if the file is not whole
      return files.back().path;
    } catch (const FileError& damage) {
      if (report) report(damage.what());
    }
  }
  return "";
}

void resume(Trainer& trainer, const std::string& path) { trainer.serialize(*open_reader(path)); }

}  // namespace rensa
