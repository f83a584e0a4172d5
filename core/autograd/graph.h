#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <string>

#include "core/autograd/function.h"
#include "core/autograd/variable.h"

namespace rensa {

/// The leaves that require a gradient and that `outputs` depend on, each once, in the order in which they are met from
/// the outputs.
Variables leaves_of(const Variables& outputs);

/// How graph_as_dot() draws.
struct GraphDrawingOptions {
  std::string rankdir = "TB";  ///< "LR": from left to right
  bool show_shapes = true;     ///< of the leaves and outputs
};
/// The graph behind `outputs` in the DOT language: functions as boxes, leaves and outputs as ellipses with their names.
///   dot -Tsvg graph.dot > graph.svg
std::string graph_as_dot(const Variables& outputs, const GraphDrawingOptions& options = {});

namespace detail {

/// The number of the function that this thread made last: functions made later have larger ones.
std::uint64_t last_function();

/// What the part of the graph behind `outputs` that this thread made after function number `mark` takes from outside:
/// leaves that require a gradient, and outputs of earlier functions; each once. Throws GraphError if nobody holds such
/// an output any more.
Variables taken_from_outside(const Variables& outputs, std::uint64_t mark);

/// While it exists these variables are leaves: what is computed with them reaches no further back.
class AsLeaves {
 public:
  explicit AsLeaves(const Variables& variables);
  AsLeaves(const AsLeaves&) = delete;
  AsLeaves& operator=(const AsLeaves&) = delete;
  ~AsLeaves();

 private:
  const Variables variables_;
  boost::container::small_vector<boost::intrusive_ptr<Function>, 4> creators_;
};

}  // namespace detail
}  // namespace rensa
