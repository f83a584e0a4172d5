#include "core/links/losses.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>

#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/constants.h"
#include "core/functions/indexing.h"
#include "core/functions/random_arrays.h"
#include "core/functions/reduction.h"

namespace rensa {

Crf1d::Crf1d(std::int64_t labels, Dtype dtype)
    : cost({labels, labels}, init::zeros(), dtype), labels_(labels), dtype_(dtype) {
  add("cost", cost);
}
Variable Crf1d::operator()(const Variables& xs, const std::vector<Array>& ys, functions::LossReduce reduce) {
  return functions::crf1d(cost, xs, ys, reduce);
}

WalkerAlias::WalkerAlias(const std::vector<double>& counts) : threshold_(counts.size()), alias_(counts.size()) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  if (!(total > 0) || *std::min_element(counts.begin(), counts.end()) < 0) {
    throw ValueError("WalkerAlias: expected counts of 0 or more, some above 0; their sum is ", total, ".");
  }
  std::vector<std::size_t> small, large;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    threshold_[i] = counts[i] / total * static_cast<double>(counts.size());
    alias_[i] = static_cast<std::int64_t>(i);
    (threshold_[i] < 1 ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const std::size_t poor = small.back(), rich = large.back();
    small.pop_back();
    alias_[poor] = static_cast<std::int64_t>(rich);
    threshold_[rich] -= 1 - threshold_[poor];
    if (threshold_[rich] < 1) {
      large.pop_back();
      small.push_back(rich);
    }
  }
  for (const std::size_t i : small) threshold_[i] = 1;  // what rounding left
}

std::int64_t WalkerAlias::draw(RandomStream& stream) const {
  const auto column = static_cast<std::size_t>(stream.below(threshold_.size()));
  return stream.uniform() < threshold_[column] ? static_cast<std::int64_t>(column) : alias_[column];
}

Array WalkerAlias::sample(const Shape& shape, RandomStream& stream) const {
  Array drawn = empty(shape, Dtype::kInt64);
  for (std::int64_t i = 0; i < drawn.size(); ++i) drawn.data<std::int64_t>()[i] = draw(stream);
  return drawn;
}

namespace {

std::vector<double> to_power(std::vector<double> counts, double power) {
  for (double& count : counts) count = std::pow(count, power);
  return counts;
}

Array drawn_classes(const WalkerAlias& sampler, const Shape& shape) {
  return functions::draw_each(shape, Dtype::kInt64, [&](RandomStream& stream, std::int64_t) {
    return static_cast<double>(sampler.draw(stream));
  });
}

}  // namespace

NegativeSampling::NegativeSampling(const SampledLossOptions& o)
    : W({static_cast<std::int64_t>(o.counts.size()), o.in}, init::zeros(), o.dtype),
      options_(o),
      sampler_(to_power(o.counts, o.power)) {
  add("W", W);
}
Variable NegativeSampling::operator()(const Variable& x, const Array& t, functions::SumReduce reduce) {
  const auto sampler = [this](const Shape& shape) { return drawn_classes(sampler_, shape); };
  return functions::negative_sampling(x, t, W, sampler, options_.sample_size, reduce);
}

BlackOut::BlackOut(const SampledLossOptions& o)
    : W({static_cast<std::int64_t>(o.counts.size()), o.in}, init::lecun_normal(), o.dtype),
      options_(o),
      sampler_(o.counts) {
  add("W", W);
}
Variable BlackOut::operator()(const Variable& x, const Array& t) {
  return functions::black_out(x, t, W, drawn_classes(sampler_, {x.shape()[0], options_.sample_size}));
}

BinaryHierarchicalSoftmax::BinaryHierarchicalSoftmax(const Options& o) : W(init::uniform(1), o.dtype), options_(o) {
  if (o.counts.size() < 2)
    throw ValueError("BinaryHierarchicalSoftmax: expected at least 2 classes, found ", o.counts.size(), ".");
  struct Node {
    double count;
    std::size_t order;  ///< of nodes of one count the one that was there first
    std::vector<std::size_t> classes;
  };
  const auto later = [](const Node& a, const Node& b) {
    return a.count != b.count ? a.count > b.count : a.order > b.order;
  };
  std::priority_queue<Node, std::vector<Node>, decltype(later)> nodes(later);
  for (std::size_t i = 0; i < o.counts.size(); ++i) nodes.push({o.counts[i], i, {i}});
  ways_.resize(o.counts.size());
  std::int64_t inner = 0;
  while (nodes.size() > 1) {
    Node left = nodes.top();
    nodes.pop();
    const Node right = nodes.top();
    nodes.pop();
    for (const std::size_t c : left.classes) ways_[c].emplace_back(inner, -1);
    for (const std::size_t c : right.classes) ways_[c].emplace_back(inner, 1);
    left.classes.insert(left.classes.end(), right.classes.begin(), right.classes.end());
    nodes.push(
        {left.count + right.count, o.counts.size() + static_cast<std::size_t>(inner++), std::move(left.classes)});
  }
  W.initialize({inner, o.in});
  add("W", W);
}

Variable BinaryHierarchicalSoftmax::operator()(const Variable& x, const Array& t) {
  std::vector<std::int64_t> rows, inner;
  std::vector<double> signs;
  const std::vector<std::int64_t> labels = to_vector<std::int64_t>(t);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= static_cast<std::int64_t>(ways_.size())) {
      throw ValueError("BinaryHierarchicalSoftmax: t[", i, "] is ", labels[i], ", expected 0 to ", ways_.size() - 1,
                       ".");
    }
    for (const auto& [node, sign] : ways_[static_cast<std::size_t>(labels[i])]) {
      rows.push_back(static_cast<std::int64_t>(i));
      inner.push_back(node);
      signs.push_back(sign);
    }
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  const Variable scores =
      functions::sum(functions::take(x, array(rows, {count})) * functions::take(W, array(inner, {count})), {1});
  return functions::sum(
      functions::softplus(functions::neg(scores * functions::constant_like(x, array(signs, {count})))));
}

}  // namespace rensa
