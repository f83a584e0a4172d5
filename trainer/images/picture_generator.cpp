#include "trainer/images/picture_generator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numbers>
#include <vector>

#include "core/device/random.h"
#include "core/error.h"
#include "trainer/images/jpeg_writer.h"
#include "trainer/images/picture_recipes.h"

namespace rensa::images {
namespace {

/// Ground or sky behind the subject: two colours blended along a random direction, with soft blotches.
class Background {
 public:
  explicit Background(RandomStream& random)
      : near_(random_colour(random)),
        far_(random_colour(random)),
        angle_(random.uniform(0, 2 * std::numbers::pi)),
        blotch_scale_(random.uniform(2, 6)),
        blotches_(random.uniform(0, 0.35)),
        noise_(random) {}

  Colour at(double u, double v) const {  // in [-1, 1] x [-1, 1]
    const double along = 0.5 + 0.5 * (u * std::cos(angle_) + v * std::sin(angle_));
    const double share =
        std::clamp(along + blotches_ * (noise_.at(u * blotch_scale_, v * blotch_scale_) * 2 - 1), 0.0, 1.0);
    return mix(near_, far_, share);
  }

 private:
  Colour near_, far_;
  double angle_, blotch_scale_, blotches_;
  ValueNoise noise_;
};

/// Light that falls off to one side, and the camera: exposure, blur by averaging neighbours, sensor noise.
void photograph(std::vector<Colour>& pixels, Image& image, RandomStream& random) {
  const int height = image.height(), width = image.width();
  const double angle = random.uniform(0, 2 * std::numbers::pi), fall = random.uniform(0, 0.45);
  const double exposure = random.uniform(0.75, 1.2), grain = random.uniform(0.005, 0.04);
  const int blur = static_cast<int>(random.below(3));
  for (int round = 0; round < blur; ++round) {
    for (std::size_t i = 1; i + 1 < pixels.size(); ++i)
      pixels[i] = mix(pixels[i], mix(pixels[i - 1], pixels[i + 1], 0.5), 0.5);
    const auto row = static_cast<std::size_t>(width);
    for (std::size_t i = row; i + row < pixels.size(); ++i) {
      pixels[i] = mix(pixels[i], mix(pixels[i - row], pixels[i + row], 0.5), 0.5);
    }
  }
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = 2.0 * x / width - 1, v = 2.0 * y / height - 1;
      const double light = exposure * (1 + fall * (u * std::cos(angle) + v * std::sin(angle)));
      const Colour& colour =
          pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)];
      // One draw of grain for the three channels: three would triple the time and look the same after JPEG.
      const double noise = grain * (random.uniform() + random.uniform() - 1) * 2;
      for (std::size_t c = 0; c < 3; ++c) {
        image.at(y, x)[c] = static_cast<std::uint8_t>(std::clamp((colour[c] * light + noise) * 255 + 0.5, 0.0, 255.0));
      }
    }
  }
}

void check(const PictureOptions& options) {
  if (options.min_size < 16 || options.max_size < options.min_size || options.max_size > 4096) {
    throw ValueError("pictures: sizes from ", options.min_size, " to ", options.max_size,
                     "; expected 16 <= min_size <= max_size <= 4096.");
  }
}

}  // namespace

const std::string& picture_class_name(int label) {
  static const std::array<std::string, kPictureClasses> names = {"bubbles", "bricks",  "petals", "stripes", "stars",
                                                                 "checks",  "ripples", "leaves", "rings",   "clouds"};
  if (label < 0 || label >= kPictureClasses) {
    throw ValueError("pictures: class ", label, " is out of range: expected 0 to ", kPictureClasses - 1, ".");
  }
  return names[static_cast<std::size_t>(label)];
}

Image generate_picture(int label, std::uint64_t sample, const PictureOptions& options) {
  check(options);
  picture_class_name(label);  // refuses labels out of range
  RandomStream random(options.seed, Purpose::kSynthetic, static_cast<std::uint64_t>(label), sample);
  const auto side = [&] {
    return options.min_size +
           static_cast<int>(random.below(static_cast<std::uint64_t>(options.max_size - options.min_size) + 1));
  };
  const int height = side(), width = side();
  const Background background(random);
  const std::unique_ptr<Subject> subject = make_subject(label, random);
  const double centre_u = random.uniform(-0.25, 0.25), centre_v = random.uniform(-0.25, 0.25);
  const double turn = random.uniform(-0.6, 0.6), zoom = random.uniform(0.8, 1.35);
  const double shorter = std::min(height, width);
  std::vector<Colour> pixels;
  pixels.reserve(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = (2.0 * x - width) / shorter, v = (2.0 * y - height) / shorter;
      const double du = (u - centre_u) * zoom, dv = (v - centre_v) * zoom;
      const Paint paint =
          subject->at(du * std::cos(turn) - dv * std::sin(turn), du * std::sin(turn) + dv * std::cos(turn));
      pixels.push_back(mix(background.at(u * 0.7, v * 0.7), paint.colour, paint.cover));
    }
  }
  Image image(height, width);
  photograph(pixels, image, random);
  return image;
}

void write_picture_folder(const std::string& folder, const PictureFolderOptions& options) {
  if (options.classes < 2 || options.classes > kPictureClasses) {
    throw ValueError("pictures: ", options.classes, " classes; expected 2 to ", kPictureClasses, ".");
  }
  if (options.train_per_class < 1 || options.val_per_class < 1) {
    throw ValueError("pictures: ", options.train_per_class, " training and ", options.val_per_class,
                     " validation pictures a class; expected at least 1 of each.");
  }
  check(options.pictures);
  constexpr std::uint64_t kValidation = std::uint64_t{1} << 32;  // other numbers, so other pictures
  namespace fs = std::filesystem;
  for (int label = 0; label < options.classes; ++label) {
    for (const bool train : {true, false}) {
      const fs::path place = fs::path(folder) / (train ? "train" : "val") / picture_class_name(label);
      std::error_code failure;
      fs::create_directories(place, failure);
      if (failure) throw FileError(place.string(), ": cannot be made: ", failure.message(), ".");
      const int count = train ? options.train_per_class : options.val_per_class;
      for (int i = 0; i < count; ++i) {
        std::array<char, 24> name{};
        std::snprintf(name.data(), name.size(), "%04d.jpg", i);
        const std::uint64_t sample = static_cast<std::uint64_t>(i) + (train ? 0 : kValidation);
        write_jpeg((place / name.data()).string(), generate_picture(label, sample, options.pictures), options.quality);
      }
    }
  }
}

}  // namespace rensa::images
