#include "core/functions/einsum.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/functions/matmul.h"
#include "core/functions/rearrangement.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"

namespace rensa::functions {
namespace {

/// An operand and the letter of each axis; axes of "..." have the letters '0' (the last) to '7'.
struct Term {
  Variable x;
  std::string letters;
};

bool has(const std::string& letters, char letter) { return letters.find(letter) != std::string::npos; }

/// "ab...c" for an operand of so many axes (or for the result, with so many axes in place of the dots).
std::string spelled_out(std::string_view text, int dots, std::string_view whole) {
  std::string letters;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 3) == "...") {
      for (int k = dots - 1; k >= 0; --k) letters += static_cast<char>('0' + k);
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(text[i]))) {
      letters += text[i];
    } else if (text[i] != ' ') {
      throw ValueError("einsum: \"", text[i], "\" in \"", whole, "\"; expected letters, \"...\", \",\" and \"->\".");
    }
  }
  return letters;
}

Term with_axes(const Term& term, const std::string& wanted) {
  Dims order;
  for (const char letter : wanted) order.push_back(static_cast<std::int64_t>(term.letters.find(letter)));
  return {transpose(term.x, order), wanted};
}

/// Letters that come twice become a diagonal.
Term without_repetitions(Term term) {
  for (std::size_t i = 0; i < term.letters.size(); ++i) {
    const std::size_t j = term.letters.find(term.letters[i], i + 1);
    if (j == std::string::npos) continue;
    const char letter = term.letters[i];
    term.x = diagonal(term.x, 0, static_cast<int>(i), static_cast<int>(j));
    term.letters.erase(j, 1);
    term.letters.erase(i, 1);
    term.letters += letter;
    --i;
  }
  return term;
}

/// Sums the letters that nothing else needs.
Term without_lonely(Term term, const std::string& needed) {
  Dims axes;
  std::string kept;
  for (std::size_t i = 0; i < term.letters.size(); ++i) {
    if (has(needed, term.letters[i])) {
      kept += term.letters[i];
    } else {
      axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  return axes.ndim() == 0 ? term : Term{sum(term.x, axes), kept};
}

/// One batched matrix product: letters of both that are needed are the batch, of both that are not are summed.
Term product(const Term& a, const Term& b, const std::string& needed, const std::map<char, std::int64_t>& sizes) {
  std::string batch, rows, columns, summed;
  for (const char letter : a.letters) {
    (!has(b.letters, letter) ? rows : has(needed, letter) ? batch : summed) += letter;
  }
  for (const char letter : b.letters) {
    if (!has(a.letters, letter)) columns += letter;
  }
  const auto shape_of = [&](const std::string& letters) {
    Shape shape;
    for (const char letter : letters) shape.push_back(sizes.at(letter));
    return shape;
  };
  const auto arranged = [&](const Term& term, const std::string& letters) {
    return broadcast_to(with_axes(term, letters).x, shape_of(letters));  // "..." axes of size 1 grow
  };
  const auto size = [&](const std::string& letters) { return total_size(shape_of(letters)); };
  const Variable left = reshape(arranged(a, batch + rows + summed), {size(batch), size(rows), size(summed)});
  const Variable right = reshape(arranged(b, batch + summed + columns), {size(batch), size(summed), size(columns)});
  const std::string letters = batch + rows + columns;
  return {reshape(matmul(left, right), shape_of(letters)), letters};
}

std::string implicit_result(const std::vector<Term>& terms, int dots) {
  std::map<char, int> seen;
  for (const Term& term : terms) {
    for (const char letter : term.letters) ++seen[letter];
  }
  std::string result;
  for (int k = dots - 1; k >= 0; --k) result += static_cast<char>('0' + k);
  for (const auto& [letter, times] : seen) {
    if (times == 1 && std::isalpha(static_cast<unsigned char>(letter))) result += letter;
  }
  return result;
}

}  // namespace

Variable einsum(std::string_view subscripts, const Variables& operands) {
  const std::size_t arrow = subscripts.find("->");
  const std::string_view left = subscripts.substr(0, arrow);
  std::vector<std::string_view> parts;
  for (std::size_t start = 0;;) {
    const std::size_t comma = left.find(',', start);
    parts.push_back(left.substr(start, comma - start));
    if (comma == std::string_view::npos) break;
    start = comma + 1;
  }
  if (parts.size() != operands.size()) {
    throw ValueError("einsum: \"", subscripts, "\" is for ", parts.size(), " operands, found ", operands.size(), ".");
  }
  std::vector<Term> terms;
  std::map<char, std::int64_t> sizes;
  int most_dots = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const int named = static_cast<int>(spelled_out(parts[i], 0, subscripts).size());
    const bool dotted = parts[i].find("...") != std::string_view::npos;
    const int dots = dotted ? operands[i].ndim() - named : 0;
    if (dots < 0 || named + dots != operands[i].ndim()) {
      throw ShapeError("einsum: \"", parts[i], "\" names ", named, " axes, operand ", i, " is ", operands[i].shape(),
                       ".");
    }
    most_dots = std::max(most_dots, dots);
    terms.push_back({operands[i], spelled_out(parts[i], dots, subscripts)});
    for (int axis = 0; axis < operands[i].ndim(); ++axis) {
      const char letter = terms.back().letters[static_cast<std::size_t>(axis)];
      std::int64_t& size = sizes.try_emplace(letter, operands[i].shape()[axis]).first->second;
      const std::int64_t here = operands[i].shape()[axis];
      const bool broadcasts = std::isdigit(static_cast<unsigned char>(letter)) && (size == 1 || here == 1);
      if (size != here && !broadcasts) {
        throw ShapeError("einsum: \"", letter, "\" has size ", size, " and, in operand ", i, " ", operands[i].shape(),
                         ", ", here, ".");
      }
      if (broadcasts && size == 1) size = here;
    }
  }
  const std::string result = arrow == std::string_view::npos
                                 ? implicit_result(terms, most_dots)
                                 : spelled_out(subscripts.substr(arrow + 2), most_dots, subscripts);
  for (const char letter : result) {
    if (!sizes.contains(letter) || std::count(result.begin(), result.end(), letter) > 1) {
      throw ValueError("einsum: the result of \"", subscripts, "\" names \"", letter,
                       "\", which must be in an operand, and once.");
    }
  }
  for (std::size_t i = 0; i < terms.size(); ++i) {
    std::string needed = result;
    for (std::size_t j = 0; j < terms.size(); ++j) {
      if (j != i) needed += terms[j].letters;
    }
    terms[i] = without_lonely(without_repetitions(terms[i]), needed);
  }
  Term all = terms[0];
  for (std::size_t i = 1; i < terms.size(); ++i) {
    std::string needed = result;
    for (std::size_t j = i + 1; j < terms.size(); ++j) needed += terms[j].letters;
    all = product(all, terms[i], needed, sizes);
  }
  return with_axes(all, result).x;
}

}  // namespace rensa::functions
