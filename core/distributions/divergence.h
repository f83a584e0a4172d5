#pragma once

#include <functional>
#include <typeindex>

#include "core/distributions/distribution.h"

namespace rensa::distributions {

/// The Kullback-Leibler divergence of q from p, in nats: (batch…). Throws ValueError that names both families where no
/// rule is known: each family has one with itself; register_kl adds others.
Variable kl_divergence(const Distribution& p, const Distribution& q);
/// entropy(p) + kl_divergence(p, q).
Variable cross_entropy(const Distribution& p, const Distribution& q);

namespace detail {
using Divergence = std::function<Variable(const Distribution&, const Distribution&)>;
void add_divergence(std::type_index p, std::type_index q, Divergence rule);
}  // namespace detail

/// From now on kl_divergence(P, Q) is rule(p, q); for the start of a program, before threads ask. The latest rule
/// counts.
template <class P, class Q, class Rule>
void register_kl(Rule rule) {
  detail::add_divergence(typeid(P), typeid(Q), [rule](const Distribution& p, const Distribution& q) -> Variable {
    return rule(static_cast<const P&>(p), static_cast<const Q&>(q));
  });
}

/// Registers when the library is loaded, beside the families:
///   const KlRule<Normal> normal([](const Normal& p, const Normal& q) { … });
template <class P, class Q = P>
struct KlRule {
  template <class Rule>
  explicit KlRule(Rule rule) {
    register_kl<P, Q>(rule);
  }
};

}  // namespace rensa::distributions
