#include "trainer/datasets/words.h"

#include <fstream>
#include <sstream>

#include "core/error.h"

namespace rensa {

std::int64_t Vocabulary::add(std::string_view word) {
  if (const auto known = numbers_.find(word); known != numbers_.end()) return known->second;
  const std::int64_t number = size();
  numbers_.emplace(words_.emplace_back(word), number);
  return number;
}

std::optional<std::int64_t> Vocabulary::find(std::string_view word) const {
  const auto known = numbers_.find(word);
  return known == numbers_.end() ? std::nullopt : std::optional(known->second);
}

const std::string& Vocabulary::word(std::int64_t number) const {
  if (number < 0 || number >= size()) {
    throw IndexError("Vocabulary: expected the number of one of ", size(), " words, found ", number, ".");
  }
  return words_[static_cast<std::size_t>(number)];
}

std::vector<std::int64_t> read_words(const std::string& path, Vocabulary& vocabulary, std::string_view end_of_line) {
  std::ifstream file(path);
  if (!file) throw FileError(path, ": cannot be read. Expected a text file.");
  std::vector<std::int64_t> numbers;
  for (std::string line, word; std::getline(file, line);) {
    for (std::istringstream words(line); words >> word;) numbers.push_back(vocabulary.add(word));
    if (!end_of_line.empty()) numbers.push_back(vocabulary.add(end_of_line));
  }
  if (file.bad()) throw FileError(path, ": reading failed after ", numbers.size(), " words.");
  return numbers;
}

PennTreebank read_penn_treebank(const std::string& folder) {
  PennTreebank all;
  all.train = read_words(folder + "/ptb.train.txt", all.vocabulary);
  all.valid = read_words(folder + "/ptb.valid.txt", all.vocabulary);
  all.test = read_words(folder + "/ptb.test.txt", all.vocabulary);
  return all;
}

}  // namespace rensa
