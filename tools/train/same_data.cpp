#include "tools/train/same_data.h"

#include <xxhash.h>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>

#include <algorithm>
#include <tuple>
#include <vector>

#include "comm/objects.h"
#include "core/error.h"

namespace rensa::tools {
namespace {

/// A hash that goes on from `so_far`.
template <class Elements>
std::uint64_t hash_of(const Elements& elements, std::uint64_t so_far) {
  return XXH64(elements.data(), elements.size() * sizeof(elements[0]), so_far);
}

std::uint64_t hash_of_names(const std::vector<std::string>& names) {
  std::uint64_t hash = 0;
  for (const std::string& name : names) hash = hash_of(name, hash);
  return hash;
}

/// What is the same of a picture's name where hosts keep their folders in different places: what is below `data`, or
/// the file's own name if it lies elsewhere.
std::string name_wherever(const std::string& name, const std::string& data) {
  if (!name.starts_with(data)) return name.substr(name.rfind('/') + 1);
  return name.substr(std::min(name.find_first_not_of('/', data.size()), name.size()));
}

}  // namespace

DataSummary summary_of(const ImageSource& source, const std::string& data) {
  DataSummary summary{source.size(), hash_of_names(source.class_names())};
  for (std::int64_t i = 0; i < source.size(); ++i) {
    const std::int32_t label = source.label(i);
    summary.hash = hash_of(name_wherever(source.name(i), data), summary.hash);
    summary.hash = XXH64(&label, sizeof label, summary.hash);
  }
  return summary;
}

DataSummary summary_of(const PictureTable& table) {
  return {table.count(), hash_of(table.pixels, hash_of(table.labels, hash_of_names(table.class_names)))};
}

void check_same_data(const DataSummary& mine, const std::string& what, const std::string& data, Communicator& comm) {
  using Entry = std::tuple<std::string, std::int64_t, std::uint64_t>;
  const auto all = all_gather_objects(comm, Entry(rank_description(comm), mine.pictures, mine.hash));
  const auto& [first, pictures, hash] = all.front();
  for (const auto& [who, their_pictures, their_hash] : all) {
    if (their_pictures != pictures) {
      throw FileError(data, ": ", who, " has ", their_pictures, " ", what, " pictures, and ", first, " has ", pictures,
                      ". All ranks must have the same ones: copy the folder anew where it is not complete.");
    }
    if (their_hash != hash) {
      throw FileError(data, ": ", who, " has other ", what, " pictures than ", first, ": as many of them (", pictures,
                      "), but their names, order or classes differ. All ranks must have the same ones: copy the folder "
                      "from one host to the others.");
    }
  }
}

}  // namespace rensa::tools
