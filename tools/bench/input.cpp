#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tools/bench/samples.h"
#include "tools/bench_command.h"
#include "tools/json_line.h"
#include "tools/options/option_table.h"
#include "trainer/images/file_kind.h"
#include "trainer/images/view.h"

namespace rensa::tools {
namespace {

namespace fs = std::filesystem;

struct InputOptions {
  std::string data;
  int size = 224, resize = 256, repeats = 5;
  std::int64_t limit = 0;
  std::uint64_t seed = 0;
  bool json = false;
};

struct Picture {
  std::string name;
  std::vector<std::uint8_t> bytes;
};

std::vector<Picture> read_pictures(const InputOptions& o) {
  if (!fs::is_directory(o.data)) throw FileError(o.data, ": there is no such folder (key data).");
  std::vector<std::string> paths = images::list_jpegs(o.data);
  if (o.limit > 0 && static_cast<std::int64_t>(paths.size()) > o.limit) paths.resize(static_cast<std::size_t>(o.limit));
  if (paths.empty()) throw FileError(o.data, ": has no JPEG pictures in it.");
  std::vector<Picture> pictures;
  for (const std::string& path : paths) pictures.push_back({path, images::read_image_file(path)});
  return pictures;
}

images::View training_view(const images::JpegReader& reader, const InputOptions& o, std::uint64_t sample) {
  RandomStream random(o.seed, Purpose::kAugment, /*step=*/0, sample);
  return images::random_resized_crop(reader.height(), reader.width(), {.size = o.size}, random);
}

}  // namespace

int bench_input(int argc, char** argv) {
  InputOptions o;
  OptionTable table(
      "usage: rensa bench input --data FOLDER [--key value …]\n\n"
      "JPEG files in memory to normalized samples, one thread: random-resized crop and\n"
      "flip (train), resize and centre crop (validation), and the decoder alone on what\n"
      "the training crops need (decode: the floor of train).");
  table.add("data", o.data, "folder with JPEG files, at any depth");
  table.add("size", o.size, "side of a sample, in pixels", {.min = 1, .max = 4096});
  table.add("resize", o.resize, "validation: shorter side before the centre crop", {.min = 1, .max = 4096});
  table.add("limit", o.limit, "pictures; 0: all", {.min = 0});
  table.add("repeats", o.repeats, "passes over the pictures", {.min = 1});
  table.add("seed", o.seed, "of the crops");
  table.add("json", o.json, "prints a line of JSON each");
  if (!table.parse(argc, argv, std::cout)) return 0;
  const std::vector<Picture> pictures = read_pictures(o);
  std::vector<float> sample(static_cast<std::size_t>(o.size) * static_cast<std::size_t>(o.size) * 3);
  struct Work {
    const char* name;
    std::function<void(images::JpegReader& reader, std::size_t picture)> run;
    Samples seconds = {};
  };
  std::vector<Work> works = {
      {"train",
       [&](images::JpegReader& reader, std::size_t i) {
         images::render(reader, training_view(reader, o, i), images::kImageNetNormalization, sample.data());
       }},
      {"validation",
       [&](images::JpegReader& reader, std::size_t) {
         const auto view = images::centre_crop(reader.height(), reader.width(), std::max(o.resize, o.size), o.size);
         images::render(reader, view, images::kImageNetNormalization, sample.data());
       }},
      {"decode", [&](images::JpegReader& reader, std::size_t i) {
         const images::View view = training_view(reader, o, i);
         reader.decode_region(view.reach, images::decoding_denominator(view));
       }}};
  // Picture by picture in turns, and each work first as often as the others: what disturbs the machine, or finds a
  // picture in the caches, does so for all of them alike.
  for (int pass = -1; pass < o.repeats; ++pass) {  // the first one is to warm up
    std::vector<double> taken(works.size());
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      for (std::size_t turn = 0; turn < works.size(); ++turn) {
        const std::size_t w = (i + turn) % works.size();
        taken[w] += seconds_of([&] {
          images::JpegReader reader(pictures[i].bytes, pictures[i].name);
          works[w].run(reader, i);
        });
      }
    }
    for (std::size_t w = 0; w < works.size() && pass >= 0; ++w) works[w].seconds.values.push_back(taken[w]);
  }
  const auto rate = [&](double taken) { return static_cast<double>(pictures.size()) / taken; };
  for (const Work& work : works) {
    const double median = rate(work.seconds.median()), least = rate(work.seconds.largest()),
                 most = rate(work.seconds.smallest());
    if (o.json) {
      print_json_line({{"work", work.name}, {"images_per_second", median}, {"min", least}, {"max", most}});
    } else {
      std::cout << work.name << ": " << median << " images/s (" << least << " to " << most << ")\n";
    }
  }
  return 0;
}

}  // namespace rensa::tools
