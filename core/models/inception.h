#pragma once

#include <cstdint>
#include <memory>

#include "core/links/link.h"

namespace rensa::models {

/// Channels of an inception module's branches.
struct InceptionWidths {
  std::int64_t one;                   ///< 1 x 1
  std::int64_t three_reduced, three;  ///< 1 x 1, then 3 x 3
  std::int64_t five_reduced, five;    ///< 1 x 1, then 5 x 5 (with batch normalization 3 x 3)
  std::int64_t pooled;                ///< 3 x 3 max pooling, then 1 x 1
  std::int64_t out() const { return one + three + five + pooled; }  ///< channels of the result
};

/// Four branches side by side, their channels joined: the link Inception (core/links/blocks.h).
std::unique_ptr<UnaryLink> inception(std::int64_t in, const InceptionWidths& widths, Dtype dtype);

/// The same with batch normalization after every convolution. Keys branch1, branch2/0 …, as torchvision's.
std::unique_ptr<UnaryLink> normalized_inception(std::int64_t in, const InceptionWidths& widths, double eps,
                                                Dtype dtype);

}  // namespace rensa::models
