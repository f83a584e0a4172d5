#pragma once

#include <memory>

#include "core/initializers/initializer.h"
#include "core/links/link.h"

namespace rensa::testing {

/// Two weights, of which a step may use one.
struct Branches : Link {
  Parameter left{{4}, init::zeros()}, right{{4}, init::zeros()};
  Branches() {
    add("left", left);
    add("right", right);
  }
};

/// A network that gets another layer, with statistics, while it is trained.
struct Growing : Link {
  struct Branch : Link {
    Parameter W{{4}, init::zeros()};
    Array statistics = zeros({2});
    Branch() {
      add("W", W);
      add_persistent("statistics", statistics);
    }
  };
  Branch first;
  std::unique_ptr<Branch> second;
  Growing() { add("first", first); }
  void grow(double value) {
    second = std::make_unique<Branch>();
    second->W.array().fill(value);
    second->statistics.fill(value);
    add("second", *second);
  }
  void shrink() {
    clear_children();
    add("first", first);
    second.reset();
  }
};

}  // namespace rensa::testing
