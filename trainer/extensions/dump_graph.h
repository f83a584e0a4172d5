#pragma once

#include <string>

#include "core/autograd/graph.h"
#include "trainer/extension.h"

namespace rensa {

/// Writes the graph behind the first step's loss to `filename` in `out`, in the DOT language: Chainer's DumpGraph. Rank
/// 0 writes. For trainers whose updater is a StandardUpdater; others leave no file.
///   trainer.extend(std::make_unique<DumpGraph>());      dot -Tsvg result/cg.dot > cg.svg
class DumpGraph final : public Extension {
 public:
  explicit DumpGraph(std::string filename = "cg.dot", GraphDrawingOptions options = {})
      : filename_(std::move(filename)), options_(std::move(options)) {}
  std::string name() const override { return "DumpGraph"; }
  void initialize(Trainer& trainer) override;
  void operator()(Trainer&) override {}

 private:
  const std::string filename_;
  const GraphDrawingOptions options_;
};

}  // namespace rensa
