#pragma once

#include <cstdint>
#include <functional>
#include <unordered_set>
#include <vector>

#include "core/autograd/parameter.h"

namespace rensa {

/// One stretch of memory for all parameters of one dtype and device, and one for their gradients.
///
/// Gradients (and parameters with them) lie in reverse order of creation, the order in which backward usually finishes
/// them, so that a bucket for the network is a slice of `gradients` that is complete early. Optimizers update the whole
/// stretch in one pass. Every parameter starts at a multiple of 64 bytes and has at least one element of the gap behind
/// it, in which a reducer may send a word about the parameter along with its gradient.
///
/// A place is dense and keeps the parameter's shape in row-major order, or channels-last for convolution weights: the
/// strides of the parameter's array are kept.
struct ParameterArena {
  /// One parameter's place. All but `parameter` itself can be read when the parameter is no more, which may have left
  /// its model with a link or a hook.
  struct Slot {
    Parameter* parameter;
    std::int64_t offset;  ///< of its first element, in elements
    std::int64_t size;    ///< elements
    Shape shape;          ///< the parameter's when it got this place
    Strides strides;      ///< of its elements here
    Variable variable;    ///< the parameter's: tells it from one that was made later at the same address

    /// Whether the parameter is one of `present`, which are there. If not, nothing but its address may be used.
    bool is_among(const std::unordered_set<const Parameter*>& present) const {
      return present.contains(parameter) && is_of(*parameter);
    }
    bool is_of(const Parameter& other) const { return parameter == &other && variable.is(other); }  ///< whose it is
  };
  Array values;     ///< 1-d; gaps between slots are zero
  Array gradients;  ///< 1-d; gaps between slots are zero. No array if gradients have no place of their own
  std::vector<Slot> slots;

  /// The part of a 1-d array laid out like this arena (a momentum, say) that belongs to `slot`, in the slot's shape and
  /// strides.
  static Array view(const Array& arena, const Slot& slot);
  /// True if the parameter's elements still lie where and as this arena put them.
  bool holds(const Slot& slot) const;
  /// Makes the slot's gradient lie in its place: copied there if it lies elsewhere, zeros if the parameter has none.
  /// Nothing where gradients have no place.
  static void complete_gradient(const Slot& slot);
};

/// Allocates a stretch of `count` elements. `comm` gives one that takes shared memory of the node. For gradients it may
/// return no array: they then lie where backward makes them.
using ArenaAllocator = std::function<Array(std::int64_t count, Dtype dtype, Device device)>;

/// Moves the initialised parameters' arrays and gradients into arenas, one for each pair of dtype and device: the last
/// of `parameters` comes first. The length of an arena is a multiple of `multiple` elements.
std::vector<ParameterArena> make_arenas(const std::vector<Parameter*>& parameters,
                                        const ArenaAllocator& allocate_values, const ArenaAllocator& allocate_gradients,
                                        std::int64_t multiple = 1);
/// The same in memory of the device's allocator.
std::vector<ParameterArena> make_arenas(const std::vector<Parameter*>& parameters);

}  // namespace rensa
