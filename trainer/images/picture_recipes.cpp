#include "trainer/images/picture_recipes.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace rensa::images {

Colour mix(const Colour& a, const Colour& b, double share) {
  return {a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share};
}

Colour random_colour(RandomStream& random) {
  const double grey = random.uniform(0.15, 0.9), strength = random.uniform(0.05, 0.35);
  Colour colour{};
  for (double& channel : colour) channel = std::clamp(grey + strength * random.uniform(-1, 1), 0.0, 1.0);
  return colour;
}

ValueNoise::ValueNoise(RandomStream& random) {
  for (double& value : values_) value = random.uniform();
}

double ValueNoise::at(double u, double v) const {
  const double row = std::floor(v), column = std::floor(u);
  const auto smooth = [](double t) { return t * t * (3 - 2 * t); };
  const double a = smooth(u - column), b = smooth(v - row);
  const auto value = [this](double r, double c) {
    const int y = static_cast<int>(r) & (kPeriod - 1), x = static_cast<int>(c) & (kPeriod - 1);
    return values_[static_cast<std::size_t>(y * kPeriod + x)];
  };
  const double top = value(row, column) + (value(row, column + 1) - value(row, column)) * a;
  const double bottom = value(row + 1, column) + (value(row + 1, column + 1) - value(row + 1, column)) * a;
  return top + (bottom - top) * b;
}

