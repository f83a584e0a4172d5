#include "core/links/tree_lstm.h"

#include <algorithm>

#include "core/error.h"
#include "core/functions/arithmetic.h"
#include "core/functions/joining.h"
#include "core/functions/shape.h"

namespace rensa {
namespace {

void check(const char* name, const Variables& cs, const Variables& hs) {
  if (cs.size() != hs.size()) {
    throw ValueError(name, ": there are ", cs.size(), " c and ", hs.size(),
                     " h of children, expected as many of both.");
  }
}

Variable sum_of(const Variables& xs) {
  Variable sum = xs[0];
  for (std::size_t i = 1; i < xs.size(); ++i) sum = sum + xs[i];
  return sum;
}

}  // namespace

ChildSumTreeLstm::ChildSumTreeLstm(const CellOptions& o)
    : options_(o),
      W_x_({.in = o.in, .out = 4 * o.out, .initial_W = o.upward_init, .dtype = o.dtype, .initial_b = o.bias_init}),
      W_h_aio_({.in = o.out, .out = 3 * o.out, .bias = false, .initial_W = o.lateral_init, .dtype = o.dtype}),
      W_h_f_({.in = o.out, .out = o.out, .bias = false, .initial_W = o.lateral_init, .dtype = o.dtype}) {
  add("W_x", W_x_);
  add("W_h_aio", W_h_aio_);
  add("W_h_f", W_h_f_);
}

functions::LstmState ChildSumTreeLstm::operator()(const Variables& cs, const Variables& hs, const Variable& x) {
  check("ChildSumTreeLstm", cs, hs);
  const Variables from_x = functions::split_axis(W_x_(x), std::vector<std::int64_t>{3 * options_.out}, 1);
  if (hs.empty()) return functions::tree_lstm({}, from_x[0]);
  Variables gates = {from_x[0] + W_h_aio_(sum_of(hs))};
  for (const Variable& h : hs) gates.push_back(from_x[1] + W_h_f_(h));
  return functions::tree_lstm(cs, functions::concat(gates, 1));
}

NaryTreeLstm::NaryTreeLstm(const CellOptions& o, int n_ary)
    : options_(o),
      n_ary_(n_ary),
      W_x_({.in = o.in,
            .out = (3 + n_ary) * o.out,
            .initial_W = o.upward_init,
            .dtype = o.dtype,
            .initial_b = o.bias_init}) {
  add("W_x", W_x_);
  for (int i = 0; i < n_ary; ++i) {
    W_h_.push_back(std::make_unique<Linear>(LinearOptions{
        .in = o.out, .out = (3 + n_ary) * o.out, .bias = false, .initial_W = o.lateral_init, .dtype = o.dtype}));
    add(detail::join("W_h", i + 1), *W_h_.back());
  }
}

functions::LstmState NaryTreeLstm::operator()(const Variables& cs, const Variables& hs, const Variable& x) {
  check("NaryTreeLstm", cs, hs);
  const bool has_children = std::any_of(hs.begin(), hs.end(), [](const Variable& h) { return static_cast<bool>(h); });
  if (cs.size() > W_h_.size() || (!has_children && !x)) {
    throw ValueError("NaryTreeLstm: a node has ", cs.size(), " children", x ? "" : " and no x", ", expected at most ",
                     n_ary_, ", and x where there are none.");
  }
  Variable sums = x ? W_x_(x) : Variable();
  for (std::size_t i = 0; i < hs.size(); ++i) {
    if (!hs[i]) continue;
    const Variable from_h = (*W_h_[i])(hs[i]);
    sums = sums ? sums + from_h : from_h;
  }
  if (!x) sums = sums + functions::reshape(Variable(W_x_.b), {1, W_x_.b.size()});
  Variables children = cs;
  children.resize(static_cast<std::size_t>(n_ary_));
  for (Variable& child : children) {
    if (!child) child = Variable(zeros({sums.shape()[0], options_.out}, sums.dtype(), sums.device()));
  }
  return functions::tree_lstm(children, sums);
}

}  // namespace rensa
