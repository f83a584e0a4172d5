#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/links/link.h"
#include "core/optimizers/parameter_arena.h"

namespace rensa {

class Serializer;

/// What every optimizer can do to the gradients on the way, in the same pass over memory as the update.
struct CommonOptions {
  double weight_decay = 0;  ///< L2: adds weight_decay × parameter to the (clipped) gradient; AdamW decays apart from it
  double clip_norm = 0;     ///< scales all gradients so that their global L2 norm is at most this; 0: off
};

/// Changes parameters by their gradients. An optimizer of your own overrides name(), lr(), set_lr(), state_names() and
/// update_range().
///
///   optimizer.setup(model);
///   for (…) { loss.backward(); optimizer.update(); }      // update() also clears the gradients for the next step
///
/// The parameters' values and gradients live in arenas (ParameterArena), one pass over which is an update. Each piece of
/// state (a momentum, say) is one array laid out like the arena. How a parameter differs from the rest is said by its
/// lr_scale, weight_decay_scale and update_enabled, which may change at any time.
///
/// An optimizer may be moved until setup().
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual const char* name() const = 0;

  /// Takes the parameters of `model`, which must outlive the optimizer. Parameters that are initialised only later join
  /// at the update() that first sees them, with state of zeros and a t of their own.
  virtual void setup(Link& model);
  /// One step. A parameter without a gradient counts as having zeros; one with update_enabled = false is left alone.
  /// Throws GraphError before setup().
  virtual void update();

  virtual double lr() const = 0;
  virtual void set_lr(double lr) = 0;

  virtual std::int64_t t() const { return t_; }  ///< updates so far
  virtual void set_t(std::int64_t t) { t_ = t; }
  virtual std::int64_t epoch() const { return epoch_; }
  virtual void set_epoch(std::int64_t epoch) { epoch_ = epoch; }
  void new_epoch() { set_epoch(epoch() + 1); }
  virtual CommonOptions& common() { return common_; }

  /// Hooks run inside update(), after the gradients are complete and before they are used, in the order they were added.
  /// Throws ValueError when the name is taken, or not there.
  using Hook = std::function<void(Optimizer&)>;
  virtual void add_hook(std::string name, Hook hook);
  virtual void remove_hook(const std::string& name);

  /// Names of the state kept for each parameter, as Chainer's snapshots call them: {"m", "v"}.
  virtual std::vector<std::string> state_names() const { return {}; }
  /// The state called `name` of one parameter, in the parameter's shape; the elements may be written. Throws ValueError
  /// when there is none.
  virtual Array state(const std::string& name, const Parameter& parameter);
  /// Saves or loads t, epoch, lr and, for every initialised parameter, "<path>/t" and "<path>/<state>": Chainer's keys.
  /// To be called after setup(); when loading, load the model first (it initialises parameters).
  virtual void serialize(Serializer& serializer);

  /// The model given to setup(); throws GraphError before.
  virtual Link& model() const;
  virtual const std::vector<ParameterArena>& arenas() const { return arenas_; }
  /// Where arenas get their memory; to be called before setup(). comm gives shared memory of the node.
  virtual void set_arena_allocators(ArenaAllocator values, ArenaAllocator gradients);
  /// Takes in the parameters that were initialised, added or given another array since the last call; update() does it
  /// by itself. Returns those that are new; arenas() have been laid out again if there are any.
  virtual std::vector<Parameter*> join_parameters();

 protected:
  Optimizer() = default;
  explicit Optimizer(const CommonOptions& common) : common_(common) {}
  Optimizer(Optimizer&&) = default;
  Optimizer& operator=(Optimizer&&) = default;

  /// A stretch of an arena whose parameters share their settings.
  struct Range {
    Array values, gradients;   ///< 1-d; a multiple of 64 bytes, aligned to 64
    std::vector<Array> state;  ///< 1-d, in the order of state_names()
    double lr_scale;           ///< multiplies the learning rate
    double weight_decay;       ///< common().weight_decay × the parameters' scale
    double decay_scale;        ///< the parameters' weight_decay_scale itself, for a decay apart from the gradient
    double gradient_scale;     ///< the gradients are to be multiplied by this (clipping)
    std::int64_t t;            ///< number of these parameters' update, from 1
  };
  /// Updates the values of one range from its gradients.
  virtual void update_range(const Range& range) = 0;

 private:
  /// Beside an arena, slot by slot.
  struct ArenaState {
    std::vector<Array> state;    ///< laid out like the arena, in the order of state_names()
    std::vector<std::int64_t> t;  ///< updates of each slot's parameter so far
  };
  struct Place {
    const ParameterArena* arena = nullptr;
    ArenaState* state = nullptr;
    std::size_t slot = 0;
  };
  Place find(const Parameter& parameter);
  void rebuild_arenas(const std::vector<Parameter*>& parameters);
  double clip_scale() const;
  void update_arena(const ParameterArena& arena, ArenaState& state, double gradient_scale);

  Link* model_ = nullptr;
  CommonOptions common_;
  std::vector<ParameterArena> arenas_;
  std::vector<ArenaState> states_;
  std::vector<std::pair<std::string, Hook>> hooks_;
  ArenaAllocator allocate_values_, allocate_gradients_;
  std::int64_t t_ = 0, epoch_ = 0;
};

}  // namespace rensa
