#include <link.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iomanip>
#include <sstream>

#include "tools/doctor/facts.h"

namespace rensa::tools::doctor {
namespace {

/// Source: Fowler, Noll, Vo, FNV-1a with 64 bits (RFC 9923).
std::uint64_t fnv1a(std::uint64_t hash, const char* bytes, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3u;
  return hash;
}

int add_path(dl_phdr_info* info, std::size_t /*size*/, void* paths) {
  const std::string path = info->dlpi_name;
  if (path.find("/librensa_") != std::string::npos) static_cast<std::vector<std::string>*>(paths)->push_back(path);
  return 0;
}

}  // namespace

std::string checksum_of_files() {
  std::vector<std::string> paths = {"/proc/self/exe"};
  dl_iterate_phdr(add_path, &paths);
  std::sort(paths.begin() + 1, paths.end());
  std::uint64_t hash = 0xcbf29ce484222325u;
  std::array<char, 65536> block{};
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    while (file.read(block.data(), block.size()) || file.gcount() > 0) {
      hash = fnv1a(hash, block.data(), static_cast<std::size_t>(file.gcount()));
    }
  }
  std::ostringstream text;
  text << std::hex << std::setw(16) << std::setfill('0') << hash;
  return text.str();
}

}  // namespace rensa::tools::doctor
