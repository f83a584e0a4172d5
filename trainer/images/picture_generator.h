#pragma once

#include <cstdint>
#include <string>

#include "trainer/images/image.h"

namespace rensa::images {

/// Kinds of pictures the generator can draw; class k of a data set is drawn by recipe k.
inline constexpr int kPictureClasses = 10;

/// The recipe's name, which becomes the class folder's: "bubbles", "bricks" …
const std::string& picture_class_name(int label);

/// Options of generate_picture().
struct PictureOptions {
  std::uint64_t seed = 0;
  int min_size = 96, max_size = 200;  ///< of each side
};

/// A photograph-like picture: an object or texture of the class before a random background, under light from a random
/// side, blurred and noisy as a cheap camera's. Size, colours, place, scale and turn vary freely inside a class; what
/// makes the class is its shape or texture. `sample` numbers the pictures of a class: the same numbers give the same
/// pixels. Throws ValueError for a label or size out of range.
Image generate_picture(int label, std::uint64_t sample, const PictureOptions& options);

/// Options of write_picture_folder().
struct PictureFolderOptions {
  int classes = 5;
  int train_per_class = 120, val_per_class = 30;
  PictureOptions pictures = {};
  int quality = 88;  ///< of the JPEG files
};

/// Writes `FOLDER/train/<class>/0000.jpg` … and `FOLDER/val/<class>/0000.jpg` …; no picture is in both. Existing files
/// of these names are overwritten. Throws ValueError for options out of range, FileError if a file cannot be written.
void write_picture_folder(const std::string& folder, const PictureFolderOptions& options);

}  // namespace rensa::images
