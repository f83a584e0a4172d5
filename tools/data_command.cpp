#include "tools/data_command.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <exception>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include "core/error.h"
#include "tools/options/wrong_usage.h"
#include "trainer/datasets/cifar_files.h"
#include "trainer/datasets/image_source.h"
#include "trainer/datasets/tar_shards.h"
#include "trainer/images/picture_generator.h"

namespace rensa::tools {
namespace {

namespace po = boost::program_options;

constexpr const char* kUsage =
    "usage: rensa data pictures --out DIR [options]\n"
    "       rensa data cifar --in DIR --out DIR [options]\n"
    "       rensa data pack --in DIR --out DIR [options]\n"
    "\n"
    "  pictures   photograph-like JPEG pictures: DIR/train/<class>/*.jpg and\n"
    "             DIR/val/<class>/*.jpg; the same seed gives the same files\n"
    "  cifar      folders of 32 x 32 pictures, train/<class> and test/<class>, as\n"
    "             CIFAR-10's binary files\n"
    "  pack       photographs as tar shards in WebDataset's convention:\n"
    "             OUT/train-000000.tar …\n";

/// Reads a command line; false after printing the help. Throws po::error.
bool parse(int argc, char** argv, const po::options_description& table) {
  po::variables_map given;
  po::store(po::command_line_parser(argc, argv).options(table).positional({}).run(), given);
  if (given.contains("help")) {
    std::cout << table;
    return false;
  }
  po::notify(given);
  return true;
}

int make_pictures(int argc, char** argv) {
  std::string out;
  images::PictureFolderOptions options;
  po::options_description table("usage: rensa data pictures --out DIR [options]\n\nOptions");
  table.add_options()("help,h", "prints this");
  table.add_options()("out", po::value(&out)->required(), "folder to write to; made if it is not there");
  table.add_options()("classes", po::value(&options.classes)->default_value(options.classes),
                      "kinds of pictures, 2 to 10");
  table.add_options()("train-per-class", po::value(&options.train_per_class)->default_value(options.train_per_class),
                      "training pictures of each kind");
  table.add_options()("val-per-class", po::value(&options.val_per_class)->default_value(options.val_per_class),
                      "validation pictures of each kind");
  table.add_options()("seed", po::value(&options.pictures.seed)->default_value(options.pictures.seed),
                      "of the random numbers");
  table.add_options()("min-size", po::value(&options.pictures.min_size)->default_value(options.pictures.min_size),
                      "smallest side, in pixels");
  table.add_options()("max-size", po::value(&options.pictures.max_size)->default_value(options.pictures.max_size),
                      "largest side, in pixels");
  table.add_options()("quality", po::value(&options.quality)->default_value(options.quality),
                      "of the JPEG files, 1 to 100");
  if (!parse(argc, argv, table)) return 0;
  images::write_picture_folder(out, options);
  std::cout << "wrote " << options.classes << " classes of " << options.train_per_class << " training and "
            << options.val_per_class << " validation pictures to " << out << "\n";
  return 0;
}

/// A shard takes an older one's place as soon as it is written: a failure half-way would lose the pictures of the rest.
void refuse_own_shards(const std::string& in, const std::string& out) {
  std::error_code absent;
  if (!std::filesystem::equivalent(in, out, absent)) return;
  for (const std::string part : {"train", "val"}) {
    if (photograph_form(in, part) != PhotographForm::kShards) continue;
    throw FileError(out, ": holds the shards ", part, "-*.tar that are to be packed, and would lose pictures if that ",
                    "fails half-way. Give --out another folder.");
  }
}

int pack_pictures(int argc, char** argv) {
  std::string in, out;
  PackOptions options;
  std::int64_t shard_mib = options.shard_bytes >> 20;
  po::options_description table("usage: rensa data pack --in DIR --out DIR [options]\n\nOptions");
  table.add_options()("help,h", "prints this");
  table.add_options()(
      "in", po::value(&in)->required(),
      "folder with train/<class>/*.jpg, train.txt or train-*.tar, and val the same, as rensa train takes");
  table.add_options()("out", po::value(&out)->required(), "folder to write to; made if it is not there");
  table.add_options()("shard-mib", po::value(&shard_mib)->default_value(shard_mib), "size of an archive");
  table.add_options()("seed", po::value(&options.seed)->default_value(options.seed),
                      "of the order in which the training pictures lie");
  if (!parse(argc, argv, table)) return 0;
  if (shard_mib < 1) throw po::error("shard-mib should be 1 or more");
  options.shard_bytes = shard_mib << 20;
  refuse_own_shards(in, out);
  const auto train = open_photographs(in, "train");
  const auto judged = open_photographs(in, "val", train->class_names());
  const auto shards = pack_tar_shards(*train, out + "/train", options).size();
  options.shuffle = false;
  const auto judged_shards = pack_tar_shards(*judged, out + "/val", options).size();
  std::cout << "wrote " << train->size() << " pictures in " << shards << " shards and " << judged->size() << " in "
            << judged_shards << " to " << out << "\n";
  return 0;
}

int make_cifar(int argc, char** argv) {
  std::string in, out;
  std::uint64_t seed = 0;
  po::options_description table("usage: rensa data cifar --in DIR --out DIR [options]\n\nOptions");
  table.add_options()("help,h", "prints this");
  table.add_options()("in", po::value(&in)->required(),
                      "folder with train/<class>/*.jpg and test/<class>/*.jpg, 32 x 32 pixels");
  table.add_options()("out", po::value(&out)->required(), "folder to write to; made if it is not there");
  table.add_options()("seed", po::value(&seed)->default_value(seed), "of the order of the training pictures");
  if (!parse(argc, argv, table)) return 0;
  const auto train = open_image_folder(in + "/train");
  const auto test = open_image_folder(in + "/test", train->class_names());
  write_cifar10_folder(*train, *test, out, seed);
  std::cout << "wrote " << train->size() << " training and " << test->size() << " test pictures to " << out << "\n";
  return 0;
}

struct Kind {
  std::string_view name;
  int (*run)(int argc, char** argv);
};
constexpr Kind kKinds[] = {{"pictures", make_pictures}, {"cifar", make_cifar}, {"pack", pack_pictures}};

}  // namespace

int data_command(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "";
  if (kind == "--help" || kind == "-h") {
    std::cout << kUsage;
    return 0;
  }
  const auto found =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& each) { return each.name == kind; });
  if (found == std::end(kKinds)) {
    const std::string complaint = kind.empty() ? "what to make is missing" : "there is no \"" + kind + "\"";
    return wrong_usage("data", ValueError(complaint, "\n\n", kUsage));
  }
  try {
    return found->run(argc - 1, argv + 1);
  } catch (const po::error& error) {
    return wrong_usage("data " + kind, ValueError(error.what(), ". See rensa data ", kind, " --help."));
  } catch (const std::exception& error) {
    std::cerr << "rensa data " << kind << ": " << error.what() << "\n";
    return 1;
  }
}

}  // namespace rensa::tools
