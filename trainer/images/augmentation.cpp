#include "trainer/images/augmentation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "trainer/images/affine.h"
#include "trainer/images/colour.h"

namespace rensa::images {
namespace {

/// An operation at `strength` in [0, 1], negative for the other direction of those that have two.
struct Operation {
  std::string_view name;
  bool has_direction;
  void (*apply)(Image& image, double strength);
};

constexpr double kMaxSlope = 0.3, kMaxDegrees = 30, kMaxFactor = 0.9;
constexpr double kMaxShift = 150.0 / 331;  // of the side; the paper's 150 pixels of pictures of 331

void shift(Image& image, double right, double down) {
  image = transform(image, translation(std::trunc(right), std::trunc(down)));
}

const std::array<Operation, 14> kOperations{{
    {"Identity", false, [](Image&, double) {}},
    {"ShearX", true, [](Image& image, double s) { image = transform(image, shear_x(s * kMaxSlope)); }},
    {"ShearY", true, [](Image& image, double s) { image = transform(image, shear_y(s * kMaxSlope)); }},
    {"TranslateX", true, [](Image& image, double s) { shift(image, s * kMaxShift * image.width(), 0); }},
    {"TranslateY", true, [](Image& image, double s) { shift(image, 0, s * kMaxShift * image.height()); }},
    {"Rotate", true,
     [](Image& image, double s) {
       image = transform(image, rotation(image.height(), image.width(), s * kMaxDegrees));
     }},
    {"Brightness", true, [](Image& image, double s) { adjust_brightness(image, 1 + s * kMaxFactor); }},
    {"Color", true, [](Image& image, double s) { adjust_saturation(image, 1 + s * kMaxFactor); }},
    {"Contrast", true, [](Image& image, double s) { adjust_contrast(image, 1 + s * kMaxFactor); }},
    {"Sharpness", true, [](Image& image, double s) { adjust_sharpness(image, 1 + s * kMaxFactor); }},
    {"Posterize", false, [](Image& image, double s) { posterize(image, 8 - static_cast<int>(std::nearbyint(s * 4))); }},
    {"Solarize", false, [](Image& image, double s) { solarize(image, 255 * (1 - s)); }},
    {"AutoContrast", false, [](Image& image, double) { auto_contrast(image); }},
    {"Equalize", false, [](Image& image, double) { equalize(image); }},
}};

void colour_jitter(Image& image, const ColourJitterOptions& options, RandomStream& random) {
  const ColourJitter drawn = draw_colour_jitter(options, random);
  for (const int which : drawn.order) {
    if (which == 0 && options.brightness > 0) adjust_brightness(image, drawn.brightness);
    if (which == 1 && options.contrast > 0) adjust_contrast(image, drawn.contrast);
    if (which == 2 && options.saturation > 0) adjust_saturation(image, drawn.saturation);
    if (which == 3 && options.hue > 0) adjust_hue(image, drawn.hue);
  }
}

}  // namespace

ColourJitter draw_colour_jitter(const ColourJitterOptions& options, RandomStream& random) {
  ColourJitter drawn;
  for (std::size_t i = drawn.order.size(); i > 1; --i) std::swap(drawn.order[i - 1], drawn.order[random.below(i)]);
  const auto factor = [&random](double v) { return random.uniform(std::max(0.0, 1 - v), 1 + v); };
  drawn.brightness = factor(options.brightness);
  drawn.contrast = factor(options.contrast);
  drawn.saturation = factor(options.saturation);
  drawn.hue = random.uniform(-options.hue, options.hue);
  return drawn;
}

void rand_augment(Image& image, const RandAugmentOptions& options, RandomStream& random) {
  for (int i = 0; i < options.operations; ++i) {
    const auto number = static_cast<int>(random.below(kOperations.size()));
    const bool negative = random.below(2) == 1;
    apply_rand_augment(image, number, options.magnitude, options.bins, negative);
  }
}

bool Augmentation::any() const { return rand_augment.operations > 0 || colour_jitter.any(); }

void Augmentation::check() const {
  const RandAugmentOptions& r = rand_augment;
  if (r.operations < 0 || r.bins < 2 || r.magnitude < 0 || r.magnitude >= r.bins) {
    throw ValueError("RandAugment: ", r.operations, " operations of strength ", r.magnitude, " among ", r.bins,
                     "; expected 0 operations or more, and a strength of 0 to ", r.bins - 1, ".");
  }
  const ColourJitterOptions& c = colour_jitter;
  for (const double v : {c.brightness, c.contrast, c.saturation}) {
    if (!(v >= 0))
      throw ValueError("colour jitter: ", v, " is negative; brightness, contrast and saturation start at 0.");
  }
  if (!(c.hue >= 0 && c.hue <= 0.5)) throw ValueError("colour jitter: a hue of ", c.hue, ", expected 0 to 0.5 rounds.");
}

void augment(Image& image, const Augmentation& augmentation, RandomStream& random) {
  if (image.empty()) return;
  rand_augment(image, augmentation.rand_augment, random);
  if (augmentation.colour_jitter.any()) colour_jitter(image, augmentation.colour_jitter, random);
}

const std::vector<std::string_view>& rand_augment_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> found;
    for (const Operation& operation : kOperations) found.push_back(operation.name);
    return found;
  }();
  return names;
}

void apply_rand_augment(Image& image, int number, int magnitude, int bins, bool negative) {
  const Operation& operation = kOperations.at(static_cast<std::size_t>(number));
  const double strength = static_cast<double>(magnitude) / (bins - 1);
  operation.apply(image, negative && operation.has_direction ? -strength : strength);
}

}  // namespace rensa::images
