#include "core/autograd/config.h"

namespace rensa {

Config& config() {
  static thread_local constinit Config instance;
  return instance;
}

}  // namespace rensa
