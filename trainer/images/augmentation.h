#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "core/device/random.h"
#include "trainer/images/image.h"

namespace rensa::images {

/// A few of 14 operations for each picture, all of one strength.
/// Source: Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search space" (2020); the
/// operations, their strengths and the defaults are those of torchvision's transforms.RandAugment (nearest pixel, black
/// outside).
struct RandAugmentOptions {
  int operations = 0;  ///< for each picture; 0: none. The paper's and torchvision's usual number is 2
  int magnitude = 9;   ///< strength, from 0 to bins - 1
  int bins = 31;       ///< strengths that there are
};

/// Random brightness, contrast, saturation and hue, in a random order: torchvision's transforms.ColorJitter. The first
/// three are factors from [max(0, 1 - v), 1 + v], the hue is turned by [-v, v] rounds; 0: left alone.
struct ColourJitterOptions {
  double brightness = 0, contrast = 0, saturation = 0, hue = 0;

  /// False: colours stay as they are.
  bool any() const { return brightness > 0 || contrast > 0 || saturation > 0 || hue > 0; }
};

/// What happens to the colours and pixels of a training picture after it is cropped and mirrored: RandAugment first.
struct Augmentation {
  RandAugmentOptions rand_augment = {};
  ColourJitterOptions colour_jitter = {};

  bool any() const;  ///< False: pictures stay as they are
  /// Throws ValueError for numbers that are out of range, with the range.
  void check() const;
};

/// A picture's colour jitter, drawn: which changes are made, in their order, and how far they go.
struct ColourJitter {
  std::array<int, 4> order{0, 1, 2, 3};  ///< 0 brightness, 1 contrast, 2 saturation, 3 hue
  double brightness = 1, contrast = 1, saturation = 1, hue = 0;
};
/// Draws one: each change within its option.
ColourJitter draw_colour_jitter(const ColourJitterOptions& options, RandomStream& random);

/// RandAugment's part of augment().
void rand_augment(Image& image, const RandAugmentOptions& options, RandomStream& random);

/// Applies what is asked for. The numbers come from `random`, in an order that does not depend on the picture.
void augment(Image& image, const Augmentation& augmentation, RandomStream& random);

/// RandAugment's operations by number: "Identity", "ShearX", … in torchvision's order.
const std::vector<std::string_view>& rand_augment_names();
/// Operation `number` in place at a strength of `magnitude` of `bins` - 1; `negative` turns the direction of those that
/// have one.
void apply_rand_augment(Image& image, int number, int magnitude, int bins, bool negative);

}  // namespace rensa::images
