#include "trainer/extensions/tensorboard_writer.h"

#include <unistd.h>

#include <boost/crc.hpp>
#include <chrono>
#include <filesystem>

#include "comm/host_name.h"
#include "core/error.h"
#include "trainer/extensions/tensorboard_event.pb.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// CRC-32C, turned and shifted: a checksum that may itself stand inside checked data.
std::uint32_t masked_checksum(const std::string& bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  const std::uint32_t value = crc.checksum();
  return ((value >> 15) | (value << 17)) + 0xA282EAD8U;
}

template <class Number>
std::string little_endian(Number value) {
  std::string bytes(sizeof value, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(value & 0xFF);
    value = static_cast<Number>(value >> 8);
  }
  return bytes;
}

}  // namespace

std::string tf_record(const std::string& data) {
  const std::string length = little_endian(static_cast<std::uint64_t>(data.size()));
  return length + little_endian(masked_checksum(length)) + data + little_endian(masked_checksum(data));
}

TensorboardWriter::TensorboardWriter(std::string log_report) : entries_(std::move(log_report)) {}

void TensorboardWriter::initialize(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  entries_.skip_present(trainer);
  const std::string folder = trainer.out() + "/tensorboard";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw FileError(folder, ": the folder cannot be made: ", error.message(), ".");
  const double now = seconds_since_1970();
  path_ =
      detail::join(folder, "/events.out.tfevents.", static_cast<std::int64_t>(now), ".", host_name(), ".", getpid());
  file_.open(path_, std::ios::binary);
  tensorboard::Event first;
  first.set_wall_time(now);
  first.set_file_version("brain.Event:2");
  file_ << tf_record(first.SerializeAsString());
}

void TensorboardWriter::operator()(Trainer& trainer) {
  if (trainer.comm().rank() != 0) return;
  entries_.for_each(trainer, [&](const LogReport::Entry& entry) {
    tensorboard::Event event;
    event.set_wall_time(seconds_since_1970());
    event.set_step(static_cast<std::int64_t>(entry.at("iteration")));
    for (const auto& [name, value] : entry) {
      if (name == "iteration") continue;
      tensorboard::Value& scalar = *event.mutable_summary()->add_value();
      scalar.set_tag(name);
      scalar.set_simple_value(static_cast<float>(value));
    }
    file_ << tf_record(event.SerializeAsString());
  });
  file_.flush();
  if (!file_) throw FileError(path_, ": cannot be written. Is the disk full?");
}

}  // namespace rensa
