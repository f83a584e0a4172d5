#include "comm/launcher.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace rensa {
namespace {

std::optional<int> parse_int(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The variables that one launcher sets for each rank.
struct Marks {
  const char* name;
  const char *rank, *size, *local_rank, *local_size;  ///< empty: it has none
};

// In this order: an mpirun that starts its daemons through another launcher leaves that one's marks in place.
constexpr Marks kMarks[] = {
    {"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"Hydra", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
    {"Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", ""},
    {"PMI", "PMI_RANK", "PMI_SIZE", "", ""},
    {"PMIx", "PMIX_RANK", "", "", ""},
};

/// Both must be there: PMI_RANK alone is also Slurm's, and a job script of Slurm has SLURM_PROCID.
const char* second_mark(const Marks& marks) {
  if (std::string_view(marks.name) == "Hydra") return marks.local_rank;
  return *marks.size ? marks.size : marks.rank;
}

}  // namespace

Launcher detect_launcher(const Environment& environment) {
  const auto number = [&](const char* name) -> std::optional<int> {
    const char* text = *name ? environment(name) : nullptr;
    return text ? parse_int(text) : std::nullopt;
  };
  for (const Marks& marks : kMarks) {
    const std::optional<int> rank = number(marks.rank);
    if (!rank || !number(second_mark(marks))) continue;
    Launcher found{.name = marks.name,
                   .rank = *rank,
                   .size = number(marks.size).value_or(-1),
                   .local_rank = number(marks.local_rank).value_or(0),
                   .local_size = number(marks.local_size).value_or(-1)};
    if (found.name == "Slurm") {
      const char* list = environment("SLURM_STEP_TASKS_PER_NODE");
      if (list) found.local_size = slurm_tasks_of_node(list, number("SLURM_NODEID").value_or(0));
    }
    return found;
  }
  return {};
}

Launcher detect_launcher() {
  return detect_launcher([](const char* name) { return std::getenv(name); });
}

int slurm_tasks_of_node(const std::string& list, int node) {
  std::string_view rest = list;
  while (!rest.empty() && node >= 0) {
    const std::string_view entry = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
    const std::size_t times = entry.find("(x");
    const std::optional<int> tasks = parse_int(entry.substr(0, times));
    std::optional<int> nodes = 1;
    if (times != std::string_view::npos) {
      const std::string_view count = entry.substr(times + 2);
      nodes = count.ends_with(')') ? parse_int(count.substr(0, count.size() - 1)) : std::nullopt;
    }
    if (!tasks || !nodes) return -1;
    if (node < *nodes) return *tasks;
    node -= *nodes;
  }
  return -1;
}

}  // namespace rensa
