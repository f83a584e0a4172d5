#pragma once

namespace rensa {

/// What the calling thread's operations do. Every thread has its own; a new thread starts with the defaults.
struct Config {
  bool train = true;            ///< dropout drops, batch normalization uses the batch's statistics
  bool enable_backprop = true;  ///< operations record the graph that backward() walks
  bool in_recomputing = false;  ///< functions::forget computes something for the second time
};

Config& config();  ///< the calling thread's, to read or to change; ConfigScope changes it back

/// Changes the configuration until the end of the scope:
///   const ConfigScope evaluating({.train = false, .enable_backprop = false});
class ConfigScope {
 public:
  explicit ConfigScope(const Config& inside) : outside_(config()) { config() = inside; }
  ~ConfigScope() { config() = outside_; }
  ConfigScope(const ConfigScope&) = delete;
  ConfigScope& operator=(const ConfigScope&) = delete;

 private:
  Config outside_;
};

/// No graph is recorded inside this scope: const NoBackpropMode scope;
class NoBackpropMode : ConfigScope {
 public:
  NoBackpropMode()
      : ConfigScope({.train = config().train, .enable_backprop = false, .in_recomputing = config().in_recomputing}) {}
};

/// A graph is recorded inside this scope, even within NoBackpropMode.
class ForceBackpropMode : ConfigScope {
 public:
  ForceBackpropMode()
      : ConfigScope({.train = config().train, .enable_backprop = true, .in_recomputing = config().in_recomputing}) {}
};

}  // namespace rensa
