#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <limits>
#include <string>
#include <vector>

namespace rensa::tools {

/// What a value may be.
struct OptionLimits {
  double min = -std::numeric_limits<double>::infinity(), max = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices = {};  ///< of a text; empty: any
  bool above_min = false;                 ///< the minimum itself is refused
  bool finite = true;                     ///< infinity is refused; NaN always is
};

/// A key as it is after parsing.
struct OptionValue {
  std::string key, value;  ///< as it would be written in a configuration file
  bool is_default = false;
};

/// Keys of a command, given as `--key value` or as `key = value` in a configuration file, with defaults, ranges and
/// help in one place. A misspelt key is refused with the nearest one, a value out of range with the range.
///
///   OptionTable table("usage: rensa train --config FILE [--key value …]");
///   table.add("epoch", options.epoch, "epochs to train", {.min = 0});
///   if (!table.parse(argc, argv)) return 0;                      // --help was printed
class OptionTable {
 public:
  explicit OptionTable(std::string usage) : usage_(std::move(usage)) {}

  /// The keys that are added from now on stand under this headline in the help.
  void heading(std::string text) { heading_ = std::move(text); }

  // The present value of `target` is the default.
  void add(const std::string& key, std::string& target, const std::string& help, const OptionLimits& limits = {});
  void add(const std::string& key, bool& target, const std::string& help);  ///< --key alone means true
  void add(const std::string& key, double& target, const std::string& help, const OptionLimits& limits = {});
  void add(const std::string& key, int& target, const std::string& help, const OptionLimits& limits = {});
  void add(const std::string& key, std::int64_t& target, const std::string& help, const OptionLimits& limits = {});
  void add(const std::string& key, std::uint64_t& target, const std::string& help);
  /// Values separated by commas; each use of the key on the command line replaces the list.
  void add(const std::string& key, std::vector<std::string>& target, const std::string& help);
  void add(const std::string& key, std::vector<double>& target, const std::string& help,
           const OptionLimits& limits = {});  ///< limits of each number

  /// Reads the command line, and before it the file that --config names. Arguments without a key go to `positional`,
  /// if given. Returns false after printing the help to `out`. Throws ConfigError that names file and line.
  bool parse(int argc, char** argv, std::ostream& out, std::vector<std::string>* positional = nullptr);

  /// Whether the command line or the file says what `key` is, be it the default.
  bool is_given(const std::string& key) const;

  /// What the keys are now, in the order of add().
  std::vector<OptionValue> values() const;

 private:
  struct Option {
    std::string key, help, default_text, heading;
    std::function<std::string()> text;            ///< of the value as it is
    std::function<void(const std::string&)> set;  ///< throws ConfigError without the place
    bool is_flag = false, is_given = false;
  };
  void add_option(const std::string& key, const std::string& help, std::function<std::string()> text,
                  const OptionLimits& limits, std::function<void(const std::string&)> set);
  template <class Integer>
  void add_integer(const std::string& key, Integer& target, const std::string& help, const OptionLimits& limits);
  void set(const std::string& key, const std::string& value, const std::string& where);
  bool is_flag(const std::string& key) const;
  void read_file(const std::string& path);
  void print_help(std::ostream& out) const;

  std::string usage_, heading_ = "Keys";
  std::vector<Option> options_;
};

/// The text of `candidates` with the fewest letters to change, if those are few enough for a slip of the fingers; or
/// "".
std::string nearest(const std::string& text, const std::vector<std::string>& candidates);

}  // namespace rensa::tools
