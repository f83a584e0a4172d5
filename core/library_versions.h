#pragma once

#include <map>
#include <string>

namespace rensa {

/// What this process computes with: "Rensa", "oneDNN", "BLAS", "compiler" (of Rensa), "C library", "kernel". Ranks that
/// differ in one of them may give different bits, or none.
std::map<std::string, std::string> library_versions();

}  // namespace rensa
