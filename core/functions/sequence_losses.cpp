#include "core/functions/sequence_losses.h"

#include <algorithm>

#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/first_rows.h"
#include "core/functions/indexing.h"
#include "core/functions/joining.h"
#include "core/functions/math.h"
#include "core/functions/positions.h"
#include "core/functions/reduction.h"
#include "core/functions/shape.h"
#include "core/functions/softmax.h"

namespace rensa::functions {
namespace {

constexpr double kImpossible = -1e30;  ///< the logarithm of a probability of 0; finite, so that gradients are

std::vector<std::int64_t> lengths_of(const char* name, const Array& lengths, std::int64_t batch, std::int64_t most) {
  if (!lengths) return std::vector<std::int64_t>(static_cast<std::size_t>(batch), most);
  if (lengths.shape() != Shape{batch})
    throw ShapeError(name, ": lengths are ", lengths.shape(), ", expected (", batch, ",).");
  std::vector<std::int64_t> result = to_vector<std::int64_t>(lengths);
  for (const std::int64_t n : result) {
    if (n < 0 || n > most) throw ValueError(name, ": a length is ", n, ", expected 0 to ", most, ".");
  }
  return result;
}

Array bools(const std::vector<std::int32_t>& values, const Shape& shape) {
  return array(values, shape).to(Dtype::kBool);
}

/// x moved by `by` to the right along axis 1, with the impossible at the left.
Variable moved(const Variable& x, std::int64_t by) {
  const std::int64_t n = x.shape()[1];
  const Variable left(full({x.shape()[0], std::min(by, n)}, kImpossible, x.dtype(), x.device()));
  return by >= n ? left : concat({left, slice(x, 1, {.start = 0, .stop = n - by})}, 1);
}

/// y[b, i] = x[b, classes[b, i]].
Variable at_classes(const Variable& x, const Array& classes) {
  Array positions = classes.copy();
  for (std::int64_t i = 0; i < positions.size(); ++i)
    positions.data<std::int64_t>()[i] += i / classes.shape()[1] * x.shape()[1];
  return take_positions("connectionist_temporal_classification", x, positions);
}

void check_steps(const char* name, const Shape& cost, const std::vector<Shape>& steps) {
  if (cost.ndim() != 2 || cost[0] != cost[1])
    throw ShapeError(name, ": expected cost (classes, classes), found ", cost, ".");
  if (steps.empty()) throw ValueError(name, ": expected at least one step, found none.");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].ndim() != 2 || steps[i][1] != cost[0] || (i > 0 && steps[i][0] > steps[i - 1][0])) {
      throw ShapeError(name, ": step ", i, " is ", steps[i], "; expected (batch, ", cost[0],
                       ") with a batch that never grows.");
    }
  }
}

}  // namespace

