#include "core/links/link_hook.h"

#include <algorithm>
#include <boost/core/demangle.hpp>
#include <iomanip>
#include <ostream>
#include <typeinfo>
#include <utility>

#include "core/autograd/config.h"
#include "core/error.h"
#include "core/links/link.h"

namespace rensa {
namespace detail {

thread_local constinit bool has_link_hooks = false;

namespace {
std::vector<LinkHook*>& thread_hooks() {
  static thread_local std::vector<LinkHook*> instance;
  return instance;
}
}  // namespace

HookedForward::HookedForward(Link& link, const Variable& x) : link_(link) {
  std::vector<LinkHook*> hooks = thread_hooks();
  for (const auto& hook : link.hooks()) hooks.push_back(hook.get());
  try {
    for (LinkHook* hook : hooks) {
      hook->before_forward(link, x);
      begun_.push_back(hook);
    }
  } catch (...) {
    while (!begun_.empty()) {
      begun_.back()->failed_forward(link);
      begun_.pop_back();
    }
    throw;
  }
}

HookedForward::~HookedForward() {
  for (; !begun_.empty(); begun_.pop_back()) begun_.back()->failed_forward(link_);
}

void HookedForward::finish(const Variable& y) {
  while (!begun_.empty()) {
    LinkHook* const hook = begun_.back();
    begun_.pop_back();
    hook->after_forward(link_, y);
  }
}

}  // namespace detail

void LinkHook::give(Link& link, const std::string& name, Parameter& parameter) { link.add(name, parameter); }
void LinkHook::give(Link& link, const std::string& name, Array& persistent) { link.add_persistent(name, persistent); }
void LinkHook::take_back(Link& link, const Parameter& parameter) {
  std::erase_if(link.parameters_, [&](const auto& entry) { return entry.second == &parameter; });
}
void LinkHook::take_back(Link& link, const Array& persistent) {
  std::erase_if(link.persistents_, [&](const auto& entry) { return entry.second == &persistent; });
}

LinkHookScope::LinkHookScope(LinkHook& hook) {
  detail::thread_hooks().push_back(&hook);
  detail::has_link_hooks = true;
}
LinkHookScope::~LinkHookScope() {
  detail::thread_hooks().pop_back();
  detail::has_link_hooks = !detail::thread_hooks().empty();
}

void LinkTimerHook::before_forward(Link&, const Variable&) { started_.push_back(Clock::now()); }

double LinkTimerHook::stop() {
  const double seconds = std::chrono::duration<double>(Clock::now() - started_.back()).count();
  started_.pop_back();
  if (started_.empty()) outermost_s_ += seconds;
  return seconds;
}

void LinkTimerHook::after_forward(Link& link, const Variable&) {
  std::string kind = boost::core::demangle(typeid(link).name());
  if (kind.starts_with("rensa::")) kind.erase(0, 7);
  Entry& entry = entries_[kind];
  entry.forward_s += stop();
  ++entry.forwards;
}

void LinkTimerHook::failed_forward(Link&) noexcept { started_.pop_back(); }

void LinkTimerHook::report(std::ostream& out) const {
  std::vector<std::pair<std::string, Entry>> sorted(entries_.begin(), entries_.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.second.forward_s > b.second.forward_s; });
  out << std::left << std::setw(36) << "link" << std::right << std::setw(14) << "forward ms" << std::setw(8) << "calls"
      << '\n';
  for (const auto& [name, entry] : sorted) {
    out << std::left << std::setw(36) << name << std::right << std::fixed << std::setprecision(3) << std::setw(14)
        << entry.forward_s * 1e3 << std::setw(8) << entry.forwards << '\n';
  }
}

void WeightHook::added(Link& link) {
  if (weight_) {
    throw ValueError(name(), ": the hook belongs to a link already. Make one for each link.");
  }
  for (const Link::NamedParameter& named : link.named_parameters()) {
    if (named.path == weight_name_) weight_ = named.parameter;
  }
  if (!weight_) throw ValueError(name(), ": the link has no parameter \"", weight_name_, "\".");
}

void WeightHook::removed(Link&) { weight_ = nullptr; }

void WeightHook::before_forward(Link& link, const Variable& x) {
  if (!weight_->is_initialized()) {  // a link takes its sizes from the first batch that it computes with
    auto* const unary = dynamic_cast<UnaryLink*>(&link);
    if (!unary) {
      throw ValueError(name(), ": ", weight_name_, " has no shape yet. Call the link before the hook is added.");
    }
    const ConfigScope trying({.train = false, .enable_backprop = false});
    unary->forward(x);
  }
  own_ = weight_->stand_in(value_of(link, *weight_));
}

void WeightHook::after_forward(Link&, const Variable&) { weight_->stand_in(std::exchange(own_, {})); }
void WeightHook::failed_forward(Link&) noexcept { weight_->stand_in(std::exchange(own_, {})); }

}  // namespace rensa
