#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/links/link.h"
#include "core/optimizers/arena_shards.h"
#include "core/optimizers/loss_scale.h"
#include "core/optimizers/parameter_arena.h"

namespace rensa {

class HookedGradients;
class Serializer;

/// What every optimizer can do to the gradients on the way, in the same pass over memory as the update.
struct CommonOptions {
  double weight_decay = 0;  ///< L2: adds weight_decay × parameter to the (clipped) gradient; AdamW decays apart from it
  double clip_norm = 0;     ///< scales all gradients so that their global L2 norm is at most this; 0: off
};

/// When an optimizer calls a hook.
enum class HookTiming {
  kPre,   ///< when the gradients are complete, before they are used
  kPost,  ///< after the update, when the parameters have their new values
};

/// Changes parameters by their gradients. An optimizer of your own overrides name(), lr(), set_lr(), state_names() and
/// update_range().
///
///   optimizer.setup(model);
///   for (…) { loss.backward(); optimizer.update(); }      // update() also clears the gradients for the next step
///
/// The parameters' values and gradients live in arenas (ParameterArena), one pass over which is an update. Each piece
/// of state (a momentum, say) is one array laid out like the arena. How a parameter differs from the rest is said by
/// its lr_scale, weight_decay_scale and update_enabled, which may change at any time.
///
/// float16 and bfloat16 parameters have float32 masters, which the rule works on together with float32 state; a
/// parameter is what its master rounds to. Whoever writes a parameter (a snapshot, a broadcast, a program) sets its
/// master with it.
///
/// An optimizer may be moved until setup().
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual const char* name() const = 0;  ///< as configurations and snapshots call it: "momentum_sgd"

  /// Takes the parameters of `model`, which must outlive the optimizer. Parameters that are initialised only later join
  /// at the update() that first sees them, with state of zeros and a t of their own; so does one that has got an array
  /// of another shape. Those that leave the model with a link or a hook are forgotten with their state.
  virtual void setup(Link& model);
  /// One step. A parameter without a gradient counts as having zeros; one with update_enabled = false is left alone.
  /// Throws GraphError before setup().
  virtual void update();

  virtual double lr() const = 0;       ///< the learning rate; Adam's alpha
  virtual void set_lr(double lr) = 0;  ///< from the next update() on

  virtual std::int64_t t() const { return t_; }                   ///< updates so far
  virtual void set_t(std::int64_t t) { t_ = t; }                  ///< as if so many updates had been made
  virtual std::int64_t epoch() const { return epoch_; }           ///< epochs so far, as new_epoch() counts them
  virtual void set_epoch(std::int64_t epoch) { epoch_ = epoch; }  ///< as if so many epochs had passed
  void new_epoch() { set_epoch(epoch() + 1); }                    ///< counts an epoch; the trainer does it
  virtual CommonOptions& common() { return common_; }  ///< weight decay and clipping, which may change at any time

  /// loss.backward() with `share` of the loss scale as its start. The way to a step in which the host does not wait for
  /// a GPU that keeps the scale.
  virtual void backward(const Variable& loss, double share = 1) const;

  // Chainer's names. `loss.backward({.loss_scale = optimizer.loss_scale()})`, then update(), which divides by it.

  /// A dynamic scale (LossScale): a step whose gradients are not finite counts and changes nothing. With all parameters
  /// on one GPU, and a rule that asks for nothing but what the GPU knows (the SGDs, Adam and AdamW, AdaGrad, AdaDelta,
  /// RMSprop, Lion), it is kept there, as is the norm for clip_norm; loss_scale() and serialize() wait for it. Other
  /// rules, and hooks beside a dynamic scale, let the host wait in each step.
  virtual void loss_scaling(std::int64_t interval = 1000);
  virtual void set_loss_scale(double scale);  ///< a scale that stays
  virtual double loss_scale() const;          ///< what the loss is to be multiplied by now
  virtual bool has_dynamic_loss_scale() const { return loss_scale_.is_dynamic(); }  ///< whether loss_scaling() is on
  /// Whether every gradient in the arenas is finite.
  virtual bool is_safe_to_update() const;

  /// Hooks run inside update(), in the order they were added, unless the step is left out (loss_scaling()). What they
  /// find as gradients, of the parameters and in arenas(), is without the loss scale, and in float32 where parameters
  /// have 16 bits; they may change it. So do kPost hooks find the parameters, in float32 where they have 16 bits, whole
  /// even where state is sharded (the gradients are not, then), and may change them: to be called on all processes
  /// alike. They run before a dynamic loss scale moves. Throws ValueError when the name is taken, or not there.
  using Hook = std::function<void(Optimizer&)>;
  /// Adds a hook behind the others.
  virtual void add_hook(std::string name, Hook hook, HookTiming timing = HookTiming::kPre);
  virtual void remove_hook(const std::string& name);              ///< takes a hook out
  virtual std::vector<std::string> hook_names() const;            ///< in the order in which they were added
  virtual HookTiming hook_timing(const std::string& name) const;  ///< when the hook runs

