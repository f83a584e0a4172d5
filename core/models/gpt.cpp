#include "core/models/gpt.h"

#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/shape.h"

namespace rensa::models {

Gpt::Gpt(const GptOptions& options)
    : options_(options),
      tokens_({.in = options.words, .out = options.size, .initial_W = options.initial_W, .dtype = options.dtype}),
      places_({.in = options.length, .out = options.size, .initial_W = options.initial_W, .dtype = options.dtype}),
      norm_({.size = options.size, .eps = 1e-5, .dtype = options.dtype}),
      head_({.in = options.size,
             .out = options.words,
             .bias = false,
             .initial_W = options.initial_W,
             .dtype = options.dtype}) {
  const int heads = options.heads > 0 ? options.heads : static_cast<int>(options.size / 64);
  for (std::int64_t i = 0; i < options.layers; ++i) {
    blocks_.append(std::make_unique<TransformerBlock>(TransformerBlockOptions{.size = options.size,
                                                                              .heads = heads,
                                                                              .causal = true,
                                                                              .dropout = options.dropout,
                                                                              .initial_W = options.initial_W,
                                                                              .dtype = options.dtype}));
  }
  add("tokens", tokens_);
  add("places", places_);
  add("blocks", blocks_);
  add("norm", norm_);
  add("head", head_);
}

Variable Gpt::forward(const Variable& x) {
  if (x.ndim() != 2 || x.shape()[1] > options_.length) {
    throw ShapeError("Gpt: expected tokens (batch, length) with at most ", options_.length, " each, found ", x.shape(),
                     ".");
  }
  Variable h = tokens_(x.array()) + places_(arange(x.shape()[1]));
  for (const auto& block : blocks_) h = (*block)(h);
  return head_(norm_(functions::reshape(h, {x.size(), options_.size})));
}

}  // namespace rensa::models
