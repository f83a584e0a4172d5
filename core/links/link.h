#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/autograd/parameter.h"
#include "core/error.h"
#include "core/links/link_hook.h"

namespace rensa {

class Serializer;

/// A size that a link takes from its first batch, in place of a number: Linear({.in = kLazySize, .out = 10}).
inline constexpr std::int64_t kLazySize = -1;

/// What a copy of a link has in common with it.
enum class CopyMode {
  kShare,  ///< the elements of parameters and persistent values; gradients are each one's own. To be made after the
           ///< optimizer's setup(), which gives elements another place
  kInit,   ///< nothing but the options: parameters start anew
  kCopy    ///< equal values
};

/// A layer or a network: named parameters, persistent values, and child links, in the order of registration. The names
/// make the keys of a snapshot: "l1/W".
///
/// A link registers the addresses of its members, so links are neither copied nor moved; factories return them by
/// elision.
///
///   struct Mlp : Link {
///     Linear l1{{.in = 784, .out = 100}};
///     Linear l2{{.in = 100, .out = 10}};
///     Mlp() { add("l1", l1); add("l2", l2); }
///     Variable operator()(const Variable& x) { return l2(functions::relu(l1(x))); }
///   };
///
/// A link that goes from one variable to one is better derived from UnaryLink.
class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  virtual ~Link() = default;

  /// A parameter and the key that it has in a snapshot.
  struct NamedParameter {
    std::string path;  ///< "l1/W"
    Parameter* parameter;
  };
  /// A persistent value and the key that it has in a snapshot.
  struct NamedPersistent {
    std::string path;  ///< "bn1/avg_mean"
    Array* array;
  };
  /// A link and what its children's keys begin with.
  struct NamedLink {
    std::string path;  ///< "" for the link itself, "l1" for a child
    Link* link;
  };

  std::vector<Parameter*> parameters();              ///< in order of registration, children's after a link's own
  std::vector<NamedParameter> named_parameters();    ///< in the order of parameters()
  std::vector<NamedPersistent> named_persistents();  ///< in the same order
  std::vector<NamedLink> named_links();              ///< itself first

  /// Saves or loads every parameter and persistent value under its path. Loading gives parameters without a shape the
  /// file's; throws FileError that names the key if one is missing or of another shape.
  void serialize(Serializer& serializer);

  void clear_grads();               ///< parameters have no gradients afterwards
  std::int64_t count_parameters();  ///< elements of all initialised parameters
  /// Moves parameters and persistent values to `device`, where the network then computes; to be called before the
  /// optimizer's setup(). Parameters that get their shape later get it there. Whole numbers, such as counts of batches,
  /// stay on the host. Throws DeviceError if there is no such device.
  void to(Device device);
  /// Where the parameters are; the host if there are none.
  Device device();
  /// Copies the other link's parameters (and persistent values) into this one's, by path; dtypes and devices stay this
  /// one's. Throws ValueError when the other has no parameter of a path, ShapeError when shapes differ.
  void copy_parameters(Link& other, bool persistents = true);
  /// Sets update_enabled of every parameter.
  void enable_update(bool enabled = true);
  /// A link of the same kind with parameters, persistent values and settings of its own, equal to this one's and on the
  /// same device. The template rensa::clone() keeps the type. Throws ValueError for a link that does not say how it is
  /// copied.
  std::unique_ptr<Link> clone(CopyMode mode = CopyMode::kCopy);
  /// True if any parameter is trained.
  bool update_enabled();

  /// From now on `hook` is called around this link's forward pass (see LinkHook). Throws ValueError if the link has one
  /// of that name, or what the hook's added() throws.
  void add_hook(std::shared_ptr<LinkHook> hook);
  /// Takes the hook of that name away; throws ValueError if there is none.
  void remove_hook(std::string_view name);
  LinkHook* hook(std::string_view name) const;  ///< the one of that name; null if there is none
  /// In the order in which they were added.
  const std::vector<std::shared_ptr<LinkHook>>& hooks() const { return hooks_; }

