#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "trainer/datasets/byte_cache.h"

namespace rensa {

/// Encoded pictures with their classes, by number, wherever they lie. read() is called by several threads at once.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual std::int64_t size() const = 0;                     ///< how many pictures there are
  virtual std::string name(std::int64_t index) const = 0;    ///< for messages: a path, or an archive and its member
  virtual std::int32_t label(std::int64_t index) const = 0;  ///< the class of a picture, a place in class_names()
  /// The file's bytes. Throws images::ImageError if they cannot be read.
  virtual std::vector<std::uint8_t> read(std::int64_t index) const = 0;
  /// Names of the classes, in the order of their numbers.
  virtual const std::vector<std::string>& class_names() const = 0;
};

/// A folder `ROOT/<class>` for each class, with .jpg (or .jpeg, in capitals too) files at any depth: ImageNet's layout.
/// Classes are numbered in the order of their names, pictures in the order of their paths. `class_names`: of a
/// validation folder the training folder's classes, so that the numbers agree; empty: the folder's own. Throws
/// FileError if the folder is missing, has no class folders, a class has no pictures, or one is not in `class_names`.
std::unique_ptr<ImageSource> open_image_folder(const std::string& root,
                                               const std::vector<std::string>& class_names = {});

/// The largest class number that a file may give: classes without names are called "0", "1" … up to the largest one,
/// and a number that was never meant as a class would fill the memory with them.
inline constexpr std::int32_t kLargestLabel = 10'000'000;

/// A text file with a line "path label" for each picture, as Chainer's LabeledImageDataset reads: paths are relative to
/// `root` ("": the folder of the list) and may hold spaces, labels count from 0. `class_names`: the names; empty: the
/// numbers. Throws FileError that names the line if it is not one, or a label is out of range.
std::unique_ptr<ImageSource> open_image_list(const std::string& list, const std::string& root = "",
                                             const std::vector<std::string>& class_names = {});

/// Tar files in WebDataset's convention: `<key>.jpg` (or .jpeg) and `<key>.cls`, a class number in text, for each
/// sample; the key ends at the first dot, so that `<key>.mask.jpg` is no picture of it. The archives are listed once,
/// their headers alone, and stay open; a picture is then read where it lies. Sorted by the archives' paths, then as
/// they lie. `class_names`: empty: the lines of classes.txt beside the first archive if there is one, else the numbers.
/// Throws FileError for what is not an archive, a picture without a class, a class out of range or a symbolic link.
std::unique_ptr<ImageSource> open_tar_shards(std::vector<std::string> archives,
                                             const std::vector<std::string>& class_names = {});

/// The forms in which a folder has the photographs of a part of a data set, "train" or "val": the list `<part>.txt`
/// with paths relative to the folder, the folders `<part>/<class>`, or the shards `<part>-*.tar`.
enum class PhotographForm { kNone, kList, kFolders, kShards };
/// The form that is there. A list comes first: it was written on purpose, and the pictures that it names often lie in a
/// folder of the part's name.
PhotographForm photograph_form(const std::string& data, const std::string& part);

/// The pictures of a part, in whichever form the folder `data` has them. Throws FileError if there is none of them, and
/// what the three above throw.
std::unique_ptr<ImageSource> open_photographs(const std::string& data, const std::string& part,
                                              const std::vector<std::string>& class_names = {});

/// Keeps the files of pictures that were read in `cache`, made for source->size() numbers.
std::unique_ptr<ImageSource> keep_in_memory(std::unique_ptr<ImageSource> source, std::shared_ptr<ByteCache> cache);
/// The same in this process's memory, up to `bytes` of it.
std::unique_ptr<ImageSource> keep_in_memory(std::unique_ptr<ImageSource> source, std::int64_t bytes);

/// Throws FileError unless the label of picture `what` is a number of one of `classes` classes.
void check_label(const std::string& what, std::int64_t label, std::size_t classes);

/// The lines of a text file of class names. Throws FileError if it cannot be read or is empty.
std::vector<std::string> read_class_names(const std::string& path);

/// "0", "1", … for labels up to `largest`.
std::vector<std::string> numbers_as_names(std::int32_t largest);

}  // namespace rensa
