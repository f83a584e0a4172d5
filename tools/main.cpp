// The command `rensa`: finds the subcommand and hands it the rest of the line.
#include <algorithm>
#include <array>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>

#include "core/error.h"
#include "tools/bench_command.h"
#include "tools/data_command.h"
#include "tools/doctor_command.h"
#include "tools/evaluate_command.h"
#include "tools/export_command.h"
#include "tools/inspect_command.h"
#include "tools/options/wrong_usage.h"
#include "tools/predict_command.h"
#include "tools/train_command.h"

namespace {

struct Command {
  std::string_view name;
  std::string_view purpose;
  int (*run)(int argc, char** argv);  ///< argv[0] is the name; returns 0, 1 (failed) or 2 (wrong usage)
};

constexpr std::array kCommands = {
    Command{"train", "trains a network, alone or under mpirun", rensa::tools::train_command},
    Command{"evaluate", "judges a trained network", rensa::tools::evaluate_command},
    Command{"predict", "asks a trained network about pictures", rensa::tools::predict_command},
    Command{"export", "weights from one file format to another", rensa::tools::export_command},
    Command{"bench", "measures speed and overhead", rensa::tools::bench_command},
    Command{"data", "makes data sets", rensa::tools::data_command},
    Command{"inspect", "shows what is in a network or a snapshot", rensa::tools::inspect_command},
    Command{"doctor", "examines a job and its hosts, and says what to mend", rensa::tools::doctor_command},
};

void print_usage(std::ostream& out) {
  out << "usage: rensa COMMAND …, rensa COMMAND --help, rensa --version\n\n";
  for (const Command& command : kCommands) {
    out << "  " << command.name << std::string(10 - command.name.size(), ' ') << command.purpose << '\n';
  }
}

int run(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--version") {
    std::cout << "rensa " << RENSA_VERSION << '\n';
    return 0;
  }
  if (name == "--help" || name == "-h") {
    print_usage(std::cout);
    return 0;
  }
  const auto command =
      std::find_if(kCommands.begin(), kCommands.end(), [&](const Command& c) { return c.name == name; });
  if (command == kCommands.end()) {
    std::ostringstream complaint;
    if (name.empty()) {
      complaint << "a command is missing\n\n";
    } else {
      complaint << "there is no command \"" << name << "\"\n\n";
    }
    print_usage(complaint);
    return rensa::tools::wrong_usage("", rensa::ValueError(complaint.str()));
  }
  return command->run(argc - 1, argv + 1);
}

/// A full disk may show itself only when the last of what was printed is written.
int with_output_written(int status) {
  if (std::cout.flush()) return status;
  std::cerr << "rensa: standard output could not be written to its end. Is the disk full?\n";
  return status == 0 ? 1 : status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return with_output_written(run(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "rensa: " << error.what() << '\n';
    return 1;
  }
}
