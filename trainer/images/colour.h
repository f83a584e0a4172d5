#pragma once

#include "trainer/images/image.h"

namespace rensa::images {

// Changes of a picture's colours, in place, with the numbers of Pillow (ImageEnhance, ImageOps) and of torchvision's
// functional transforms on Pillow's pictures: 8 bits in and out, cut off where they cut off and rounded where they
// round. Factors: 1 leaves the picture as it is, 0 gives what is named, above 1 goes the other way.

void adjust_brightness(Image& image, double factor);  ///< 0: black
void adjust_contrast(Image& image, double factor);    ///< 0: the mean grey everywhere
void adjust_saturation(Image& image, double factor);  ///< 0: grey
void adjust_sharpness(Image& image, double factor);   ///< 0: smoothed over 3 x 3 pixels; the rim stays
/// Turns the colour circle by `shift` rounds, in 256 steps. Throws ValueError unless -0.5 <= shift <= 0.5.
void adjust_hue(Image& image, double shift);
std::uint8_t hue_steps(double shift);  ///< how many of 256, going round

void posterize(Image& image, int bits);         ///< keeps the highest `bits` of each value, 0 to 8
void solarize(Image& image, double threshold);  ///< inverts values from the threshold on
void auto_contrast(Image& image);               ///< each channel's smallest value becomes 0, its largest 255
void equalize(Image& image);                    ///< each channel's values are spread evenly over 0 … 255

}  // namespace rensa::images
