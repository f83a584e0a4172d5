// saver save FILE NUMBER: replaces a file by one with 10,000 elements of that number. saver check FILE: prints the
// number of a whole file. tests/slow/killed_saves_test.sh kills the first at every system call that it makes.
#include <cstdlib>
#include <iostream>
#include <string>

#include "core/error.h"
#include "core/serializers/npz.h"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  try {
    if (std::string(argv[1]) == "save") {
      rensa::NpzWriter writer;
      rensa::Array values = rensa::full({10000}, std::atof(argv[3]));
      writer("values", values);
      writer.save(argv[2]);
      return 0;
    }
    const rensa::NpzReader reader(argv[2]);
    const std::vector<float> values = rensa::to_vector<float>(reader.array("values"));
    for (const float value : values) {
      if (value != values.front()) throw rensa::FileError(argv[2], ": holds different numbers.");
    }
    std::cout << values.front() << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
