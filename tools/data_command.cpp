#include "tools/data_command.h"

#include <boost/program_options.hpp>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include "trainer/images/picture_generator.h"

namespace rensa::tools {
namespace {

namespace po = boost::program_options;

constexpr const char* kUsage =
    "usage: rensa data pictures --out DIR [options]\n"
    "\n"
    "  pictures   a folder of photograph-like JPEG pictures: DIR/train/<class>/*.jpg and\n"
    "             DIR/val/<class>/*.jpg; the same seed gives the same files\n";

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
  try {
    po::variables_map given;
    po::store(po::command_line_parser(argc, argv).options(table).positional({}).run(), given);
    if (given.contains("help")) {
      std::cout << table;
      return 0;
    }
    po::notify(given);
  } catch (const po::error& error) {
    std::cerr << "rensa data pictures: " << error.what() << ". See rensa data pictures --help.\n";
    return 2;
  }
  images::write_picture_folder(out, options);
  std::cout << "wrote " << options.classes << " classes of " << options.train_per_class << " training and "
            << options.val_per_class << " validation pictures to " << out << "\n";
  return 0;
}

}  // namespace

int data_command(int argc, char** argv) {
  const std::string_view kind = argc > 1 ? argv[1] : "";
  if (kind == "--help" || kind == "-h") {
    std::cout << kUsage;
    return 0;
  }
  if (kind != "pictures") {
    if (!kind.empty()) std::cerr << "rensa data: there is no \"" << kind << "\".\n";
    std::cerr << kUsage;
    return 2;
  }
  try {
    return make_pictures(argc - 1, argv + 1);
  } catch (const std::exception& error) {
    std::cerr << "rensa data pictures: " << error.what() << "\n";
    return 1;
  }
}

}  // namespace rensa::tools
