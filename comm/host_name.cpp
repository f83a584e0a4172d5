#include "comm/host_name.h"

#include <unistd.h>

#include <array>

namespace rensa {

std::string host_name() {
  std::array<char, 256> host{};
  return gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "an unnamed host";
}

}  // namespace rensa
