#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "trainer/datasets/dataset.h"

namespace rensa {

/// Line i of one or several text files, read when it is asked for: of files that say the same in two languages, say.
/// Only the places of the lines are kept, 8 bytes for each line and file.
class TextDataset final : public Dataset {
 public:
  /// Line i of every file, without its end.
  using Lines = std::span<const std::string>;
  using Convert = std::function<Example(Lines)>;  ///< makes a sample of them
  using Filter = std::function<bool(Lines)>;      ///< whether they are a sample

  /// `convert` makes a sample of lines; loader threads call it at the same time. Samples are those lines that `filter`
  /// takes, if there is one. Throws FileError if a file cannot be read or the files have different numbers of lines,
  /// ValueError if there is no file or no `convert`.
  TextDataset(std::vector<std::string> paths, Convert convert, const Filter& filter = {});
  ~TextDataset() override;

  std::int64_t size() const override { return std::ssize(samples_); }
  /// Throws FileError if a file has become shorter meanwhile.
  Example get(std::int64_t index, const SampleContext& context) const override;
  std::vector<std::string> lines(std::int64_t index) const;  ///< the lines of sample `index`, before `convert`

 private:
  class File;
  std::vector<std::string> lines_at(std::int64_t line) const;

  std::vector<File> files_;
  std::vector<std::int64_t> samples_;  ///< which lines are samples
  Convert convert_;
};

}  // namespace rensa
