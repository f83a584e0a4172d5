#include "core/distributions/divergence.h"

#include <map>
#include <utility>

#include "core/error.h"
#include "core/functions/arithmetic.h"

namespace rensa::distributions {
namespace {

using Families = std::pair<std::type_index, std::type_index>;

std::map<Families, detail::Divergence>& rules() {
  static std::map<Families, detail::Divergence> all;
  return all;
}

}  // namespace

void detail::add_divergence(std::type_index p, std::type_index q, Divergence rule) {
  rules().insert_or_assign(Families(p, q), std::move(rule));
}

Variable kl_divergence(const Distribution& p, const Distribution& q) {
  const auto found = rules().find(Families(typeid(p), typeid(q)));
  if (found == rules().end()) {
    throw ValueError("kl_divergence: there is no rule for ", p.name(), " and ", q.name(),
                     ". Add one with register_kl.");
  }
  return found->second(p, q);
}

Variable cross_entropy(const Distribution& p, const Distribution& q) { return p.entropy() + kl_divergence(p, q); }

}  // namespace rensa::distributions
