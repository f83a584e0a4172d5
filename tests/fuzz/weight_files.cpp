// Changes files of weights at random and reads them: whatever is in a file, reading it gives arrays or a FileError, and
// takes no more memory than the file justifies.
//   weight_files SECONDS SEED FILE…          .npz and .safetensors; without SECONDS (0): the files as they are, once
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "core/device/allocator.h"
#include "core/error.h"
#include "core/serializers/npz.h"
#include "core/serializers/safetensors.h"

namespace {

using Bytes = std::string;

constexpr std::size_t kMostPacked = 1040;             ///< bytes that a byte of deflated data may become
constexpr std::size_t kFixed = std::size_t{1} << 20;  ///< bytes that any file may take

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// One to eight changes: bits, bytes of note, copies of other stretches, cuts, and stretches of another file.
void change(Bytes& bytes, const Bytes& other, std::mt19937_64& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % std::max<std::size_t>(1, n)); };
  static const std::vector<Bytes> kOfNote = {Bytes("\xff\xff\xff\xff", 4),
                                             Bytes("\0\0\0\0\0\0\0\x80", 8),
                                             Bytes("\0\0\0\0", 4),
                                             "9999999999",
                                             "-1",
                                             "'<f8'",
                                             "'|O'",
                                             "True",
                                             "(,)",
                                             "\"F64\"",
                                             "[0,0]",
                                             "18446744073709551615"};
  for (std::size_t n = 1 + below(8); n > 0 && !bytes.empty(); --n) {
    const std::size_t at = below(bytes.size());
    switch (below(7)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(random());
        break;
      case 2: {
        const Bytes& word = kOfNote[below(kOfNote.size())];
        bytes.replace(at, std::min(word.size(), bytes.size() - at), word);
        break;
      }
      case 3:
        bytes.insert(at, bytes.substr(below(bytes.size()), below(64)));
        break;
      case 4:
        bytes.erase(at, below(64));
        break;
      case 5:
        bytes.resize(at);
        break;
      default:
        bytes.replace(at, below(64), other.substr(below(other.size()), below(64)));
    }
  }
}

/// Reads everything in a file; returns whether it was taken.
bool read_all(const std::string& path) {
  try {
    if (rensa::has_safetensors_name(path)) {
      const rensa::SafetensorsReader reader(path);
      for (const auto& [name, tensor] : reader.tensors()) (void)reader.array(name);
      return true;
    }
    rensa::NpzReader reader(path);
    for (const std::string& key : reader.keys()) {
      try {
        std::string text;
        if (reader.has(key)) (void)reader.array(key);
        reader(key, text);
      } catch (const rensa::FileError&) {
      }
    }
    return true;
  } catch (const rensa::FileError&) {
    return false;
  }
}

void judge(const std::string& path, std::size_t size, std::size_t& taken) {
  rensa::Allocator& memory = rensa::allocator({});
  memory.reset_peak();
  taken += read_all(path) ? 1 : 0;
  const std::size_t peak = memory.statistics().peak_in_use;
  if (peak > size * kMostPacked + kFixed) {
    throw std::runtime_error("a file of " + std::to_string(size) + " bytes took " + std::to_string(peak) +
                             " bytes of arrays");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: weight_files SECONDS SEED FILE…\n";
    return 2;
  }
  const double seconds = std::stod(argv[1]);
  std::mt19937_64 random(std::stoull(argv[2]));
  const std::vector<std::string> paths(argv + 3, argv + argc);
  std::vector<Bytes> seeds;
  for (const std::string& path : paths) seeds.push_back(read_file(path));
  std::size_t runs = 0, taken = 0;
  std::string last;
  try {
    for (std::size_t i = 0; i < paths.size(); ++i, ++runs) judge(last = paths[i], seeds[i].size(), taken);
    const auto start = std::chrono::steady_clock::now();
    const auto folder = std::filesystem::temp_directory_path() / ("rensa_fuzz_" + std::to_string(random()));
    std::filesystem::create_directories(folder);
    while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {
      const std::size_t i = random() % seeds.size();
      Bytes bytes = seeds[i];
      change(bytes, seeds[random() % seeds.size()], random);
      last = (folder / std::filesystem::path(paths[i]).filename()).string();
      std::ofstream(last, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      judge(last, bytes.size(), taken);
      ++runs;
    }
    std::filesystem::remove_all(folder);
  } catch (const std::exception& error) {  // the file stays, to be looked at
    std::cerr << "weight_files: " << last << ": " << error.what() << '\n';
    return 1;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << runs << " files read, " << taken << " of them taken, " << usage.ru_maxrss / 1024
            << " MiB resident at most\n";
  return 0;
}
