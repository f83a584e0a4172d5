#include "core/device/plugin.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#include "core/error.h"

namespace rensa {
namespace {

std::filesystem::path own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&plugin_version), &info) == 0 || !info.dli_fname) return {};
  return std::filesystem::path(info.dli_fname).parent_path();
}

std::vector<std::string> places(const std::string& file) {
  if (const char* folder = std::getenv("RENSA_PLUGINS")) return {(std::filesystem::path(folder) / file).string()};
  std::vector<std::string> found;
  const std::filesystem::path beside = own_folder() / file;
  std::error_code error;
  if (std::filesystem::exists(beside, error)) found.push_back(beside.string());
  found.push_back(file);
  return found;
}

void check_version(void* library, const std::string& path) {
  const auto version = reinterpret_cast<const char* (*)()>(dlsym(library, "rensa_plugin_version"));
  const std::string theirs = version ? version() : "none";
  if (theirs == plugin_version()) return;
  throw DeviceError(path, ": its version is ", theirs, ", this program's is ", plugin_version(),
                    ". Install both from one build.");
}

}  // namespace

const char* plugin_version() { return RENSA_VERSION; }

void open_plugin(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, void*> opened;
  const std::lock_guard lock(mutex);
  if (opened.contains(name)) return;
  const std::string file = "librensa_" + name + ".so";
  std::string reasons;
  for (const std::string& path : places(file)) {
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      const char* const reason = dlerror();
      reasons += detail::join(reasons.empty() ? "" : "; ", reason ? reason : "no reason given");
      continue;
    }
    check_version(library, path);
    opened[name] = library;
    return;
  }
  throw DeviceError(name, ": the plug-in ", file, " cannot be opened (", reasons, "). Build Rensa with nvcc found (",
                    "RENSA_WITH_CUDA=ON), install CUDA's libraries, or set RENSA_PLUGINS to the plug-in's folder. ",
                    "Without a GPU use --device cpu.");
}

}  // namespace rensa
