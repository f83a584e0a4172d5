#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rensa {

/// Words and their numbers: 0, 1, … in the order in which they came.
class Vocabulary {
 public:
  Vocabulary() = default;
  Vocabulary(const Vocabulary&) = delete;  // its table points to its own words
  Vocabulary& operator=(const Vocabulary&) = delete;
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;

  std::int64_t add(std::string_view word);                         ///< its number; the next one if the word is new
  std::optional<std::int64_t> find(std::string_view word) const;   ///< its number, if it has come
  const std::string& word(std::int64_t number) const;              ///< throws IndexError if there is no such number
  std::int64_t size() const { return std::ssize(words_); }         ///< how many different words
  const std::deque<std::string>& words() const { return words_; }  ///< all, by number

 private:
  std::deque<std::string> words_;  // keeps its elements where they are
  std::unordered_map<std::string_view, std::int64_t> numbers_;
};

/// The numbers of a file's words, which white space separates; `end_of_line`, unless empty, is a word after each line.
/// New words are added to the vocabulary. Throws FileError if the file cannot be read.
std::vector<std::int64_t> read_words(const std::string& path, Vocabulary& vocabulary,
                                     std::string_view end_of_line = "<eos>");

/// The Penn Treebank as Mikolov et al. prepared it ("Recurrent neural network based language model", 2010): numbers
/// of words, each line ended by "<eos>".
struct PennTreebank {
  std::vector<std::int64_t> train, valid, test;
  Vocabulary vocabulary;
};

/// Reads ptb.train.txt, ptb.valid.txt and ptb.test.txt of `folder`, in this order, as Chainer's get_ptb_words does.
/// Throws FileError if one cannot be read.
PennTreebank read_penn_treebank(const std::string& folder);

}  // namespace rensa
