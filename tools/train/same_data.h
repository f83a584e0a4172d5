#pragma once

#include <cstdint>
#include <string>

#include "comm/communicators/communicator.h"
#include "trainer/datasets/image_source.h"
#include "trainer/datasets/picture_table.h"

namespace rensa::tools {

/// What a rank has of a data set: how many pictures, and a number that follows from what they are.
struct DataSummary {
  std::int64_t pictures = 0;
  std::uint64_t hash = 0;
};
/// By the pictures' names below the folder `data` (of files elsewhere their own names), their order and their classes;
/// no picture is read.
DataSummary summary_of(const ImageSource& source, const std::string& data);
/// By the pictures' pixels, their order and their classes.
DataSummary summary_of(const PictureTable& table);

/// Ranks share pictures out by number, so that number n must be the same picture for all of them. `what` is for the
/// message: "training". A call on all ranks together. Throws FileError on all of them if one has other pictures than
/// rank 0.
void check_same_data(const DataSummary& mine, const std::string& what, const std::string& data, Communicator& comm);

}  // namespace rensa::tools
