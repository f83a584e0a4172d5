#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace rensa::testing {

/// What this process has in physical memory.
inline std::int64_t resident_kib() {
  std::ifstream file("/proc/self/statm");
  std::int64_t all_pages = 0, resident_pages = 0;
  file >> all_pages >> resident_pages;
  return resident_pages * (sysconf(_SC_PAGESIZE) / 1024);
}

}  // namespace rensa::testing
