#include "tools/options/option_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>

#include "core/error.h"

namespace rensa::tools {
namespace {

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text.append(between);
    text.append(part);
  }
  return text;
}

/// The shortest text that reads as the same number.
std::string text_of(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general);
  return {text.data(), end};
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    if (!trimmed(part).empty()) parts.push_back(trimmed(part));
  }
  return parts;
}

template <class Number>
Number read_number(const std::string& text, const char* kind) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    throw ConfigError("\"", text, "\" is not ", kind);
  }
  return value;
}

std::string range_text(const OptionLimits& limits) {
  const bool low = std::isfinite(limits.min), high = std::isfinite(limits.max);
  const std::string from = detail::join(limits.above_min ? "above " : "", limits.min);
  if (low && high) return from + " to " + text_of(limits.max);
  if (low) return limits.above_min ? from : from + " or more";
  return high ? text_of(limits.max) + " or less" : "any number";
}

void check_range(double value, const OptionLimits& limits) {
  const bool is_number = std::isfinite(value) || (!limits.finite && !std::isnan(value));
  const bool fits = value <= limits.max && (limits.above_min ? value > limits.min : value >= limits.min);
  if (is_number && fits) return;
  throw ConfigError(text_of(value), " is out of range, expected ", is_number ? "" : "a finite number, ",
                    range_text(limits));
}

/// Characters, of which UTF-8 may spend several bytes.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// A key and, from column `indent` to column 80, what it means.
std::string help_entry(const std::string& key, const std::string& help, std::size_t indent) {
  constexpr std::size_t kColumns = 80;
  std::string text = "  " + key;
  std::size_t column = width_of(text);
  const auto break_line = [&] { text += '\n' + std::string(column = indent, ' '); };
  if (column + 2 > indent) break_line();
  text += std::string(indent - column, ' ');
  column = indent;
  std::istringstream words(help);
  for (std::string word; words >> word;) {
    const std::size_t width = width_of(word);
    if (column > indent && column + 1 + width > kColumns) break_line();
    if (column > indent) text += ' ', ++column;
    text += word;
    column += width;
  }
  return text + '\n';
}

/// Levenshtein's distance.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest(const std::string& text, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t least = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(text, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

void OptionTable::add_option(const std::string& key, const std::string& help, std::function<std::string()> text,
                             const OptionLimits& limits, std::function<void(const std::string&)> set) {
  const std::string choices = joined(limits.choices, ", ");
  std::string default_text = text();
  options_.push_back({key, choices.empty() ? help : help + ": " + choices, std::move(default_text), heading_,
                      std::move(text), std::move(set)});
}

void OptionTable::add(const std::string& key, std::string& target, const std::string& help,
                      const OptionLimits& limits) {
  add_option(
      key, help, [&target] { return target; }, limits,
      [&target, choices = limits.choices](const std::string& text) {
        if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
          throw ConfigError("\"", text, "\" is not one of: ", joined(choices, ", "));
        }
        target = text;
      });
}

void OptionTable::add(const std::string& key, bool& target, const std::string& help) {
  add_option(
      key, help, [&target] { return target ? "true" : "false"; }, {},
      [&target](const std::string& text) {
        const bool yes = text == "true" || text == "1" || text == "yes" || text == "on";
        if (!yes && text != "false" && text != "0" && text != "no" && text != "off") {
          throw ConfigError("\"", text, "\" is neither true nor false");
        }
        target = yes;
      });
  options_.back().is_flag = true;
}

void OptionTable::add(const std::string& key, double& target, const std::string& help, const OptionLimits& limits) {
  add_option(
      key, help, [&target] { return text_of(target); }, limits,
      [&target, limits](const std::string& text) {
        const auto value = read_number<double>(text, "a number");
        check_range(value, limits);
        target = value;
      });
}

template <class Integer>
void OptionTable::add_integer(const std::string& key, Integer& target, const std::string& help,
                              const OptionLimits& limits) {
  add_option(
      key, help, [&target] { return std::to_string(target); }, limits,
      [&target, limits](const std::string& text) {
        const auto value = read_number<Integer>(text, "a whole number");
        check_range(static_cast<double>(value), limits);
        target = value;
      });
}

void OptionTable::add(const std::string& key, int& target, const std::string& help, const OptionLimits& limits) {
  add_integer(key, target, help, limits);
}
void OptionTable::add(const std::string& key, std::int64_t& target, const std::string& help,
                      const OptionLimits& limits) {
  add_integer(key, target, help, limits);
}
void OptionTable::add(const std::string& key, std::uint64_t& target, const std::string& help) {
  add_integer(key, target, help, {});
}

void OptionTable::add(const std::string& key, std::vector<std::string>& target, const std::string& help) {
  add_option(
      key, help, [&target] { return joined(target, ","); }, {},
      [&target](const std::string& value) { target = split_list(value); });
}

