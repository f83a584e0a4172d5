#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/array/array.h"

namespace rensa {

// The safetensors format: eight bytes of length, a JSON header of that length with each tensor's dtype, shape and
// place, and the tensors' bytes, row-major and little-endian. https://github.com/huggingface/safetensors#format

/// Whether a file's name says that it is of this format: a file of weights, which the trainer never saves.
inline bool has_safetensors_name(const std::string& path) { return path.ends_with(".safetensors"); }

/// Reads tensors by name. The constructor checks the header alone; a tensor's bytes are read when they are asked for.
class SafetensorsReader {
 public:
  /// Throws FileError if the file is missing, is not of this format, or has a header that does not describe it: places
  /// that overlap, leave gaps, end elsewhere than the file does, or are not of the shape's size.
  explicit SafetensorsReader(const std::string& path);

  /// What the header says of one tensor.
  struct Tensor {
    Dtype dtype;
    Shape shape;
    std::uint64_t begin, end;  ///< bytes behind the header
  };
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }         ///< by name
  const std::map<std::string, std::string>& metadata() const { return metadata_; }  ///< the file's "__metadata__"
  /// Throws FileError if there is none of that name.
  Array array(const std::string& name) const;

 private:
  std::string path_;
  mutable std::ifstream file_;
  std::uint64_t data_begin_ = 0;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Writes all tensors to `path`, which is replaced as a whole or not at all. Throws FileError.
void save_safetensors(const std::string& path, const std::vector<std::pair<std::string, Array>>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace rensa
