#pragma once

#include <memory>
#include <vector>

#include "core/links/recurrent.h"

namespace rensa {

/// LSTM of a tree's node with any number of children, whose h are summed. Keys: W_x/W (4 out, in), W_x/b, W_h_aio/W (3
/// out, out), W_h_f/W (out, out). Source: Tai, Socher, Manning, "Improved semantic representations from tree-structured
/// LSTM networks", 2015.
class ChildSumTreeLstm : public Link {
 public:
  explicit ChildSumTreeLstm(const CellOptions& options);
  /// The children's c and h (batch, out); none for a leaf. Throws ValueError if there are not as many of both.
  functions::LstmState operator()(const Variables& cs, const Variables& hs, const Variable& x);

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<ChildSumTreeLstm>(options_); }

 private:
  const CellOptions options_;
  Linear W_x_, W_h_aio_, W_h_f_;
};

/// LSTM of a tree's node with up to `n_ary` children, each with weights of its own. Keys: W_x/W ((3 + n_ary) out, in),
/// W_x/b, W_h1/W …
class NaryTreeLstm : public Link {
 public:
  NaryTreeLstm(const CellOptions& options, int n_ary = 2);
  /// A missing child is zeros; x may be no variable in an inner node. Throws ValueError for more children than n_ary.
  functions::LstmState operator()(const Variables& cs, const Variables& hs, const Variable& x);

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<NaryTreeLstm>(options_, n_ary_); }

 private:
  const CellOptions options_;
  const int n_ary_;
  Linear W_x_;
  std::vector<std::unique_ptr<Linear>> W_h_;
};

}  // namespace rensa
