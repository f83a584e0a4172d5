#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/functions/sequence_losses.h"
#include "core/links/link.h"

namespace rensa {

// Losses with weights of their own.

/// Conditional random field over label sequences. Key: cost (labels, labels), zeros at first. See functions::crf1d.
class Crf1d : public Link {
 public:
  explicit Crf1d(std::int64_t labels, Dtype dtype = Dtype::kFloat32);
  /// xs[t] (batch of step t, labels) and ys[t] (batch of step t): the loss of functions::crf1d.
  Variable operator()(const Variables& xs, const std::vector<Array>& ys,
                      functions::LossReduce reduce = functions::LossReduce::kMean);
  /// The best labels.
  functions::CrfPath argmax(const std::vector<Array>& xs) const { return functions::argmax_crf1d(cost.array(), xs); }
  Parameter cost;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Crf1d>(labels_, dtype_); }

 private:
  const std::int64_t labels_;
  const Dtype dtype_;
};

/// Draws class numbers with probabilities in proportion to counts, in O(1) each.
/// Source: Walker, "An efficient method for generating discrete random variables with general distributions", 1977.
class WalkerAlias {
 public:
  /// Throws ValueError unless some count is above 0 and none below.
  explicit WalkerAlias(const std::vector<double>& counts);
  std::int64_t draw(RandomStream& stream) const;                 ///< one class number
  Array sample(const Shape& shape, RandomStream& stream) const;  ///< int64

 private:
  std::vector<double> threshold_;
  std::vector<std::int64_t> alias_;
};

/// Options of NegativeSampling and BlackOut.
struct SampledLossOptions {
  std::int64_t in;             ///< features of x
  std::vector<double> counts;  ///< how often each class occurs
  std::int64_t sample_size;
  double power = 0.75;  ///< negative sampling: classes are drawn by count to this power
  Dtype dtype = Dtype::kFloat32;
};

// The next two draw by (seed, step, sample) of random_context(), as dropout does: the same on one rank or eight, and in
// a resumed run.

/// Key: W (classes, in), zeros at first. See functions::negative_sampling.
class NegativeSampling : public Link {
 public:
  explicit NegativeSampling(const SampledLossOptions& options);
  /// x (batch, in), t (batch): a scalar, or (batch) with kNone.
  Variable operator()(const Variable& x, const Array& t, functions::SumReduce reduce = functions::SumReduce::kSum);
  Parameter W;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<NegativeSampling>(options_); }

 private:
  const SampledLossOptions options_;
  const WalkerAlias sampler_;
};

/// Key: W (classes, in). See functions::black_out.
class BlackOut : public Link {
 public:
  explicit BlackOut(const SampledLossOptions& options);
  Variable operator()(const Variable& x, const Array& t);  ///< x (batch, in), t (batch): the mean loss
  Parameter W;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<BlackOut>(options_); }

 private:
  const SampledLossOptions options_;
  const WalkerAlias sampler_;
};

/// A binary tree whose leaves are class numbers, written as Chainer's nested pairs: ClassTree{{1, 2}, 3}.
struct ClassTree {
  ClassTree(std::int64_t leaf) : label(leaf) {}  // NOLINT(google-explicit-constructor): a number is a leaf
  ClassTree(ClassTree left, ClassTree right);
  std::int64_t label = -1;          ///< of a leaf
  std::vector<ClassTree> children;  ///< left and right; none of a leaf
};

/// Huffman's tree, as Chainer's create_huffman_tree gives it for counts in the order of the classes: the two rarest
/// nodes are joined, the rarer one on the left; of equal ones, that with the lowest class number among its leaves.
/// Throws ValueError for fewer than two classes, or where counts of 0 make a way of more than 1000 decisions.
ClassTree huffman_tree(const std::vector<double>& counts);

/// Classes as the leaves of a binary tree whose inner nodes are decisions: a class costs the decisions on its way, not
/// the number of classes. Key: W (decisions, in), in preorder: the root, its left tree, its right tree. Sources: Morin,
/// Bengio, "Hierarchical probabilistic neural network language model", 2005; Mikolov et al., 2013.
class BinaryHierarchicalSoftmax : public Link {
 public:
  /// Options of BinaryHierarchicalSoftmax.
  struct Options {
    std::int64_t in;
    std::vector<double> counts = {};  ///< how often each class occurs, for huffman_tree()
    Dtype dtype = Dtype::kFloat32;
    std::optional<ClassTree> tree = std::nullopt;  ///< in place of Huffman's
  };
  /// Throws ValueError for fewer than two classes, or a tree that has a class twice.
  explicit BinaryHierarchicalSoftmax(const Options& options);
  /// x (batch, in), t (batch), int32 or int64; the sum of the negative log probabilities. Throws ValueError for a class
  /// that is not in the tree.
  Variable operator()(const Variable& x, const Array& t);
  Parameter W;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<BinaryHierarchicalSoftmax>(options_); }

 private:
  Variable loss(const Variable& x, const Array& t) const;

  const Options options_;
  std::vector<std::vector<std::pair<std::int64_t, int>>> ways_;  ///< of each class: (row of W, +1 left or −1 right)
};

}  // namespace rensa
