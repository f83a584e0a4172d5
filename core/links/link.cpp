#include "core/links/link.h"

#include <algorithm>
#include <map>
#include <typeinfo>

#include "core/error.h"
#include "core/serializers/serializer.h"

namespace rensa {
namespace {

std::string joined(const std::string& path, const std::string& name) { return path.empty() ? name : path + "/" + name; }

/// Whole numbers, such as counts of batches, stay on the host.
void move_persistent(Array& value, Device device) {
  if (value && is_floating(value.dtype())) value = value.to(device);
}

/// Calls act(mine, theirs) for the members that have one path in both links: a copy lacks those of hooks that are not
/// copied.
template <class Named, class Act>
void for_each_pair(const std::vector<Named>& mine, const std::vector<Named>& theirs, const Act& act) {
  std::map<std::string, const Named*> by_path;
  for (const Named& named : theirs) by_path[named.path] = &named;
  for (const Named& named : mine) {
    const auto found = by_path.find(named.path);
    if (found != by_path.end()) act(named, *found->second);
  }
}

}  // namespace

void Link::check_new(const std::string& name) const {
  const auto taken = [&](const auto& entries) {
    for (const auto& entry : entries) {
      if (entry.first == name) return true;
    }
    return false;
  };
  if (name.empty() || name.find('/') != std::string::npos) {
    throw ValueError("link: \"", name, "\" cannot be the name of a member: it is empty, or has a slash.");
  }
  if (taken(parameters_) || taken(persistents_) || taken(children_)) {
    throw ValueError("link: a member named \"", name, "\" is registered already.");
  }
}

void Link::add(std::string name, Parameter& parameter) {
  check_new(name);
  if (parameter.name().empty()) parameter.set_name(name);
  parameters_.emplace_back(std::move(name), &parameter);
}
void Link::add(std::string name, Link& child) {
  check_new(name);
  children_.emplace_back(std::move(name), &child);
}
void Link::add_persistent(std::string name, Array& value) {
  check_new(name);
  persistents_.emplace_back(std::move(name), &value);
}

void Link::add_members(Link& inner) {
  for (auto& [name, parameter] : inner.parameters_) add(name, *parameter);
  for (auto& [name, value] : inner.persistents_) add_persistent(name, *value);
  for (auto& [name, child] : inner.children_) add(name, *child);
}

template <class Visit>
void Link::visit_links(const std::string& prefix, const Visit& visit) {
  visit(prefix, *this);
  for (auto& [name, child] : children_) child->visit_links(joined(prefix, name), visit);
}

std::vector<Link::NamedLink> Link::named_links() {
  std::vector<NamedLink> links;
  visit_links("", [&](const std::string& path, Link& link) { links.push_back({path, &link}); });
  return links;
}

std::vector<Link::NamedParameter> Link::named_parameters() {
  std::vector<NamedParameter> named;
  visit_links("", [&](const std::string& path, Link& link) {
    for (auto& [name, parameter] : link.parameters_) named.push_back({joined(path, name), parameter});
  });
  return named;
}

std::vector<Link::NamedPersistent> Link::named_persistents() {
  std::vector<NamedPersistent> named;
  visit_links("", [&](const std::string& path, Link& link) {
    for (auto& [name, array] : link.persistents_) named.push_back({joined(path, name), array});
  });
  return named;
}

std::vector<Parameter*> Link::parameters() {
  std::vector<Parameter*> all;
  for (const NamedParameter& named : named_parameters()) all.push_back(named.parameter);
  return all;
}

void Link::serialize(Serializer& serializer) {
  for (const NamedParameter& named : named_parameters()) {
    Parameter& parameter = *named.parameter;
    Array values = parameter.is_initialized() ? parameter.array() : Array();
    serializer(named.path, values);
    if (parameter.is_initialized() || !values) continue;  // None: it had no shape yet
    parameter.initialize(values.shape());
    parameter.array().copy_from(values);
  }
  for (const NamedPersistent& named : named_persistents()) {
    const bool had_no_shape = !*named.array;
    serializer(named.path, *named.array);
    if (had_no_shape && *named.array) move_persistent(*named.array, device());  // a file's values are on the host
  }
}

void Link::clear_grads() {
  for (Parameter* parameter : parameters()) parameter->clear_grad();
}

std::int64_t Link::count_parameters() {
  std::int64_t count = 0;
  for (const Parameter* parameter : parameters()) count += parameter->is_initialized() ? parameter->size() : 0;
  return count;
}

void Link::to(Device device) {
  for (Parameter* parameter : parameters()) parameter->to(device);
  for (const NamedPersistent& named : named_persistents()) move_persistent(*named.array, device);
}

Device Link::device() {
  for (const Parameter* parameter : parameters()) {
    if (parameter->is_initialized()) return parameter->array().device();
  }
  return {};
}

void Link::copy_parameters(Link& other, bool persistents) {
  std::map<std::string, Parameter*> theirs;
  for (const NamedParameter& named : other.named_parameters()) theirs[named.path] = named.parameter;
  for (const NamedParameter& mine : named_parameters()) {
    const auto found = theirs.find(mine.path);
    if (found == theirs.end())
      throw ValueError("copy_parameters: the other link has no parameter \"", mine.path, "\".");
    if (!found->second->is_initialized()) continue;
    if (!mine.parameter->is_initialized()) mine.parameter->initialize(found->second->shape());
    if (mine.parameter->shape() != found->second->shape()) {
      throw ShapeError("copy_parameters: \"", mine.path, "\" has shape ", mine.parameter->shape(), ", the other one ",
                       found->second->shape(), ".");
    }
    mine.parameter->array().copy_from(found->second->array());
  }
  if (!persistents) return;
  for_each_pair(named_persistents(), other.named_persistents(),
                [&](const NamedPersistent& mine, const NamedPersistent& of_other) {
                  const Array& values = *of_other.array;
                  if (!values) return;
                  if (!*mine.array) {
                    *mine.array = values.copy();
                    return move_persistent(*mine.array, device());
                  }
                  if (mine.array->shape() != values.shape()) {
                    throw ShapeError("copy_parameters: \"", mine.path, "\" has shape ", mine.array->shape(),
                                     ", the other one ", values.shape(), ".");
                  }
                  mine.array->copy_from(values);
                });
}

std::unique_ptr<Link> Link::clone(CopyMode mode) {
  std::unique_ptr<Link> copy = do_clone();
  const std::vector<NamedLink> links = named_links(), copies = copy->named_links();
  const auto same_path = [](const NamedLink& a, const NamedLink& b) { return a.path == b.path; };
  if (!std::equal(links.begin(), links.end(), copies.begin(), copies.end(), same_path)) {
    throw ValueError("clone: the copy of a link of type ", typeid(*this).name(), " has ", copies.size(),
                     " links where it has ", links.size(), ", or others. Override do_clone() for this type.");
  }
  for (std::size_t i = 0; i < links.size(); ++i) {
    for (const auto& hook : links[i].link->hooks_) {
      auto another = hook->clone();
      if (another && !copies[i].link->hook(another->name())) copies[i].link->add_hook(std::move(another));
    }
  }
  const bool share = mode == CopyMode::kShare;
  for_each_pair(copy->named_parameters(), named_parameters(),
                [&](const NamedParameter& of_copy, const NamedParameter& mine) {
                  Parameter &to = *of_copy.parameter, &from = *mine.parameter;
                  to.to(from.home());
                  if (share) to.set_array(from.array());
                  to.lr_scale = from.lr_scale;
                  to.weight_decay_scale = from.weight_decay_scale;
                  to.update_enabled = from.update_enabled;
                });
  for_each_pair(copy->named_persistents(), named_persistents(),
                [&](const NamedPersistent& of_copy, const NamedPersistent& mine) {
                  if (*mine.array) move_persistent(*of_copy.array, mine.array->device());
                  if (share) *of_copy.array = *mine.array;
                });
  if (mode == CopyMode::kCopy) copy->copy_parameters(*this);
  for (std::size_t i = 0; i < links.size(); ++i) copies[i].link->adopt_settings(*links[i].link);
  return copy;
}

bool Link::update_enabled() {
  const std::vector<Parameter*> all = parameters();
  return std::any_of(all.begin(), all.end(), [](const Parameter* parameter) { return parameter->update_enabled; });
}

std::unique_ptr<Link> Link::do_clone() {
  throw ValueError("clone: a link of type ", typeid(*this).name(),
                   " does not say how it is copied. Override do_clone() to ", "return a new one of the same options.");
}

void Link::enable_update(bool enabled) {
  for (Parameter* parameter : parameters()) parameter->update_enabled = enabled;
}

LinkHook* Link::hook(std::string_view name) const {
  for (const auto& each : hooks_) {
    if (each->name() == name) return each.get();
  }
  return nullptr;
}

void Link::add_hook(std::shared_ptr<LinkHook> added) {
  if (hook(added->name())) throw ValueError("link: it has a hook named \"", added->name(), "\" already.");
  added->added(*this);
  hooks_.push_back(std::move(added));
}

void Link::remove_hook(std::string_view name) {
  const auto found = std::find_if(hooks_.begin(), hooks_.end(), [&](const auto& hook) { return hook->name() == name; });
  if (found == hooks_.end()) throw ValueError("link: it has no hook named \"", name, "\".");
  const std::shared_ptr<LinkHook> hook = *found;
  hooks_.erase(found);
  hook->removed(*this);
}

void Sequential::append(std::unique_ptr<UnaryLink> link) { insert(layers_.size(), std::move(link)); }
void Sequential::append(Function function) { insert(layers_.size(), std::move(function)); }
void Sequential::insert(std::size_t position, std::unique_ptr<UnaryLink> link) {
  insert_layer(position, {std::move(link), nullptr});
}
void Sequential::insert(std::size_t position, Function function) {
  insert_layer(position, {nullptr, std::move(function)});
}

void Sequential::insert_layer(std::size_t position, Layer layer) {
  if (position > layers_.size()) {
    throw IndexError("Sequential: there is no place ", position, " among ", layers_.size(), " layers.");
  }
  layers_.insert(layers_.begin() + static_cast<std::ptrdiff_t>(position), std::move(layer));
  number();
}

void Sequential::remove(std::size_t position) {
  if (position >= layers_.size())
    throw IndexError("Sequential: there is no layer ", position, " of ", layers_.size(), ".");
  layers_.erase(layers_.begin() + static_cast<std::ptrdiff_t>(position));
  number();
}

void Sequential::extend(Sequential&& other) {
  for (Layer& layer : other.layers_) layers_.push_back(std::move(layer));
  other.layers_.clear();
  other.number();
  number();
}

void Sequential::number() {
  clear_children();
  std::size_t count = 0;
  for (const Layer& layer : layers_) {
    if (layer.link) add(std::to_string(count++), *layer.link);
  }
}

void Sequential::flatten() {
  std::vector<Layer> flat;
  for (Layer& layer : layers_) {
    if (auto* inner = dynamic_cast<Sequential*>(layer.link.get())) {
      inner->flatten();
      for (Layer& one : inner->layers_) flat.push_back(std::move(one));
    } else {
      flat.push_back(std::move(layer));
    }
  }
  layers_ = std::move(flat);
  number();
}

std::unique_ptr<Sequential> Sequential::repeat(int times, CopyMode mode) { return rensa::repeat(*this, times, mode); }

std::unique_ptr<Sequential> repeat(UnaryLink& link, int times, CopyMode mode) {
  auto row = std::make_unique<Sequential>();
  for (int i = 0; i < times; ++i) row->append(rensa::clone(link, mode));
  return row;
}

std::unique_ptr<Link> Sequential::do_clone() {
  auto copy = std::make_unique<Sequential>();
  for (Layer& layer : layers_) {
    layer.link ? copy->append(rensa::clone(*layer.link, CopyMode::kInit)) : copy->append(layer.function);
  }
  return copy;
}

Variable Sequential::forward(const Variable& x) {
  Variable h = x;
  for (Layer& layer : layers_) h = layer.link ? (*layer.link)(h) : layer.function(h);
  return h;
}

}  // namespace rensa
