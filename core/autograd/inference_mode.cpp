#include "core/autograd/inference_mode.h"

#include <map>
#include <utility>

#include "core/error.h"

namespace rensa {
namespace {

struct Derived {
  std::vector<Array> sources, arrays;  // the sources stay alive, so that no other array can take their places
};

/// Of this thread's scopes.
struct State {
  int depth = 0;
  std::map<std::vector<const void*>, Derived> kept;
};

State& state() {
  static thread_local State instance;
  return instance;
}

}  // namespace

InferenceMode::InferenceMode() : ConfigScope({.train = false, .enable_backprop = false}) { ++state().depth; }

InferenceMode::~InferenceMode() {
  if (--state().depth == 0) state().kept.clear();
}

bool InferenceMode::is_active() { return state().depth > 0 && !config().train && !config().enable_backprop; }

const std::vector<Array>& InferenceMode::derived(const std::vector<Array>& sources,
                                                 const std::function<std::vector<Array>()>& make) {
  if (state().depth == 0) throw ValueError("InferenceMode::derived: called outside of an InferenceMode scope.");
  std::vector<const void*> places;
  for (const Array& source : sources) places.push_back(source.raw_data());
  const auto found = state().kept.find(places);
  if (found != state().kept.end()) return found->second.arrays;
  return state().kept.emplace(std::move(places), Derived{sources, make()}).first->second.arrays;
}

}  // namespace rensa
