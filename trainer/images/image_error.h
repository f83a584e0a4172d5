#pragma once

#include <string>

#include "core/error.h"

namespace rensa::images {

/// A picture that cannot be read. Datasets catch it to leave the picture out; everything else ends the run.
class ImageError : public Error {
 public:
  ImageError(std::string file, std::string reason)
      : Error(file + ": " + reason), file_(std::move(file)), reason_(std::move(reason)) {}

  const std::string& file() const { return file_; }      ///< the file's name, without the reason
  const std::string& reason() const { return reason_; }  ///< the reason, without the file's name

 private:
  std::string file_, reason_;
};

}  // namespace rensa::images
