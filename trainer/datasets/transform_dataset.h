#pragma once

#include <functional>
#include <memory>

#include "core/device/random.h"
#include "trainer/datasets/dataset.h"

namespace rensa {

/// Applies a function to every sample of another dataset, each time it is asked for. The random numbers are the
/// sample's own of this epoch. Loader threads call the function at the same time.
class TransformDataset final : public Dataset {
 public:
  /// A sample to a sample; `random` is the sample's own of this epoch.
  using Transform = std::function<Example(Example sample, RandomStream& random)>;

  TransformDataset(std::shared_ptr<const Dataset> base, Transform transform)
      : base_(std::move(base)), transform_(std::move(transform)) {}

  std::int64_t size() const override { return base_->size(); }
  Example get(std::int64_t index, const SampleContext& context) const override {
    RandomStream random(context.seed, Purpose::kUser, static_cast<std::uint64_t>(context.epoch),
                        static_cast<std::uint64_t>(index));
    return transform_(base_->get(index, context), random);
  }

 private:
  std::shared_ptr<const Dataset> base_;
  Transform transform_;
};

}  // namespace rensa