 protected:
  /// A new link of the same kind and options; clone() copies the values. For a link of one's own:
  ///   std::unique_ptr<Link> do_clone() override { return std::make_unique<Mlp>(options_); }
  virtual std::unique_ptr<Link> do_clone();
  /// Takes over what is neither parameter nor persistent value and was set after construction, from the link that this
  /// one is a copy of.
  virtual void adopt_settings(const Link& /*other*/) {}

  /// A parameter of this link, which must be its member. Throws ValueError for a name that is taken.
  void add(std::string name, Parameter& parameter);
  void add(std::string name, Link& child);  ///< a child link, which must live as long as this one
  /// A value that is saved with the model but not trained, such as running statistics. It may be replaced, not resized.
  void add_persistent(std::string name, Array& value);
  /// Takes over the members of `inner`, which this link is made of, under the names that they have there.
  void add_members(Link& inner);
  /// Forgets the children, for containers that number them anew.
  void clear_children() { children_.clear(); }
  /// What `forward` returns, with this link's hooks and the thread's around it: for links that do not go from one
  /// variable to one.
  ///   Variable operator()(const Variable& x, const Variable& h) { return with_hooks(x, [&] { return …; }); }
  template <class Forward>
  Variable with_hooks(const Variable& x, const Forward& forward) {
    if (hooks_.empty() && !detail::has_link_hooks) return forward();
    detail::HookedForward hooked(*this, x);
    const Variable y = forward();
    hooked.finish(y);
    return y;
  }

 private:
  friend class LinkHook;
  template <class Visit>
  void visit_links(const std::string& prefix, const Visit& visit);
  void check_new(const std::string& name) const;

  std::vector<std::pair<std::string, Parameter*>> parameters_;
  std::vector<std::pair<std::string, Array*>> persistents_;
  std::vector<std::pair<std::string, Link*>> children_;
  std::vector<std::shared_ptr<LinkHook>> hooks_;
};

/// A copy of its own with the type that the caller knows: auto copy = clone(model).
template <class L>
std::unique_ptr<L> clone(L& link, CopyMode mode = CopyMode::kCopy) {
  std::unique_ptr<Link> copy = static_cast<Link&>(link).clone(mode);
  L* typed = dynamic_cast<L*>(copy.get());
  if (!typed)
    throw ValueError("clone: the copy is of another type than the link. Override do_clone() in the link's own class.");
  copy.release();
  return std::unique_ptr<L>(typed);
}

/// A link from one variable to one variable: what Sequential and the classifier hold.
class UnaryLink : public Link {
 public:
  /// The result for a batch: forward(), with the hooks around it.
  Variable operator()(const Variable& x) {
    return with_hooks(x, [&] { return forward(x); });
  }
  /// What the link computes, without hooks: for the link to define, and for others to call through operator().
  virtual Variable forward(const Variable& x) = 0;
};

/// Links and functions in a row. Child links are named "0", "1", … in their order, as in Chainer's Sequential;
/// functions have no number.
class Sequential : public UnaryLink {
 public:
  using Function = std::function<Variable(const Variable&)>;  ///< a step without parameters, such as functions::relu

