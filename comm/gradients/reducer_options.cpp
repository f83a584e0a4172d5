#include "comm/gradients/reducer_options.h"

#include "core/error.h"

namespace rensa {
namespace {

void exclude(bool both, const char* a, const char* b, const char* reason) {
  if (both) throw ValueError(a, " and ", b, " exclude each other: ", reason, ". Leave one of them out.");
}

}  // namespace

void check_options(const ReducerOptions& o, double clip_norm) {
  if (o.zero < 0 || o.zero > 2) throw ValueError("zero: expected 0, 1 or 2, found ", o.zero, ".");
  const bool sharded = o.zero > 0;
  exclude(sharded && o.double_buffering, "zero", "double_buffering", "a rank has no second place for gradients");
  exclude(sharded && o.compression, "zero", "compression", "a rank gets its own part of the gradients only");
  exclude(sharded && !o.zero_fill, "zero", "zero_fill = false", "a rank does not see all gradients");
  exclude(o.double_buffering && !o.zero_fill, "double_buffering", "zero_fill = false",
          "the gradients that are applied are not those of the step that used the parameters");
  exclude(o.compression && !o.zero_fill, "compression", "zero_fill = false",
          "which parameters were used travels with whole buckets");
  exclude(o.carry_over && o.double_buffering, "carry_over", "double_buffering", "both hide the same wait");
  exclude(o.carry_over && sharded, "carry_over", "zero", "weights come back from other ranks after the update");
  exclude(o.carry_over && !o.zero_fill, "carry_over", "zero_fill = false",
          "which parameters are updated is known when the last bucket has arrived");
  exclude(o.carry_over && !o.overlap, "carry_over", "overlap = false", "the one goes further than the other allows");
  exclude(o.carry_over && clip_norm > 0, "carry_over", "clip_norm",
          "the norm is known when the last gradient has arrived");
}

}  // namespace rensa
