#include "core/links/losses.h"

#include <algorithm>
#include <cmath>
#include <functional>
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
  return with_hooks(x, [&] { return functions::negative_sampling(x, t, W, sampler, options_.sample_size, reduce); });
}

BlackOut::BlackOut(const SampledLossOptions& o)
    : W({static_cast<std::int64_t>(o.counts.size()), o.in}, init::lecun_normal(), o.dtype),
      options_(o),
      sampler_(o.counts) {
  add("W", W);
}
Variable BlackOut::operator()(const Variable& x, const Array& t) {
  return with_hooks(
      x, [&] { return functions::black_out(x, t, W, drawn_classes(sampler_, {x.shape()[0], options_.sample_size})); });
}

ClassTree::ClassTree(ClassTree left, ClassTree right) {
  children.push_back(std::move(left));
  children.push_back(std::move(right));
}

ClassTree huffman_tree(const std::vector<double>& counts) {
  if (counts.size() < 2) throw ValueError("huffman_tree: expected at least 2 classes, found ", counts.size(), ".");
  struct Node {
    double count;
    std::size_t lowest;  ///< class number among the leaves, where its tree is kept
    int depth;
  };
  const auto later = [](const Node& a, const Node& b) {
    return a.count != b.count ? a.count > b.count : a.lowest > b.lowest;
  };
  std::priority_queue<Node, std::vector<Node>, decltype(later)> nodes(later);
  std::vector<ClassTree> trees;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    nodes.push({counts[i], i, 0});
    trees.emplace_back(static_cast<std::int64_t>(i));
  }
  const auto take_rarest = [&] {
    const Node node = nodes.top();
    nodes.pop();
    return node;
  };
  constexpr int kDeepest = 1000;  // a walk down the tree is a recursion
  while (nodes.size() > 1) {
    const Node left = take_rarest(), right = take_rarest();
    const int depth = 1 + std::max(left.depth, right.depth);
    if (depth > kDeepest) {
      throw ValueError("huffman_tree: a class would be behind more than ", kDeepest,
                       " decisions. Leave out classes of count 0, or give each at least 1.");
    }
    const std::size_t lowest = std::min(left.lowest, right.lowest);
    trees[lowest] = ClassTree(std::move(trees[left.lowest]), std::move(trees[right.lowest]));
    nodes.push({left.count + right.count, lowest, depth});
  }
  return std::move(trees[nodes.top().lowest]);
}

BinaryHierarchicalSoftmax::BinaryHierarchicalSoftmax(const Options& o) : W(init::uniform(1), o.dtype), options_(o) {
  std::int64_t rows = 0;
  std::vector<std::pair<std::int64_t, int>> way;
  const std::function<void(const ClassTree&)> walk = [&](const ClassTree& node) {
    if (!node.children.empty()) {
      way.emplace_back(rows++, 1);
      walk(node.children[0]);
      way.back().second = -1;
      walk(node.children[1]);
      way.pop_back();
      return;
    }
    if (node.label < 0 || way.empty()) {
      throw ValueError("BinaryHierarchicalSoftmax: expected a tree of at least 2 classes of number 0 or more, found a ",
                       "leaf ", node.label, ".");
    }
    const auto label = static_cast<std::size_t>(node.label);
    if (label >= ways_.size()) ways_.resize(label + 1);
    if (!ways_[label].empty()) throw ValueError("BinaryHierarchicalSoftmax: class ", label, " is in the tree twice.");
    ways_[label] = way;
  };
  walk(o.tree ? *o.tree : huffman_tree(o.counts));
  W.initialize({rows, o.in});
  add("W", W);
}

Variable BinaryHierarchicalSoftmax::operator()(const Variable& x, const Array& t) {
  return with_hooks(x, [&] { return loss(x, t); });
}

Variable BinaryHierarchicalSoftmax::loss(const Variable& x, const Array& t) const {
  std::vector<std::int64_t> rows, inner;
  std::vector<double> signs;
  const std::vector<std::int64_t> labels = to_vector<std::int64_t>(t);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= static_cast<std::int64_t>(ways_.size())) {
      throw ValueError("BinaryHierarchicalSoftmax: t[", i, "] is ", labels[i], ", expected 0 to ", ways_.size() - 1,
                       ".");
    }
    const auto& way = ways_[static_cast<std::size_t>(labels[i])];
    if (way.empty()) {
      throw ValueError("BinaryHierarchicalSoftmax: t[", i, "] is ", labels[i],
                       ", a class that the tree does not have.");
    }
    for (const auto& [node, sign] : way) {
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
