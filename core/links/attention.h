#pragma once

#include <cstdint>
#include <memory>

#include "core/functions/attention.h"
#include "core/links/linear.h"
#include "core/links/normalization.h"

namespace rensa {

/// Options of MultiHeadAttention.
struct MultiHeadAttentionOptions {
  std::int64_t size;  ///< features of queries, keys, values and results
  int heads;
  bool causal = false;  ///< a query sees the keys up to its own place
  double dropout = 0;   ///< of the result, when training
  bool bias = true;
  Initializer initial_W = init::lecun_normal();
  Dtype dtype = Dtype::kFloat32;
};
/// Attention in several heads side by side. Keys: query/W (size, size), query/b, key/…, value/…, out/….
/// Source: Vaswani et al., "Attention is all you need", 2017, section 3.2.2.
class MultiHeadAttention : public UnaryLink {
 public:
  /// Throws ValueError if the heads do not divide the size.
  explicit MultiHeadAttention(const MultiHeadAttentionOptions& options);
  using UnaryLink::operator();
  /// x (batch, L, size) asks itself.
  Variable forward(const Variable& x) override { return attend(x, x, {}); }
  /// x (batch, M, size) asks `memory` (batch, L, size); `lengths` (batch) says how many of the L are no padding, or no
  /// array.
  Variable operator()(const Variable& x, const Variable& memory, const Array& lengths = {}) {
    return with_hooks(x, [&] { return attend(x, memory, lengths); });
  }

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<MultiHeadAttention>(options_); }

 private:
  Variable attend(const Variable& x, const Variable& memory, const Array& lengths);
  Variable in_heads(const Variable& x) const;
  const MultiHeadAttentionOptions options_;
  Linear query_, key_, value_, out_;
};

/// Options of TransformerBlock.
struct TransformerBlockOptions {
  std::int64_t size;
  int heads;
  std::int64_t hidden = 0;  ///< of the two linear layers; 0: 4 size
  bool causal = false;
  bool cross = false;  ///< attention to a memory between the two: a decoder's block
  double dropout = 0;
  bool bias = true;
  Initializer initial_W = init::lecun_normal();
  Dtype dtype = Dtype::kFloat32;
};
/// x + attention(ln1(x)), (+ cross(ln_cross(x), memory)), + fc2(gelu(fc1(ln2(x)))): normalization first, as GPT-2 has
/// it. Keys: ln1, attention, ln2, fc1, fc2, and ln_cross, cross in a decoder. Source: Radford et al., "Language models
/// are unsupervised multitask learners", 2019, section 2.3.
class TransformerBlock : public UnaryLink {
 public:
  explicit TransformerBlock(const TransformerBlockOptions& options);
  using UnaryLink::operator();
  Variable forward(const Variable& x) override { return transform(x, {}, {}); }
  /// With `cross`: attends to `memory` (batch, L, size), of which sample i has memory_lengths[i] rows; no array: all
  /// of them. Throws ValueError for a memory without `cross`, or none with it.
  Variable operator()(const Variable& x, const Variable& memory, const Array& memory_lengths = {}) {
    return with_hooks(x, [&] { return transform(x, memory, memory_lengths); });
  }

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<TransformerBlock>(options_); }

 private:
  Variable transform(const Variable& x, const Variable& memory, const Array& memory_lengths);

  const TransformerBlockOptions options_;
  LayerNormalization ln1_, ln2_;
  MultiHeadAttention attention_;
  Linear fc1_, fc2_;
  std::unique_ptr<LayerNormalization> ln_cross_;
  std::unique_ptr<MultiHeadAttention> cross_;
};

}  // namespace rensa
