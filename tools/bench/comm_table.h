#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/samples.h"

namespace rensa::tools {

/// One size of one collective by one communicator: a line of the table.
struct CommRow {
  struct Placement {
    Samples us;                         ///< of a call, on the slowest rank
    std::optional<std::int64_t> wrong;  ///< elements on all ranks; nothing: not checked
  };
  std::string collective, communicator, memory, dtype;
  std::string op = "none";  ///< nccl-tests' names: sum, prod, max, min, avg
  int ranks = 1, nodes = 1, root = -1;
  std::int64_t bytes = 0, count = 0;
  double bus_factor = 1;
  std::optional<Placement> out_of_place, in_place;

  double gigabytes_per_second(const Placement& placement) const;  ///< "algbw": bytes over the median, 10^9 bytes
};

/// nccl-tests' columns, and at the end of each line the least and the most of the times.
std::string table_head(const CommRow& first);
std::string table_line(const CommRow& row);
/// As the line, with every time that was taken.
nlohmann::json json_line(const CommRow& row);

/// A page with a chart for each collective: bus bandwidth over size, a line for each communicator; in place where the
/// collective has that, otherwise out of place.
std::string bandwidth_page(const std::vector<CommRow>& rows);

std::string bytes_text(std::int64_t bytes);           ///< "4 B", "25 MiB"
std::int64_t bytes_of_text(const std::string& text);  ///< of "4", "64K", "256M", "1G"; throws ConfigError

}  // namespace rensa::tools