  /// Names of the state kept for each parameter, as Chainer's snapshots call them: {"m", "v"}. Parameters in 16 bits
  /// have another one, "master".
  virtual std::vector<std::string> state_names() const { return {}; }
  /// The state called `name` of one parameter, in the parameter's shape; the elements may be written. Throws ValueError
  /// when there is none.
  virtual Array state(const std::string& name, const Parameter& parameter);
  /// Saves or loads t, epoch, lr and, for every initialised parameter, "<path>/t" and "<path>/<state>": Chainer's keys.
  /// To be called after setup(); when loading, load the model first (it initialises parameters).
  virtual void serialize(Serializer& serializer);

  /// The model given to setup(); throws GraphError before.
  virtual Link& model() const;
  /// Where parameters and gradients lie; empty before setup().
  virtual const std::vector<ParameterArena>& arenas() const { return arenas_; }
  /// Where arenas get their memory; to be called before setup(). comm gives shared memory of the node.
  virtual void set_arena_allocators(ArenaAllocator values, ArenaAllocator gradients);
  /// Takes in the parameters that were initialised, added or given another array since the last call, and forgets those
  /// that are no longer the model's; update() does it by itself. Returns those that are new; arenas() have been laid
  /// out again if there are any.
  virtual std::vector<Parameter*> join_parameters();
  /// While on, backward() calls add up what the next update() uses, and nobody need send gradients anywhere yet. Means
  /// nothing to an optimizer of one process, whose gradients add up anyhow. Returns whether it was on.
  /// (comm/gradients/no_sync.h)
  virtual bool set_accumulating(bool) { return false; }
  /// Waits for all that update() has left under way. Means nothing to an optimizer of one process.
  virtual void settle() {}
  /// Bytes that this process gave to others in the last update() for parameters and norms; of gradients the buckets
  /// tell them. None in an optimizer of one process.
  virtual std::size_t gathered_bytes() const { return 0; }
  /// Bytes of state that this process keeps.
  virtual std::size_t state_bytes() const;

  // For those who move gradients (comm):

  /// True if join_parameters() has nothing to do.
  bool arenas_are_current();
  /// Arenas hold parameters in this order from now on; those that are not named come behind, latest created first.
  void lay_out(const std::vector<Parameter*>& order);
  /// From setup() on, which must come later, this process keeps state and updates values only in its windows. The rest
  /// of the values is brought by whoever asked for it. State is whole in what serialize() saves and loads, which is
  /// then a call on all processes together. Throws ValueError for a rule that needs whole parameters (Scope).
  void set_shards(std::shared_ptr<ArenaShards> shards);
  /// Where the gradients of this process' windows are taken from, one after another, if arena number `arena` has no
  /// place for gradients of its own.
  const Array& shard_gradients(std::size_t arena) const { return states_[arena].gradients; }
  /// Fills those places from the parameters' gradients (zeros where there are none), and clears the latter.
  void collect_shard_gradients();
  /// Arena i's gradients become others[i] and the other way round; each parameter's gradient is what lies there.
  void exchange_gradients(std::vector<Array>& others);
  /// update() bit by bit, without hooks and clipping: start_update() counts the step, from which on graphs that need
  /// the old values are refused. start_slots() fixes how it is made for the parameters in slots [first, last) of arena
  /// number `arena`, by all settings of that moment; the function that it returns makes it when their gradients are
  /// complete, and clears these.
  void start_update();
  std::function<void()> start_slots(std::size_t arena, std::size_t first, std::size_t last);  ///< see start_update()

 protected:
  Optimizer() = default;
  explicit Optimizer(const CommonOptions& common) : common_(common) {}
  Optimizer(Optimizer&&) = default;
  Optimizer& operator=(Optimizer&&) = default;

  /// What a rule must have seen before it can change one element of a parameter.
  enum class Scope {
    kElement,    ///< that element: a range runs over as many parameters as share their settings
    kNorms,      ///< two sums over the parameter (measure_range): a range is a part of one parameter
    kParameter,  ///< all of the parameter: a range is one of them, whole
  };
  virtual Scope scope() const { return Scope::kElement; }  ///< what the rule of this optimizer looks at

