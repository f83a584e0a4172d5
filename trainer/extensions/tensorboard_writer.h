#pragma once

#include <fstream>
#include <string>

#include "trainer/extensions/new_entries.h"

namespace rensa {

/// The entries of a LogReport as scalars over the iterations, in a file of OUT/tensorboard whose name begins with
/// events.out.tfevents and goes on with the time, the host and the process.
///
///   tensorboard --logdir result
///
/// Each run of a program begins a file, as TensorBoard expects of a resumed run.
class TensorboardWriter final : public Extension {
 public:
  explicit TensorboardWriter(std::string log_report = "LogReport");
  std::string name() const override { return "TensorboardWriter"; }
  Trigger default_trigger() const override { return {1, Unit::kEpoch}; }
  int default_priority() const override { return kReader - 1; }
  void initialize(Trainer& trainer) override;
  /// Throws FileError.
  void operator()(Trainer& trainer) override;

 private:
  NewEntries entries_;
  std::string path_;
  std::ofstream file_;
};

/// A record of TensorFlow's TFRecord format around `data`: its length and both checksums.
/// Source: https://www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details".
std::string tf_record(const std::string& data);

}  // namespace rensa
