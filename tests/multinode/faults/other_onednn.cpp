// A oneDNN of another version on one host: preloaded into its ranks.
#include <oneapi/dnnl/dnnl.h>

extern "C" const dnnl_version_t* dnnl_version() {
  static dnnl_version_t version{};
  version.major = 9;
  version.minor = 8;
  version.patch = 7;
  return &version;
}