Variable connectionist_temporal_classification(const Variables& xs, const Array& t, const CtcOptions& options) {
  const char* name = "connectionist_temporal_classification";
  if (xs.empty() || xs[0].ndim() != 2 || t.ndim() != 2 || t.shape()[0] != xs[0].shape()[0]) {
    throw ShapeError(name, ": expected steps (batch, classes) and t (batch, labels), found ",
                     xs.empty() ? Shape{} : xs[0].shape(), " and ", t.shape(), ".");
  }
  if (is_half(xs[0].dtype())) {  // logarithms of small probabilities are beyond float16
    Variables wide;
    for (const Variable& x : xs) wide.push_back(cast(x, Dtype::kFloat32));
    return cast(connectionist_temporal_classification(wide, t, options), xs[0].dtype());
  }
  const std::int64_t batch = t.shape()[0], labels = t.shape()[1], classes = xs[0].shape()[1], places = 2 * labels + 1;
  const auto steps = static_cast<std::int64_t>(xs.size());
  if (options.blank_symbol < 0 || options.blank_symbol >= classes) {
    throw ValueError(name, ": the blank symbol is ", options.blank_symbol, ", expected 0 to ", classes - 1, ".");
  }
  const std::vector<std::int64_t> inputs = lengths_of(name, options.input_length, batch, steps),
                                  spelled = lengths_of(name, options.label_length, batch, labels);
  // Labels with blanks around them; a place may be reached from two before it if that is another label.
  const std::vector<std::int64_t> t_values = to_vector<std::int64_t>(t);
  Array path = full({batch, places}, static_cast<double>(options.blank_symbol), Dtype::kInt64),
        last = empty({batch, 2}, Dtype::kInt64);
  std::vector<std::int32_t> may_skip(static_cast<std::size_t>(batch * places)),
      has_label(static_cast<std::size_t>(batch * 2), 1);
  for (std::int64_t b = 0; b < batch; ++b) {
    const std::int64_t length = spelled[static_cast<std::size_t>(b)];
    for (std::int64_t i = 0; i < length; ++i) {
      const std::int64_t label = t_values[static_cast<std::size_t>(b * labels + i)];
      if (label < 0 || label >= classes)
        throw ValueError(name, ": label ", i, " of row ", b, " is ", label, ", expected 0 to ", classes - 1, ".");
      path.data<std::int64_t>()[b * places + 2 * i + 1] = label;
      may_skip[static_cast<std::size_t>(b * places + 2 * i + 1)] =
          i > 0 && label != t_values[static_cast<std::size_t>(b * labels + i - 1)];
    }
    last.data<std::int64_t>()[2 * b] = 2 * length;
    last.data<std::int64_t>()[2 * b + 1] = std::max<std::int64_t>(0, 2 * length - 1);
    has_label[static_cast<std::size_t>(2 * b + 1)] = length > 0;
  }
  const Array skip = bools(may_skip, {batch, places});
  const Variable impossible = constant_like(xs[0], kImpossible);
  Array nothing_spelled = full({1, places}, kImpossible, xs[0].dtype());
  nothing_spelled.select(1, 0).fill(0);
  const Variable before_first_step = constant_like(xs[0], nothing_spelled);
  std::vector<std::int32_t> has_steps;
  for (const std::int64_t n : inputs) has_steps.push_back(n > 0);
  Variable alpha;
  for (std::int64_t step = 0; step < steps; ++step) {
    const Variable& x = xs[static_cast<std::size_t>(step)];
    if (x.shape() != xs[0].shape())
      throw ShapeError(name, ": step ", step, " is ", x.shape(), ", the first ", xs[0].shape(), ".");
    const Variable here = at_classes(log_softmax(x), path);
    if (step == 0) {
      std::vector<std::int32_t> start(static_cast<std::size_t>(batch * places));
      for (std::int64_t i = 0; i < batch * places; ++i) start[static_cast<std::size_t>(i)] = i % places < 2;
      alpha = where(bools(start, {batch, places}), here, impossible);
      alpha = where(bools(has_steps, {batch, 1}), alpha, before_first_step);
      continue;
    }
    const Variable from = logsumexp(stack({alpha, moved(alpha, 1), where(skip, moved(alpha, 2), impossible)}, 0), {0});
    std::vector<std::int32_t> running;
    for (const std::int64_t n : inputs) running.push_back(step < n);
    alpha = where(bools(running, {batch, 1}), from + here, alpha);
  }
  const Variable ends = where(bools(has_label, {batch, 2}), at_classes(alpha, last), impossible);
  const Variable losses = -logsumexp(ends, {1});
  return options.reduce == LossReduce::kMean ? mean(losses) : losses;
}

Variable crf1d(const Variable& cost, const Variables& xs, const std::vector<Array>& ys, LossReduce reduce) {
  std::vector<Shape> shapes;
  for (const Variable& x : xs) shapes.push_back(x.shape());
  check_steps("crf1d", cost.shape(), shapes);
  if (ys.size() != xs.size()) throw ValueError("crf1d: ", xs.size(), " steps, but ", ys.size(), " steps of labels.");
  const std::int64_t classes = cost.shape()[0];
  const Variable flat = reshape(cost, {classes * classes, 1});
  Variable alpha = xs[0], score = select_item(xs[0], ys[0]);
  std::vector<Variable> alphas, scores;  // of the sequences that ended, in the order in which they did
  for (std::size_t i = 1; i < xs.size(); ++i) {
    const std::int64_t rows = xs[i].shape()[0];
    if (rows < alpha.shape()[0]) {
      alphas.push_back(slice(alpha, 0, {.start = rows}));
      scores.push_back(slice(score, 0, {.start = rows}));
    }
    const Variable before = first_rows(alpha, rows);
    alpha = logsumexp(expand_dims(before, 2) + expand_dims(cost, 0), {1}) + xs[i];
    Array moves = empty({rows}, Dtype::kInt64);
    const std::vector<std::int64_t> from = to_vector<std::int64_t>(ys[i - 1]), to = to_vector<std::int64_t>(ys[i]);
    const Variable here = select_item(xs[i], ys[i]);  // checks the labels
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r)
      moves.data<std::int64_t>()[r] = from[r] * classes + to[r];
    score = first_rows(score, rows) + here + reshape(take(flat, moves), {rows});
  }
  Variables all_alphas = {alpha}, all_scores = {score};  // the longest sequences come first
  for (std::size_t i = alphas.size(); i-- > 0;) {
    all_alphas.push_back(alphas[i]);
    all_scores.push_back(scores[i]);
  }
  const Variable losses = logsumexp(concat(all_alphas, 0), {1}) - concat(all_scores, 0);
  return reduce == LossReduce::kMean ? mean(losses) : losses;
}

