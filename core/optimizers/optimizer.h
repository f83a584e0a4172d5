#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/links/link.h"
#include "core/optimizers/parameter_arena.h"

namespace rensa {

/// What every optimizer can do to the gradients on the way, in the same pass over memory as the update.
struct CommonOptions {
  double weight_decay = 0;   ///< L2: adds weight_decay × parameter to the gradient (AdamW decays apart from it)
  double clip_norm = 0;      ///< scales all gradients so that their global L2 norm is at most this; 0: off
};

/// Changes parameters by their gradients. An optimizer of your own overrides state_names() and update_range().
///
///   optimizer.setup(model);
///   for (…) { loss.backward(); optimizer.update(); }      // update() also clears the gradients for the next step
///
/// The parameters' values and gradients live in arenas (ParameterArena), one pass over which is an update. Each piece of
/// state (a momentum, say) is one array laid out like the arena.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual const char* name() const = 0;

  /// Takes the parameters of `model`, which must outlive the optimizer. Parameters that are initialised only later join
  /// at the update() that first sees them, with state of zeros.
  virtual void setup(Link& model);
  /// One step. A parameter without a gradient counts as having zeros; one with update_enabled = false is left alone.
  virtual void update();

  virtual double lr() const = 0;
  virtual void set_lr(double lr) = 0;

  std::int64_t t() const { return t_; }  ///< updates so far
  void set_t(std::int64_t t) { t_ = t; }
  std::int64_t epoch() const { return epoch_; }
  void new_epoch() { ++epoch_; }
  void set_epoch(std::int64_t epoch) { epoch_ = epoch; }
  CommonOptions& common() { return common_; }

  /// Hooks run inside update(), after the gradients are complete and before they are used, in the order they were added.
  using Hook = std::function<void(Optimizer&)>;
  void add_hook(std::string name, Hook hook);
  void remove_hook(const std::string& name);

  /// Names of the state kept for each parameter, as Chainer's snapshots call them: {"m", "v"}.
  virtual std::vector<std::string> state_names() const { return {}; }
  /// The state called `name` of one parameter, in the parameter's shape; the elements may be written.
  virtual Array state(const std::string& name, const Parameter& parameter);

  Link& model() const { return *model_; }
  virtual const std::vector<ParameterArena>& arenas() const { return arenas_; }
  /// Where arenas get their memory; to be called before setup(). comm gives shared memory of the node.
  virtual void set_arena_allocators(ArenaAllocator values, ArenaAllocator gradients);

 protected:
  Optimizer() = default;

  /// A stretch of an arena whose parameters share their settings.
  struct Range {
    Array values, gradients;        ///< 1-d
    std::vector<Array> state;       ///< 1-d, in the order of state_names()
    double lr_scale;                ///< multiplies the learning rate
    double weight_decay;            ///< common().weight_decay × the parameters' scale
    double gradient_scale;          ///< the gradients are to be multiplied by this (clipping)
    std::int64_t t;                 ///< number of this update, from 1
  };
  /// Updates the values of one range from its gradients.
  virtual void update_range(const Range& range) = 0;

 private:
  struct ArenaState {
    std::vector<Array> state;
  };
  void rebuild_arenas();
  bool all_in_arenas() const;
  double clip_scale() const;
  void update_arena(const ParameterArena& arena, const ArenaState& state, double gradient_scale);

  Link* model_ = nullptr;
  CommonOptions common_;
  std::vector<ParameterArena> arenas_;
  std::vector<ArenaState> states_;
  std::vector<std::pair<std::string, Hook>> hooks_;
  ArenaAllocator allocate_values_, allocate_gradients_;
  std::int64_t t_ = 0, epoch_ = 0;
};

}  // namespace rensa
