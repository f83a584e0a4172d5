#pragma once

#include <cstdint>

#include "core/links/attention.h"
#include "core/links/connection.h"
#include "core/links/link.h"

namespace rensa::models {

/// Options of Gpt.
struct GptOptions {
  std::int64_t words = 65;  ///< different tokens, of the text and of the answers
  std::int64_t layers = 4;
  std::int64_t size = 256;    ///< features of a token, a multiple of the heads
  int heads = 0;              ///< 0: one for each 64 features
  std::int64_t length = 256;  ///< the most tokens that are seen at once
  double dropout = 0;         ///< of what each block adds, when training
  Initializer initial_W = init::normal(0.02);
  Dtype dtype = Dtype::kFloat32;
};

/// A language model: tokens and their places embedded, blocks of causal attention, and for each place the logits of the
/// token that follows. Keys: tokens/W, places/W, blocks/0/…, norm/gamma, norm/beta, head/W.
/// Source: Radford et al., "Language models are unsupervised multitask learners", 2019, section 2.3.
class Gpt : public UnaryLink {
 public:
  /// Throws ValueError if the heads do not divide the size.
  explicit Gpt(const GptOptions& options = {});
  /// x (batch, length) of int32 or int64; logits (batch × length, words), as softmax_cross_entropy takes them. Throws
  /// ShapeError for more tokens than `length`.
  Variable forward(const Variable& x) override;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Gpt>(options_); }

 private:
  const GptOptions options_;
  EmbedId tokens_, places_;
  ChainList<TransformerBlock> blocks_;
  LayerNormalization norm_;
  Linear head_;
};

}  // namespace rensa::models