namespace {

constexpr double kPi = std::numbers::pi;

/// 1 inside (distance below 0), 0 outside, with a soft edge.
double inside(double distance, double softness = 0.03) { return std::clamp(0.5 - distance / softness, 0.0, 1.0); }

/// Two colours that differ enough to be seen.
struct Pair {
  explicit Pair(RandomStream& random) : first(random_colour(random)), second(random_colour(random)) {
    double difference = 0;
    for (std::size_t c = 0; c < 3; ++c) difference += std::abs(first[c] - second[c]);
    if (difference > 0.6) return;
    for (double& channel : second) channel = channel > 0.5 ? channel * 0.45 : 0.5 + channel * 0.5;
  }
  Colour first, second;
};

Colour shade(const Colour& colour, double factor) {
  Colour shaded = colour;
  for (double& channel : shaded) channel = std::clamp(channel * factor, 0.0, 1.0);
  return shaded;
}

/// Shaded balls of different sizes.
struct Bubbles final : Subject {
  struct Ball {
    double u, v, radius;
    Colour colour;
  };
  explicit Bubbles(RandomStream& random) : light(random.uniform(0, 2 * kPi)) {
    const std::uint64_t count = 6 + random.below(9);
    for (std::uint64_t i = 0; i < count; ++i) {
      balls.push_back(
          {random.uniform(-1.1, 1.1), random.uniform(-1.1, 1.1), random.uniform(0.12, 0.34), random_colour(random)});
    }
  }
  Paint at(double u, double v) const override {
    Paint paint{{0, 0, 0}, 0};
    for (const Ball& ball : balls) {
      const double du = (u - ball.u) / ball.radius, dv = (v - ball.v) / ball.radius, r = std::hypot(du, dv);
      const double cover = inside((r - 1) * ball.radius);
      if (cover == 0) continue;
      const double facing = std::sqrt(std::max(0.0, 1 - r * r)) + 0.6 * (du * std::cos(light) + dv * std::sin(light));
      paint.colour = mix(paint.colour, shade(ball.colour, 0.55 + 0.6 * facing), paint.cover > 0 ? cover : 1);
      paint.cover = std::max(paint.cover, cover);
    }
    return paint;
  }
  double light;
  std::vector<Ball> balls;
};

/// Courses of bricks with mortar; every brick a little different.
struct Bricks final : Subject {
  explicit Bricks(RandomStream& random)
      : colours(random), height(random.uniform(0.16, 0.3)), length(height * random.uniform(1.8, 2.6)), noise(random) {}
  Paint at(double u, double v) const override {
    const double row = std::floor(v / height);
    const double shifted = u / length + 0.5 * (static_cast<int>(row) & 1);
    const double column = std::floor(shifted);
    const double to_edge = std::min(
        {(shifted - column) * length, (column + 1 - shifted) * length, v - row * height, (row + 1) * height - v});
    const double brick = 0.75 + 0.5 * noise.at(column * 1.7 + 0.3, row * 2.3 + 0.6);
    return {mix(shade(colours.first, brick), colours.second, inside(to_edge - 0.022)), 1};
  }
  Pair colours;
  double height, length;
  ValueNoise noise;
};

/// One flower: round petals about a disc.
struct Petals final : Subject {
  explicit Petals(RandomStream& random)
      : colours(random),
        count(5 + static_cast<int>(random.below(6))),
        size(random.uniform(0.65, 0.95)),
        disc(random.uniform(0.18, 0.3)) {}
  Paint at(double u, double v) const override {
    const double r = std::hypot(u, v), angle = std::atan2(v, u);
    const double rim = size * (0.55 + 0.45 * std::abs(std::cos(angle * count / 2)));
    const Colour petal = shade(colours.first, 0.75 + 0.35 * std::abs(std::cos(angle * count / 2)));
    return {mix(petal, colours.second, inside(r - disc * size)), inside(r - rim)};
  }
  Pair colours;
  int count;
  double size, disc;
};

/// Straight bands, a little uneven.
struct Stripes final : Subject {
  explicit Stripes(RandomStream& random)
      : colours(random),
        angle(random.uniform(0, kPi)),
        frequency(random.uniform(2.5, 6)),
        wobble(random.uniform(0, 0.12)),
        noise(random) {}
  Paint at(double u, double v) const override {
    const double along = u * std::cos(angle) + v * std::sin(angle) + wobble * noise.at(u * 2, v * 2);
    return {mix(colours.first, colours.second, std::clamp(0.5 + 2.5 * std::sin(along * frequency * kPi), 0.0, 1.0)),
            0.95};
  }
  Pair colours;
  double angle, frequency, wobble;
  ValueNoise noise;
};

/// Several pointed stars.
struct Stars final : Subject {
  struct Star {
    double u, v, radius, turn;
    int points;
    Colour colour;
  };
  explicit Stars(RandomStream& random) {
    const std::uint64_t count = 3 + random.below(5);
    for (std::uint64_t i = 0; i < count; ++i) {
      stars.push_back({random.uniform(-0.9, 0.9), random.uniform(-0.9, 0.9), random.uniform(0.25, 0.5),
                       random.uniform(0, 2 * kPi), 5 + static_cast<int>(random.below(2)), random_colour(random)});
    }
  }
  Paint at(double u, double v) const override {
    Paint paint{{0, 0, 0}, 0};
    for (const Star& star : stars) {
      const double du = u - star.u, dv = v - star.v;
      const double sector = std::abs(std::remainder(std::atan2(dv, du) + star.turn, 2 * kPi / star.points));
      const double rim =
          star.radius * (1 - 0.62 * std::pow(sector * star.points / kPi, 0.6));  // 1 at a point, 0.38 between
      const double cover = inside(std::hypot(du, dv) - rim);
      paint.colour = mix(paint.colour, star.colour, paint.cover > 0 ? cover : 1);
      paint.cover = std::max(paint.cover, cover);
    }
    return paint;
  }
  std::vector<Star> stars;
};

/// Squares of two colours, as on a cloth.
struct Checks final : Subject {
  explicit Checks(RandomStream& random) : colours(random), frequency(random.uniform(2, 5)), fold(random) {}
  Paint at(double u, double v) const override {
    const double bend = 0.12 * fold.at(u * 1.5, v * 1.5);
    const double a = std::sin((u + bend) * frequency * kPi), b = std::sin((v - bend) * frequency * kPi);
    return {shade(mix(colours.first, colours.second, std::clamp(0.5 + 6 * a * b, 0.0, 1.0)), 0.8 + 0.4 * bend / 0.12),
            1};
  }
  Pair colours;
  double frequency;
  ValueNoise fold;
};

/// Waves that run out from two points and cross, like rain on water.
struct Ripples final : Subject {
  explicit Ripples(RandomStream& random)
      : colours(random),
        frequency(random.uniform(4, 8)),
        u1(random.uniform(-1, 0)),
        v1(random.uniform(-1, 1)),
        u2(random.uniform(0, 1)),
        v2(random.uniform(-1, 1)) {}
  Paint at(double u, double v) const override {
    const double wave =
        std::sin(std::hypot(u - u1, v - v1) * frequency * kPi) + std::sin(std::hypot(u - u2, v - v2) * frequency * kPi);
    return {mix(colours.first, colours.second, 0.5 + 0.25 * wave), 0.9};
  }
  Pair colours;
  double frequency, u1, v1, u2, v2;
};

/// Pointed leaves with a midrib, strewn.
struct Leaves final : Subject {
  struct Leaf {
    double u, v, length, turn;
    Colour colour;
  };
  explicit Leaves(RandomStream& random) {
    const std::uint64_t count = 6 + random.below(7);
    for (std::uint64_t i = 0; i < count; ++i) {
      leaves.push_back({random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(0.3, 0.6),
                        random.uniform(0, 2 * kPi), random_colour(random)});
    }
  }
  Paint at(double u, double v) const override {
    Paint paint{{0, 0, 0}, 0};
    for (const Leaf& leaf : leaves) {
      const double du = u - leaf.u, dv = v - leaf.v;
      const double along = (du * std::cos(leaf.turn) + dv * std::sin(leaf.turn)) / leaf.length;
      const double across = (dv * std::cos(leaf.turn) - du * std::sin(leaf.turn)) / leaf.length;
      if (std::abs(along) > 1) continue;
      const double half_width = 0.32 * (1 - along * along) * (1 - 0.35 * along);
      const double cover = inside((std::abs(across) - half_width) * leaf.length);
      const Colour blade = mix(leaf.colour, shade(leaf.colour, 0.5), inside(std::abs(across) - 0.02, 0.04));
      paint.colour = mix(paint.colour, blade, paint.cover > 0 ? cover : 1);
      paint.cover = std::max(paint.cover, cover);
    }
    return paint;
  }
  std::vector<Leaf> leaves;
};

/// Thin hoops that overlap.
struct Rings final : Subject {
  struct Ring {
    double u, v, radius, width;
    Colour colour;
  };
  explicit Rings(RandomStream& random) {
    const std::uint64_t count = 4 + random.below(6);
    for (std::uint64_t i = 0; i < count; ++i) {
      rings.push_back({random.uniform(-0.8, 0.8), random.uniform(-0.8, 0.8), random.uniform(0.22, 0.55),
                       random.uniform(0.03, 0.07), random_colour(random)});
    }
  }
  Paint at(double u, double v) const override {
    Paint paint{{0, 0, 0}, 0};
    for (const Ring& ring : rings) {
      const double cover = inside(std::abs(std::hypot(u - ring.u, v - ring.v) - ring.radius) - ring.width);
      paint.colour = mix(paint.colour, ring.colour, paint.cover > 0 ? cover : 1);
      paint.cover = std::max(paint.cover, cover);
    }
    return paint;
  }
  std::vector<Ring> rings;
};

/// Soft lumps of several sizes laid over each other.
struct Clouds final : Subject {
  explicit Clouds(RandomStream& random) : colour(random_colour(random)), scale(random.uniform(1.5, 3)), noise(random) {}
  Paint at(double u, double v) const override {
    double value = 0;
    for (int octave = 0; octave < 4; ++octave) {
      const double factor = scale * (1 << octave);
      value += noise.at(u * factor + 3.1 * octave, v * factor) / (2 << octave);
    }
    return {mix(colour, {1, 1, 1}, 0.4), std::clamp((value - 0.4) * 6, 0.0, 1.0)};
  }
  Colour colour;
  double scale;
  ValueNoise noise;
};

}  // namespace

std::unique_ptr<Subject> make_subject(int label, RandomStream& random) {
  switch (label) {
    case 0:
      return std::make_unique<Bubbles>(random);
    case 1:
      return std::make_unique<Bricks>(random);
    case 2:
      return std::make_unique<Petals>(random);
    case 3:
      return std::make_unique<Stripes>(random);
    case 4:
      return std::make_unique<Stars>(random);
    case 5:
      return std::make_unique<Checks>(random);
    case 6:
      return std::make_unique<Ripples>(random);
    case 7:
      return std::make_unique<Leaves>(random);
    case 8:
      return std::make_unique<Rings>(random);
    default:
      return std::make_unique<Clouds>(random);
  }
}

}  // namespace rensa::images
