#include "trainer/extensions/snapshot.h"

#include <algorithm>
#include <chrono>
#include <compare>
#include <filesystem>
#include <optional>
#include <sstream>
#include <utility>

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

/// What the files of one Snapshot have in their names before and after the iteration.
struct NameParts {
  std::string prefix, suffix;
};

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
}

std::optional<std::int64_t> iteration_in(const std::string& name, const NameParts& parts) {
  if (name.size() < parts.prefix.size() + parts.suffix.size()) return std::nullopt;
  if (!name.starts_with(parts.prefix) || !name.ends_with(parts.suffix)) return std::nullopt;
  const std::string digits = name.substr(parts.prefix.size(), name.size() - parts.prefix.size() - parts.suffix.size());
  return is_number(digits) ? std::optional(std::stoll(digits)) : std::nullopt;
}

/// The snapshots in a folder, oldest first.
std::vector<SnapshotFile> list_snapshots(const std::string& folder, const NameParts& parts) {
  std::vector<SnapshotFile> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::optional<std::int64_t> iteration = iteration_in(entry->path().filename().string(), parts);
    if (!iteration) continue;
    std::error_code is_gone;  // it has just been removed
    const auto written = entry->last_write_time(is_gone);
    if (!is_gone) found.push_back({written, *iteration, entry->path().string()});
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string path_of(const std::string& folder, const NameParts& parts, std::int64_t iteration) {
  return folder + "/" + parts.prefix + std::to_string(iteration) + parts.suffix;
}

/// A file that is to be written, and those that are there before it: what another Snapshot writes meanwhile stays.
struct NewFile {
  std::string path;
  std::vector<SnapshotFile> others;   ///< oldest first
  std::vector<std::string> outdated;  ///< those of them that go when it is there
};

/// `keep`: how many files are to be there with it; 0: all.
NewFile new_file(const std::string& folder, const NameParts& parts, std::int64_t iteration, int keep) {
  NewFile file{.path = path_of(folder, parts, iteration), .others = list_snapshots(folder, parts), .outdated = {}};
  std::erase_if(file.others, [&](const SnapshotFile& other) { return other.path == file.path; });
  for (std::size_t i = 0; keep > 0 && i + static_cast<std::size_t>(keep) <= file.others.size(); ++i) {
    file.outdated.push_back(file.others[i].path);
  }
  return file;
}

/// Writes the file; returns what went wrong.
std::string save(const NpzWriter& values, const NewFile& file) {
  try {
    values.save(file.path);
    // This one is the newest, also where clocks tick slowly or the last host's was ahead of this one's.
    const auto& others = file.others;
    const bool is_newest = others.empty() || others.back().written < std::filesystem::last_write_time(file.path);
    if (!is_newest) std::filesystem::last_write_time(file.path, others.back().written + std::chrono::milliseconds(1));
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

/// Returns what went wrong.
std::string remove_files(const std::vector<std::string>& paths) {
  std::error_code error;
  for (const std::string& path : paths) {
    std::filesystem::remove(path, error);
    if (error) return path + ": cannot be removed: " + error.message() + ".";
  }
  return "";
}

/// Writes the file and removes what it outdates; returns what went wrong.
std::string replace_outdated(const NpzWriter& values, const NewFile& file) {
  const std::string failure = save(values, file);
  return failure.empty() ? remove_files(file.outdated) : failure;
}

/// Of a set's files, or of the only ones.
NameParts name_parts(const std::string& prefix, const ReplicaSets& sets, int writer) {
  return {prefix, sets.empty() ? "" : detail::join(".", writer)};
}

bool is_whole(const std::string& path, const SnapshotDamage& report) {
  try {
    open_reader(path);  // throws if the file is not whole
    return true;
  } catch (const FileError& damage) {
    if (report) report(damage.what());
    return false;
  }
}

std::vector<std::int64_t> read_iterations(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::int64_t> iterations;
  for (std::int64_t each = 0; in >> each;) iterations.push_back(each);
  return iterations;
}

/// The iterations of which every set has a file, in the order in which rank 0's were written.
std::vector<std::int64_t> common_iterations(const std::vector<SnapshotFile>& mine, Communicator& comm,
                                            const ReplicaSets& sets) {
  std::string text;
  for (const SnapshotFile& file : mine) text += std::to_string(file.iteration) + ' ';
  const std::vector<std::string> all = comm.all_gather_bytes(text);
  std::vector<std::int64_t> common = read_iterations(all[0]);  // the lowest rank of its set
  for (int rank = 1; rank < comm.size(); ++rank) {
    if (replica_set_of(rank, comm.size(), sets).lowest != rank) continue;
    const std::vector<std::int64_t> there = read_iterations(all[static_cast<std::size_t>(rank)]);
    std::erase_if(common, [&](std::int64_t each) { return std::ranges::find(there, each) == there.end(); });
  }
  return common;
}

bool is_agreed(Communicator& comm, bool yes) {
  const Array answer = array(std::vector<std::int32_t>{yes ? 1 : 0}, {1});
  comm.all_reduce(answer, Reduce::kMin);
  return answer.data<std::int32_t>()[0] == 1;
}

/// Throws FileError on all ranks if one has a `failure`, which travels only then.
void agree_on_success(Communicator& comm, const std::string& failure) {
  if (is_agreed(comm, failure.empty())) return;
  for (const std::string& each : comm.all_gather_bytes(failure)) {
    if (!each.empty()) throw FileError(each);
  }
}

}  // namespace

Snapshot::Snapshot(const SnapshotOptions& options) : options_(options) {
  if (options.keep < 0) throw ValueError("snapshot: keep is ", options.keep, ", expected 0 (all) or more.");
  if (options.prefix.empty() || options.prefix.find('/') != std::string::npos) {
    throw ValueError("snapshot: \"", options.prefix, "\" cannot begin a file's name, expected for example \"",
                     kSnapshotPrefix, "\".");
  }
  if (options.target && options.prefix == kSnapshotPrefix) {
    throw ValueError("snapshot: a target's files hold weights alone, which a run that looks for ", kSnapshotPrefix,
                     "… cannot go on from. Give them a prefix of their own, for example \"model_iter_\".");
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
  replica_set(trainer);  // wrong sets are told now, not after an epoch of training
}

ReplicaSet Snapshot::replica_set(Trainer& trainer) const {
  return replica_set_of(trainer.comm().rank(), trainer.comm().size(), options_.replica_sets);
}

Communicator& Snapshot::replicas(Trainer& trainer) {
  if (options_.replica_sets.empty()) return trainer.comm();
  if (!replicas_) replicas_ = trainer.comm().split(replica_set(trainer).index, trainer.comm().rank());
  return *replicas_;
}

void Snapshot::gather_values(NpzWriter& values, Trainer& trainer) const {
  if (options_.target) {
    options_.target->serialize(values);
  } else {
    trainer.serialize(values);
  }
}

std::string Snapshot::failure_of_last() { return writing_.valid() ? writing_.get() : ""; }

void Snapshot::finish_last(Trainer& trainer) {
  if (std::exchange(is_writing_, false)) conclude(trainer, failure_of_last());
}

void Snapshot::conclude(Trainer& trainer, const std::string& failure) {
  agree_on_success(trainer.comm(), failure);
  if (options_.replica_sets.empty()) return;
  // Not before every set's file is there: what all of them have goes last.
  agree_on_success(trainer.comm(), remove_files(std::exchange(outdated_, {})));
}

void Snapshot::operator()(Trainer& trainer) {
  finish_last(trainer);
  average_persistents(options_.target ? *options_.target : trainer.updater().model(), replicas(trainer));
  auto values = std::make_shared<NpzWriter>();
  gather_values(*values, trainer);
  const int writer = replica_set(trainer).lowest;
  const bool writes = trainer.comm().rank() == writer;
  NewFile file;
  if (writes) {
    file = new_file(trainer.out(), name_parts(options_.prefix, options_.replica_sets, writer),
                    trainer.updater().iteration(), options_.keep);
  }
  if (!options_.replica_sets.empty()) outdated_ = std::exchange(file.outdated, {});
  const auto write = [values, file] { return replace_outdated(*values, file); };
  if (options_.in_background) {
    is_writing_ = true;
    if (writes) writing_ = std::async(std::launch::async, write);
    return;
  }
  conclude(trainer, writes ? write() : "");
}

void Snapshot::end_of_run(Trainer& trainer) { finish_last(trainer); }

void Snapshot::on_error(Trainer& trainer, std::exception_ptr /*error*/) {
  if (!options_.on_error) return;
  failure_of_last();
  const NameParts parts = name_parts(options_.prefix, options_.replica_sets, trainer.comm().rank());
  const NewFile file = new_file(trainer.out(), parts, trainer.updater().iteration(), /*keep=*/0);
  // The error may have come in the middle of an update: what was saved before it is better, and stays.
  if (std::filesystem::exists(file.path)) return;
  NpzWriter values;
  gather_values(values, trainer);
  save(values, file);  // the first error is the one to tell
}

void Snapshot::finalize(Trainer&) { failure_of_last(); }

std::string newest_snapshot(const std::string& folder, const std::string& prefix) {
  const auto files = list_snapshots(folder, {prefix, ""});
  return files.empty() ? "" : files.back().path;
}

std::string newest_whole_snapshot(const std::string& folder, const SnapshotDamage& report, const std::string& prefix) {
  auto files = list_snapshots(folder, {prefix, ""});
  while (!files.empty() && !is_whole(files.back().path, report)) files.pop_back();
  return files.empty() ? "" : files.back().path;
}

std::string newest_whole_snapshot(const std::string& folder, Communicator& comm, const ReplicaSets& sets,
                                  const SnapshotDamage& report, const std::string& prefix) {
  const int writer = replica_set_of(comm.rank(), comm.size(), sets).lowest;
  const NameParts parts = name_parts(prefix, sets, writer);
  const bool looks = comm.rank() == writer;
  auto common = common_iterations(looks ? list_snapshots(folder, parts) : std::vector<SnapshotFile>(), comm, sets);
  for (; !common.empty(); common.pop_back()) {
    const std::string path = path_of(folder, parts, common.back());
    if (is_agreed(comm, !looks || is_whole(path, report))) return path;
  }
  return "";
}

std::vector<std::string> files_named_as_snapshots(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const std::size_t digits = name.rfind('_') + 1, dot = name.find('.', digits);
    const bool is_of_set = dot != std::string::npos && is_number(name.substr(dot + 1));
    if (digits > 1 && is_number(name.substr(digits, dot - digits)) && (dot == std::string::npos || is_of_set)) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

void resume(Trainer& trainer, const std::string& path) { trainer.serialize(*open_reader(path)); }

}  // namespace rensa