CrfPath argmax_crf1d(const Array& cost, const std::vector<Array>& xs) {
  std::vector<Shape> shapes;
  for (const Array& x : xs) shapes.push_back(x.shape());
  check_steps("argmax_crf1d", cost.shape(), shapes);
  const std::int64_t batch = xs[0].shape()[0], classes = cost.shape()[0];
  const std::vector<double> moves = to_vector<double>(cost);
  std::vector<double> best = to_vector<double>(xs[0]);
  std::vector<std::vector<std::int64_t>> from(xs.size());
  for (std::size_t i = 1; i < xs.size(); ++i) {
    const std::vector<double> x = to_vector<double>(xs[i]);
    from[i].resize(x.size());
    std::vector<double> next = best;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const std::size_t row = k / static_cast<std::size_t>(classes), to = k % static_cast<std::size_t>(classes);
      std::size_t winner = 0;
      const auto value = [&](std::size_t c) {
        return best[row * static_cast<std::size_t>(classes) + c] + moves[c * static_cast<std::size_t>(classes) + to];
      };
      for (std::size_t c = 1; c < static_cast<std::size_t>(classes); ++c)
        winner = value(c) > value(winner) ? c : winner;
      from[i][k] = static_cast<std::int64_t>(winner);
      next[k] = value(winner) + x[k];
    }
    best = next;
  }
  CrfPath result{zeros({batch}, Dtype::kFloat64), {}};
  for (const Array& x : xs) result.path.push_back(zeros({x.shape()[0]}, Dtype::kInt64));
  for (std::int64_t row = 0; row < batch; ++row) {
    const auto begin = best.begin() + row * classes;
    std::int64_t at = std::max_element(begin, begin + classes) - begin;
    result.score.data<double>()[row] = begin[at];
    for (std::size_t i = xs.size(); i-- > 0;) {
      if (row >= xs[i].shape()[0]) continue;
      result.path[i].data<std::int64_t>()[row] = at;
      if (i > 0) at = from[i][static_cast<std::size_t>(row * classes + at)];
    }
  }
  result.score = result.score.to(xs[0].dtype());
  return result;
}

Variable negative_sampling(const Variable& x, const Array& t, const Variable& W, const ClassSampler& sampler,
                           std::int64_t sample_size, SumReduce reduce) {
  if (x.ndim() != 2 || W.ndim() != 2 || t.shape() != Shape{x.shape()[0]} || W.shape()[1] != x.shape()[1]) {
    throw ShapeError("negative_sampling: expected x (batch, n), t (batch) and W (classes, n), found ", x.shape(), ", ",
                     t.shape(), " and ", W.shape(), ".");
  }
  const std::int64_t batch = x.shape()[0];
  const Array samples = sampler({batch, sample_size});
  const Variable own = embed_id(t, W, {.ignore_label = -1}), others = embed_id(samples, W);
  const Variable losses = softplus(-sum(own * x, {1})) + sum(softplus(sum(others * expand_dims(x, 1), {2})), {1});
  std::vector<std::int32_t> counted;
  for (const std::int64_t label : to_vector<std::int64_t>(t)) counted.push_back(label != -1);
  const Variable kept = where(bools(counted, {batch}), losses, constant_like(x, 0));
  return reduce == SumReduce::kSum ? sum(kept) : reduce == SumReduce::kMean ? mean(kept) : kept;
}

Variable black_out(const Variable& x, const Array& t, const Variable& W, const Array& samples, LossReduce reduce) {
  if (x.ndim() != 2 || W.ndim() != 2 || samples.ndim() != 2 || t.shape() != Shape{x.shape()[0]} ||
      W.shape()[1] != x.shape()[1] || samples.shape()[0] != x.shape()[0]) {
    throw ShapeError("black_out: expected x (batch, n), t (batch), W (classes, n) and samples (batch, S), found ",
                     x.shape(), ", ", t.shape(), ", ", W.shape(), " and ", samples.shape(), ".");
  }
  const Variable own = sum(embed_id(t, W) * x, {1}, /*keepdims=*/true),
                 others = sum(embed_id(samples, W) * expand_dims(x, 1), {2});
  const Variable log_z = logsumexp(concat({own, others}, 1), {1}, /*keepdims=*/true);
  const Variable losses = log_z - own - sum(log1p(-exp(others - log_z)), {1}, true);
  return reduce == LossReduce::kMean ? mean(losses) : reshape(losses, {x.shape()[0]});
}

}  // namespace rensa::functions
