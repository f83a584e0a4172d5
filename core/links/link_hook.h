#pragma once

#include <chrono>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/autograd/parameter.h"

namespace rensa {

class Link;

/// Called around the forward pass of a link (Link::add_hook), or of every link that a thread calls (LinkHookScope).
/// Links call their hooks in operator(), in the order in which they were added, and back in the opposite order; the
/// thread's come first. A link with hooks that change it is for one thread at a time.
class LinkHook {
 public:
  virtual ~LinkHook() = default;
  virtual std::string_view name() const = 0;  ///< tells the hooks of a link apart

  virtual void added(Link& /*link*/) {}    ///< now belongs to the link; may throw ValueError, and then does not
  virtual void removed(Link& /*link*/) {}  ///< no longer does
  virtual void before_forward(Link& /*link*/, const Variable& /*x*/) {}  ///< x: what the link was called with
  virtual void after_forward(Link& /*link*/, const Variable& /*y*/) {}   ///< y: what it returns
  /// Instead of after_forward(), if the forward pass threw.
  virtual void failed_forward(Link& /*link*/) noexcept {}
  /// A hook of the same options for a copy of the link; null (the default) if the copy is to have none.
  virtual std::shared_ptr<LinkHook> clone() const { return nullptr; }

 protected:
  /// Members that a hook gives its link, under whose name they are saved.
  /// @{
  static void give(Link& link, const std::string& name, Parameter& parameter);
  static void give(Link& link, const std::string& name, Array& persistent);
  static void take_back(Link& link, const Parameter& parameter);
  static void take_back(Link& link, const Array& persistent);
  /// @}
};

/// Lets every link that this thread calls call `hook`:
///   LinkTimerHook timer;
///   { const LinkHookScope scope(timer); loss = model(x); }
///   timer.report(std::cout);
class LinkHookScope {
 public:
  explicit LinkHookScope(LinkHook& hook);
  ~LinkHookScope();
  LinkHookScope(const LinkHookScope&) = delete;
  LinkHookScope& operator=(const LinkHookScope&) = delete;
};

/// How long the forward pass of each link took, by its class; a network counts its layers too. On GPUs: until it was
/// launched.
class LinkTimerHook final : public LinkHook {
 public:
  /// Seconds, and how often.
  struct Entry {
    double forward_s = 0;
    std::size_t forwards = 0;
  };
  std::string_view name() const override { return "LinkTimerHook"; }
  void before_forward(Link& link, const Variable& x) override;
  void after_forward(Link& link, const Variable& y) override;
  void failed_forward(Link& link) noexcept override;

  const std::map<std::string, Entry>& entries() const { return entries_; }  ///< by the link's class
  double total_time_s() const { return outermost_s_; }                      ///< of the outermost links
  void report(std::ostream& out) const;  ///< a line for each class, the slowest first

 private:
  using Clock = std::chrono::steady_clock;
  double stop();

  std::map<std::string, Entry> entries_;
  std::vector<Clock::time_point> started_;
  double outermost_s_ = 0;
};

/// A hook that lets its link compute with another value in a parameter's place: a function of the parameter, which gets
/// the gradient. The link must have met its first batch, or take its sizes from the options.
class WeightHook : public LinkHook {
 public:
  explicit WeightHook(std::string weight_name) : weight_name_(std::move(weight_name)) {}
  void added(Link& link) override;  ///< throws ValueError if the link has no parameter of that name, or another link
                                    ///< has the hook
  void removed(Link& link) override;
  void before_forward(Link& link, const Variable& x) final;
  void after_forward(Link& link, const Variable& y) final;
  void failed_forward(Link& link) noexcept final;

 protected:
  /// The value that stands in for `weight`, which is initialized.
  virtual Variable value_of(Link& link, Parameter& weight) = 0;
  const std::string& weight_name() const { return weight_name_; }  ///< of the parameter that it stands in for
  Parameter& weight() const { return *weight_; }                   ///< of the link that has this hook

 private:
  const std::string weight_name_;
  Parameter* weight_ = nullptr;
  Variable own_;  ///< the parameter's variable while another stands in
};

namespace detail {
extern thread_local constinit bool has_link_hooks;

/// One forward pass with hooks around it.
class HookedForward {
 public:
  HookedForward(Link& link, const Variable& x);
  ~HookedForward();
  HookedForward(const HookedForward&) = delete;
  HookedForward& operator=(const HookedForward&) = delete;
  void finish(const Variable& y);

 private:
  Link& link_;
  std::vector<LinkHook*> begun_;
};
}  // namespace detail

}  // namespace rensa
