#pragma once

#include <string>

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

}  // namespace rensa
