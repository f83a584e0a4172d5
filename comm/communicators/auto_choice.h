#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace rensa {

/// Which communicator reduces arrays of which size. As text, which logs, checkpoints and the cache hold:
/// "hierarchical up to 65536, two_dimensional".
class AutoChoice {
 public:
  /// The sizes up to one bound, and the communicator that reduces them.
  struct Range {
    std::size_t up_to_bytes;  ///< the last range has no end
    std::string name;
  };

  /// Ranges in ascending order; neighbours of one name become one.
  explicit AutoChoice(std::vector<Range> ranges);
  /// Nothing for a text that is no choice.
  static std::optional<AutoChoice> parse(const std::string& text);

  const std::string& name_for(std::size_t bytes) const;         ///< the communicator for an array of so many bytes
  const std::vector<Range>& ranges() const { return ranges_; }  ///< in rising order of size; the last one has no end
  std::string text() const;                                     ///< as parse() reads it

 private:
  std::vector<Range> ranges_;
};

/// Choices that were measured on this machine, by cluster: a JSON file in $RENSA_CACHE, or rensa/ in $XDG_CACHE_HOME or
/// ~/.cache. RENSA_CACHE=off: none is kept. A file that cannot be read or written is no error.
std::optional<AutoChoice> remembered_choice(const std::string& cluster);
/// Keeps `choice` for that cluster, in place of an earlier one. The file is as remembered_choice() says.
void remember_choice(const std::string& cluster, const AutoChoice& choice);

}  // namespace rensa