void OptionTable::add(const std::string& key, std::vector<double>& target, const std::string& help,
                      const OptionLimits& limits) {
  const auto text = [&target] {
    std::vector<std::string> texts;
    for (const double part : target) texts.push_back(text_of(part));
    return joined(texts, ",");
  };
  add_option(key, help, text, limits, [&target, limits](const std::string& value) {
    std::vector<double> numbers;
    for (const std::string& part : split_list(value)) {
      numbers.push_back(read_number<double>(part, "a number"));
      check_range(numbers.back(), limits);
    }
    target = numbers;
  });
}

void OptionTable::set(const std::string& key, const std::string& value, const std::string& where) {
  const auto option = std::find_if(options_.begin(), options_.end(), [&](const Option& o) { return o.key == key; });
  if (option == options_.end()) {
    std::vector<std::string> keys;
    for (const Option& o : options_) keys.push_back(o.key);
    const std::string guess = nearest(key, keys);
    throw ConfigError(where, "unknown key \"", key, "\"",
                      guess.empty() ? "; --help lists them" : "; did you mean \"" + guess + "\"?");
  }
  option->is_given = true;
  try {
    option->set(value);
  } catch (const ConfigError& error) {
    throw ConfigError(where, key, ": ", error.what(), ".");
  }
}

bool OptionTable::is_flag(const std::string& key) const {
  return std::any_of(options_.begin(), options_.end(), [&](const Option& o) { return o.key == key && o.is_flag; });
}

void OptionTable::read_file(const std::string& path) {
  if (std::filesystem::is_directory(path)) {
    throw ConfigError(path, ": is a folder, expected a configuration file.");
  }
  std::ifstream file(path);
  if (!file) throw ConfigError(path, ": the configuration file cannot be read.");
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string text = trimmed(line.substr(0, line.find('#')));
    if (text.empty()) continue;
    const std::string where = path + ":" + std::to_string(number) + ": ";
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) throw ConfigError(where, "expected \"key = value\", found \"", text, "\".");
    set(trimmed(text.substr(0, equals)), trimmed(text.substr(equals + 1)), where);
  }
  if (file.bad()) throw ConfigError(path, ": the configuration file cannot be read to its end.");
}

bool OptionTable::parse(int argc, char** argv, std::ostream& out, std::vector<std::string>* positional) {
  std::vector<std::pair<std::string, std::string>> given;
  std::string config;
  for (int i = 1; i < argc; ++i) {
    const std::string_view text = argv[i];
    if (text == "--help" || text == "-h") {
      print_help(out);
      return false;
    }
    if (!text.starts_with("--")) {
      if (!positional) throw ConfigError("\"", text, "\" is not expected here; keys start with --.");
      positional->emplace_back(text);
      continue;
    }
    const std::size_t equals = text.find('=');
    const std::string key(text.substr(2, equals == std::string_view::npos ? equals : equals - 2));
    if (equals == std::string_view::npos && is_flag(key) &&
        (i + 1 == argc || std::string_view(argv[i + 1]).starts_with("--"))) {
      given.emplace_back(key, "true");
      continue;
    }
    if (equals == std::string_view::npos && i + 1 == argc) throw ConfigError("--", key, " needs a value.");
    std::string value(equals == std::string_view::npos ? std::string_view(argv[++i]) : text.substr(equals + 1));
    if (key == "config") {
      config = std::move(value);
    } else {
      given.emplace_back(key, std::move(value));
    }
  }
  if (!config.empty()) read_file(config);
  for (const auto& [key, value] : given) set(key, value, "--");
  return true;
}

bool OptionTable::is_given(const std::string& key) const {
  return std::any_of(options_.begin(), options_.end(), [&](const Option& o) { return o.key == key && o.is_given; });
}

std::vector<OptionValue> OptionTable::values() const {
  std::vector<OptionValue> values;
  for (const Option& option : options_) {
    const std::string text = option.text();
    values.push_back({option.key, text, text == option.default_text});
  }
  return values;
}

void OptionTable::print_help(std::ostream& out) const {
  const std::string config = "--config FILE";
  std::vector<std::string> keys;
  std::size_t widest = width_of(config);
  for (const Option& option : options_) {
    const std::string text = option.default_text.empty() ? std::string(2, '"') : option.default_text;
    keys.push_back("--" + option.key + " (=" + text + ")");
    widest = std::max(widest, width_of(keys.back()));
  }
  const std::size_t indent = std::min<std::size_t>(widest + 4, 32);
  out << usage_ << "\n\nKeys, on the command line or in the file, with their defaults:\n"
      << help_entry(config, "a file of lines \"key = value\"; # starts a comment", indent);
  std::string heading = "Keys";  // those that have none of their own follow the line above
  for (std::size_t i = 0; i < options_.size(); ++i) {
    if (heading != options_[i].heading) {
      heading = options_[i].heading;
      out << '\n' << heading << '\n';
    }
    out << help_entry(keys[i], options_[i].help, indent);
  }
}

}  // namespace rensa::tools
