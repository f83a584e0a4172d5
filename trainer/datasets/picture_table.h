#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rensa {

/// Small pictures of one size with their classes, all in memory: what the readers of Fashion-MNIST and CIFAR give.
struct PictureTable {
  int height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> pixels;      ///< (count, height, width, channels)
  std::vector<std::int32_t> labels;      ///< (count)
  std::vector<std::string> class_names;  ///< its size is the number of classes

  std::int64_t count() const { return static_cast<std::int64_t>(labels.size()); }  ///< how many pictures there are
};

/// Which half of a data set that comes in two.
enum class Split { kTrain, kTest };

/// An IDX pair of grey pictures and labels. Throws FileError if either is bad or their counts differ. With
/// `class_names` empty the classes are called "0", "1" … up to the largest label; otherwise a label beyond them is
/// refused.
PictureTable read_idx_pair(const std::string& images_path, const std::string& labels_path,
                           std::vector<std::string> class_names = {});

/// The train or test ("t10k") pair of a folder with MNIST's file names, each with or without .gz:
/// train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte.
PictureTable read_idx_folder(const std::string& folder, Split split, std::vector<std::string> class_names = {});

/// The ten kinds of clothes, in the order of Fashion-MNIST's labels.
const std::vector<std::string>& fashion_mnist_class_names();
/// The ten letters, in the order of Kuzushiji-MNIST's labels; its files have MNIST's names.
const std::vector<std::string>& kuzushiji_mnist_class_names();

/// One file of CIFAR-10's "binary version": records of 1 label byte, then 1,024 red, green and blue bytes each.
PictureTable read_cifar10_file(const std::string& path);

/// data_batch_1.bin … data_batch_5.bin (those that are there, at least one), or test_batch.bin. The classes are the 1
/// to 10 lines of batches.meta.txt if it is there, else CIFAR-10's own; a label beyond them is refused.
PictureTable read_cifar10_folder(const std::string& folder, Split split);

/// Which of the two labels of CIFAR-100's pictures: one of 100 classes, or one of their 20 groups.
enum class Cifar100Labels { kFine, kCoarse };

/// train.bin or test.bin of CIFAR-100's "binary version" (cifar-100-binary): records of a coarse and a fine label byte,
/// then the pixels as CIFAR-10's. The classes are the lines of fine_label_names.txt or coarse_label_names.txt if it is
/// there, else "0", "1" …; a label of 100 or 20 and more is refused. Throws FileError.
PictureTable read_cifar100_folder(const std::string& folder, Split split,
                                  Cifar100Labels labels = Cifar100Labels::kFine);

}  // namespace rensa
