#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/autograd/variable.h"
#include "core/functions/losses.h"

namespace rensa::functions {

/// Options of connectionist_temporal_classification().
struct CtcOptions {
  std::int64_t blank_symbol = 0;
  Array input_length = {}, label_length = {};  ///< (batch), int32 or int64; none: all of xs, all of t
  LossReduce reduce = LossReduce::kMean;
};
/// Connectionist temporal classification: -log of the probability that the steps xs[i] (batch, classes), logits, spell
/// t (batch, labels) in any alignment. A row that cannot (too few steps) costs about 1e30. Throws ShapeError,
/// ValueError for a label out of range. Source: Graves et al., "Connectionist temporal classification", 2006.
Variable connectionist_temporal_classification(const Variables& xs, const Array& t, const CtcOptions& options = {});

/// Conditional random field over sequences: cost (classes, classes) is the score of going from one class to the next,
/// xs[i] (batch of step i, classes) the scores of each step, ys[i] (batch of step i) its labels; batches never grow.
/// -log of the labels' probability, averaged over the sequences. Source: Lafferty, McCallum, Pereira, "Conditional
/// random fields", 2001.
Variable crf1d(const Variable& cost, const Variables& xs, const std::vector<Array>& ys,
               LossReduce reduce = LossReduce::kMean);
/// The best labels, found by argmax_crf1d().
struct CrfPath {
  Array score;              ///< (batch)
  std::vector<Array> path;  ///< for each step (batch of the step), int64
};
/// The best labels under that field (Viterbi's algorithm).
CrfPath argmax_crf1d(const Array& cost, const std::vector<Array>& xs);

/// Draws class numbers, an int64 array of the shape asked for.
using ClassSampler = std::function<Array(const Shape& shape)>;
/// -log σ(w_t · x) - Σ log σ(-w_n · x) over `sample_size` drawn classes n for each row: x (batch, n), t (batch), W
/// (classes, n). Rows with t = -1 are left out. Source: Mikolov et al., "Distributed representations of words and
/// phrases", 2013.
Variable negative_sampling(const Variable& x, const Array& t, const Variable& W, const ClassSampler& sampler,
                           std::int64_t sample_size, SumReduce reduce = SumReduce::kSum);
/// -log p_t - Σ log(1 - p_n) with probabilities over the label and the `samples` (batch, S) alone.
/// Source: Ji et al., "BlackOut: speeding up recurrent neural network language models with very large vocabularies",
/// 2015.
Variable black_out(const Variable& x, const Array& t, const Variable& W, const Array& samples,
                   LossReduce reduce = LossReduce::kMean);

}  // namespace rensa::functions
