#include "core/links/attention.h"

#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/dropout.h"
#include "core/functions/shape.h"

namespace rensa {
namespace {

constexpr double kEps = 1e-5;  ///< of layer normalization, GPT-2's and PyTorch's

LinearOptions square(const MultiHeadAttentionOptions& o) {
  return {.in = o.size, .out = o.size, .bias = o.bias, .initial_W = o.initial_W, .dtype = o.dtype};
}

std::int64_t hidden_size(const TransformerBlockOptions& o) { return o.hidden > 0 ? o.hidden : 4 * o.size; }

MultiHeadAttentionOptions attention_of(const TransformerBlockOptions& o, bool causal) {
  return {.size = o.size,
          .heads = o.heads,
          .causal = causal,
          .dropout = o.dropout,
          .bias = o.bias,
          .initial_W = o.initial_W,
          .dtype = o.dtype};
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(const MultiHeadAttentionOptions& o)
    : options_(o), query_(square(o)), key_(square(o)), value_(square(o)), out_(square(o)) {
  if (o.heads < 1 || o.size % o.heads != 0) {
    throw ValueError("MultiHeadAttention: ", o.heads, " heads do not divide ", o.size, " features.");
  }
  add("query", query_);
  add("key", key_);
  add("value", value_);
  add("out", out_);
}

/// (batch, L, size) as (batch, heads, L, size / heads).
Variable MultiHeadAttention::in_heads(const Variable& x) const {
  const std::int64_t heads = options_.heads;
  return functions::transpose(functions::reshape(x, {x.shape()[0], x.shape()[1], heads, options_.size / heads}),
                              {0, 2, 1, 3});
}

Variable MultiHeadAttention::attend(const Variable& x, const Variable& memory, const Array& lengths) {
  if (x.ndim() != 3 || x.shape()[2] != options_.size || memory.ndim() != 3) {
    throw ShapeError("MultiHeadAttention: expected x and memory (batch, length, ", options_.size, "), found ",
                     x.shape(), " and ", memory.shape(), ".");
  }
  const Variable y = functions::scaled_dot_product_attention(in_heads(query_(x, 2)), in_heads(key_(memory, 2)),
                                                             in_heads(value_(memory, 2)),
                                                             {.causal = options_.causal, .lengths = lengths});
  const Variable joined = functions::reshape(functions::transpose(y, {0, 2, 1, 3}), x.shape());
  return functions::dropout(out_(joined, 2), options_.dropout);
}

TransformerBlock::TransformerBlock(const TransformerBlockOptions& o)
    : options_(o),
      ln1_({.size = o.size, .eps = kEps, .dtype = o.dtype}),
      ln2_({.size = o.size, .eps = kEps, .dtype = o.dtype}),
      attention_(attention_of(o, o.causal)),
      fc1_({.in = o.size, .out = hidden_size(o), .bias = o.bias, .initial_W = o.initial_W, .dtype = o.dtype}),
      fc2_({.in = hidden_size(o), .out = o.size, .bias = o.bias, .initial_W = o.initial_W, .dtype = o.dtype}) {
  add("ln1", ln1_);
  add("attention", attention_);
  add("ln2", ln2_);
  add("fc1", fc1_);
  add("fc2", fc2_);
  if (!o.cross) return;
  ln_cross_ =
      std::make_unique<LayerNormalization>(LayerNormalizationOptions{.size = o.size, .eps = kEps, .dtype = o.dtype});
  cross_ = std::make_unique<MultiHeadAttention>(attention_of(o, false));
  add("ln_cross", *ln_cross_);
  add("cross", *cross_);
}

Variable TransformerBlock::transform(const Variable& x, const Variable& memory, const Array& memory_lengths) {
  if (options_.cross != static_cast<bool>(memory)) {
    throw ValueError("TransformerBlock: made with cross = ", options_.cross, " and called ",
                     memory ? "with" : "without", " a memory.");
  }
  Variable h = x + attention_(ln1_(x));
  if (cross_) h = h + (*cross_)((*ln_cross_)(h), memory, memory_lengths);
  const Variable inner = functions::gelu(fc1_(ln2_(h), 2));
  return h + functions::dropout(fc2_(inner, 2), options_.dropout);
}

}  // namespace rensa
