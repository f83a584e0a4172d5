#pragma once

#include <string>

#include "trainer/datasets/image_source.h"

namespace rensa {

/// Writes pictures of 32 x 32 pixels as CIFAR-10's "binary version": data_batch_1.bin … data_batch_5.bin (in a random
/// order by `seed`, equal parts), test_batch.bin (in the source's order) and batches.meta.txt. Throws FileError that
/// names a picture of another size or one that cannot be read.
void write_cifar10_folder(const ImageSource& train, const ImageSource& test, const std::string& folder,
                          std::uint64_t seed = 0);

}  // namespace rensa
