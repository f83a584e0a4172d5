#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "core/device/random.h"

namespace rensa::images {

using Colour = std::array<double, 3>;  ///< red, green, blue in [0, 1]

Colour mix(const Colour& a, const Colour& b, double share_of_b);
Colour random_colour(RandomStream& random);

/// Smooth noise in [0, 1] with lumps of about one unit: random values on a grid, blended between its points.
class ValueNoise {
 public:
  explicit ValueNoise(RandomStream& random);
  double at(double u, double v) const;

 private:
  static constexpr int kPeriod = 16;
  std::array<double, kPeriod * kPeriod> values_;
};

/// What a picture shows at a point: a colour, and how much of the background it hides.
struct Paint {
  Colour colour;
  double cover;
};

/// The thing in front. Coordinates: the middle is (0, 0), the picture's shorter side goes from -1 to 1.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Paint at(double u, double v) const = 0;
};

/// The subject of class `label`, with its random parts drawn from `random`.
std::unique_ptr<Subject> make_subject(int label, RandomStream& random);

}  // namespace rensa::images
