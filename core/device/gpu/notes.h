#pragma once

#include <functional>
#include <string>

namespace rensa::gpu {

/// What the GPU back end has to say without failing: that a library refused something and another way was taken, say.
/// Each sentence is said once in a process, to whoever listens.
void note(const std::string& sentence);
/// `listener` is told of what was noted before, too. Null: nobody listens.
void on_note(std::function<void(const std::string&)> listener);

}  // namespace rensa::gpu