  Sequential() = default;
  /// Sequential model(std::make_unique<Linear>(…), functions::relu, …);
  template <class... Layers>
  explicit Sequential(Layers&&... layers) {
    (append(std::forward<Layers>(layers)), ...);
  }
  /// Adds a link, or a function, at the end.
  /// @{
  void append(std::unique_ptr<UnaryLink> link);
  void append(Function function);
  template <class L>
  void append(std::unique_ptr<L> link) {
    append(std::unique_ptr<UnaryLink>(std::move(link)));
    /// @}
  }
  /// Before the layer number `position`; throws IndexError if there are not so many.
  void insert(std::size_t position, std::unique_ptr<UnaryLink> link);
  void insert(std::size_t position, Function function);  ///< the same with a function
  /// Takes all layers of `other`, which is empty then.
  void extend(Sequential&& other);
  /// Takes layer number `position` out; the links behind it get other numbers.
  void remove(std::size_t position);
  /// How many layers are links of type L; takes them out.
  template <class L>
  std::size_t count_by_layer_type() const {
    std::size_t count = 0;
    for (const Layer& layer : layers_) count += dynamic_cast<const L*>(layer.link.get()) != nullptr ? 1 : 0;
    return count;
  }
  /// Takes out the links of type L.
  template <class L>
  void remove_by_layer_type() {
    for (std::size_t i = layers_.size(); i-- > 0;) {
      if (dynamic_cast<const L*>(layers_[i].link.get())) remove(i);
    }
  }
  /// Sequentials inside of it are replaced by their layers.
  void flatten();
  /// A row of `times` copies of this one.
  std::unique_ptr<Sequential> repeat(int times, CopyMode mode = CopyMode::kInit);

  Variable forward(const Variable& x) override;
  std::size_t size() const { return layers_.size(); }  ///< links and functions together
  /// The link at that position; null for a function.
  UnaryLink* link(std::size_t position) const { return layers_.at(position).link.get(); }

 protected:
  std::unique_ptr<Link> do_clone() override;

 private:
  struct Layer {
    std::unique_ptr<UnaryLink> link;
    Function function;
  };
  void insert_layer(std::size_t position, Layer layer);
  void number();
  std::vector<Layer> layers_;
};

/// A row of `times` copies of any link.
std::unique_ptr<Sequential> repeat(UnaryLink& link, int times, CopyMode mode = CopyMode::kInit);

/// Links of one kind under the names "0", "1", …, Chainer's ChainList.
///
///   ChainList<Linear> layers;
///   layers.append(std::make_unique<Linear>(…));
template <class L = Link>
class ChainList : public Link {
 public:
  /// Adds a link at the end, and gives it back.
  L& append(std::unique_ptr<L> link) {
    add(std::to_string(links_.size()), *link);
    links_.push_back(std::move(link));
    return *links_.back();
  }
  /// Puts a link before number `position`; those behind it get the next number.
  /// Throws IndexError if there are fewer.
  void insert(std::size_t position, std::unique_ptr<L> link) {
    check_position("insert", position, links_.size() + 1);
    links_.insert(links_.begin() + static_cast<std::ptrdiff_t>(position), std::move(link));
    number();
  }
  /// Takes link number `position` out; those behind it get the number before.
  /// Throws IndexError if there is none.
  void remove(std::size_t position) {
    check_position("remove", position, links_.size());
    links_.erase(links_.begin() + static_cast<std::ptrdiff_t>(position));
    number();
  }
  std::size_t size() const { return links_.size(); }  ///< how many links there are
  /// Throws std::out_of_range if there are not so many.
  L& operator[](std::size_t position) const { return *links_.at(position); }
  /// The links, as unique_ptr.
  /// @{
  auto begin() const { return links_.begin(); }
  auto end() const { return links_.end(); }
  /// @}

 protected:
  std::unique_ptr<Link> do_clone() override {
    auto copy = std::make_unique<ChainList>();
    for (const auto& link : links_) copy->append(rensa::clone(*link, CopyMode::kInit));
    return copy;
  }

 private:
  static void check_position(const char* name, std::size_t position, std::size_t positions) {
    if (position < positions) return;
    throw IndexError("ChainList: ", name, " at ", position, ", expected below ", positions, ".");
  }
  void number() {
    clear_children();
    for (std::size_t i = 0; i < links_.size(); ++i) add(std::to_string(i), *links_[i]);
  }
  std::vector<std::unique_ptr<L>> links_;
};

}  // namespace rensa
