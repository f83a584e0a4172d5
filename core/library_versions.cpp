#include "core/library_versions.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <oneapi/dnnl/dnnl.h>
#include <sys/utsname.h>

namespace rensa {
namespace {

std::string onednn() {
  const dnnl_version_t* v = dnnl_version();
  return std::to_string(v->major) + '.' + std::to_string(v->minor) + '.' + std::to_string(v->patch);
}

/// OpenBLAS tells its version and how it was built; for another BLAS, whose standard has no such call, "unknown".
std::string blas() {
  void* const call = dlsym(RTLD_DEFAULT, "openblas_get_config");
  return call ? reinterpret_cast<const char* (*)()>(call)() : "unknown";
}

std::string kernel() {
  utsname name{};
  return uname(&name) == 0 ? std::string(name.sysname) + ' ' + name.release : "unknown";
}

}  // namespace

std::map<std::string, std::string> library_versions() {
  return {{"Rensa", RENSA_VERSION},
          {"oneDNN", onednn()},
          {"BLAS", blas()},
          {"compiler", __VERSION__},
          {"C library", gnu_get_libc_version()},
          {"kernel", kernel()}};
}

}  // namespace rensa