  /// A stretch of an arena whose parameters share their settings.
  struct Range {
    Array values, gradients;   ///< 1-d, aligned to 64 bytes; for Scope::kElement also a multiple of 64 bytes
    std::vector<Array> state;  ///< 1-d, in the order of state_names()
    double lr_scale;           ///< multiplies the learning rate
    double weight_decay;       ///< common().weight_decay × the parameters' scale
    double decay_scale;        ///< the parameters' weight_decay_scale itself, for a decay apart from the gradient
    double gradient_scale;     ///< the gradients are to be multiplied by this (clipping)
    std::int64_t t;            ///< number of these parameters' update, from 1
    /// For rules that follow it: what GradientIntake says. Then t counts the steps that were left out, too.
    const double* control = nullptr;
    const ParameterArena::Slot* slot =
        nullptr;                      ///< of the parameter that the range belongs to; none for Scope::kElement
    std::array<double, 2> sums = {};  ///< for Scope::kNorms: of the whole parameter
  };
  /// Updates the values of one range from its gradients.
  virtual void update_range(const Range& range) = 0;
  /// For Scope::kNorms: what this range adds to the sums that update_range() finds in range.sums. All ranges of a
  /// parameter are asked before one is updated, on all processes that have some of it; state may change here already.
  virtual std::array<double, 2> measure_range(const Range& range);
  /// Whether update_range() needs no number that a GPU alone knows: it gives range.control to its kernel, and what it
  /// makes of t the kernel can make anew.
  virtual bool follows_control() const { return false; }

 private:
  /// Beside an arena.
  struct ArenaState {
    std::vector<ArenaWindow> windows;  ///< what of the arena this process updates: one, the whole, unless it is sharded
    std::vector<Array> state;          ///< the windows' elements, in the order of state_names(), then the masters
    std::vector<std::int64_t> t;       ///< updates of each slot's parameter so far
    Array gradients;                   ///< of the windows, where the arena has no place for gradients
  };
  /// Elements [begin, end) of an arena, inside one of this process' windows.
  struct Piece {
    std::int64_t begin, end;
    Array gradients;
    std::int64_t offset;  ///< in the arrays of state
  };
  struct NamedHook {
    std::string name;
    Hook hook;
    HookTiming timing;
  };
  struct Place {
    const ParameterArena* arena = nullptr;
    ArenaState* state = nullptr;
    std::size_t slot = 0;
  };
  Place find(const Parameter& parameter);
  /// Initialised parameters that no arena has yet. `moved`: another one was given another array, or has left the model.
  std::vector<Parameter*> newcomers(bool& moved) const;
  void rebuild_arenas(const std::vector<Parameter*>& parameters);
  ArenaState make_state(const ParameterArena& arena) const;
  /// Every element of a piece of state, wherever it is kept.
  Array whole(const ParameterArena& arena, const ArenaState& state, std::size_t index) const;
  /// The float32 masters of an arena, every element of them, as the step that has just been made leaves them.
  Array whole_masters(const ParameterArena& arena, const ArenaState& state) const;
  static void keep_windows(const ArenaState& state, const Array& from_whole, const Array& into);
  static std::vector<Piece> pieces(const ParameterArena& arena, const ArenaState& state, std::int64_t begin,
                                   std::int64_t end);
  /// Of all gradients that are updated here, in all processes: one number on their device.
  Array sum_of_squares() const;
  double clip_scale(double unscale) const;
  /// Where steps are decided on a GPU: that one. The host otherwise.
  Device deciding_device() const;
  void update_as_device_decides(Device device);
  /// Takes a dynamic scale, and what it left out of the parameters' t, back to the host.
  void settle_control();
  /// Calls the hooks that come before the update, if there are any, on gradients that live as long as what is returned;
  /// `unscale` becomes what is left to be divided out of them.
  std::unique_ptr<HookedGradients> run_hooks(double& unscale);
  /// Calls act(range), or with 16-bit values (whose masters are the last state) act(its part in float32) for stretches
  /// of it.
  template <class Act>
  void for_each_wide(const Range& range, const Act& act) const;
  /// Calls the hooks that come after the update, if there are any, on whole and wide parameters.
  void run_post_hooks();
  bool has_hooks(HookTiming timing) const;
  void call_hooks(HookTiming timing);
  /// What update_range() is to be called with for the slots [first_slot, last_slot).
  std::vector<Range> ranges(std::size_t arena, std::size_t first_slot, std::size_t last_slot, double gradient_scale,
                            const double* control) const;
  /// Fills the ranges' sums; a call on all processes together where state is sharded.
  void measure(std::size_t arena, std::vector<Range>& ranges);
  void update_ranges(std::size_t arena, std::vector<Range>& ranges);
  void update_arena(std::size_t arena, std::size_t first_slot, std::size_t last_slot, double gradient_scale,
                    const double* control = nullptr);
  std::vector<bool> updated_slots() const;

  Link* model_ = nullptr;
  CommonOptions common_;
  LossScale loss_scale_;
  Array control_;                    ///< kernels::formulas::StepControl on a GPU; none while the host knows it all
  std::vector<bool> under_control_;  ///< the slots that were updated since control_ was made, arena by arena
  std::vector<ParameterArena> arenas_;
  std::vector<ArenaState> states_;
  std::vector<NamedHook> hooks_;
  ArenaAllocator allocate_values_, allocate_gradients_;
  std::shared_ptr<ArenaShards> shards_;  ///< null: this process updates everything
  std::vector<Parameter*> order_;        ///< given to lay_out()
  std::int64_t t_ = 0, epoch_ = 0;
};

}  // namespace rensa
