#include "tools/options/wrong_usage.h"

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include "comm/launcher.h"

namespace rensa::tools {
namespace {

constexpr int kStatusWrongUsage = 2;

}  // namespace

void wait_for_the_speaking_rank() { std::this_thread::sleep_for(std::chrono::seconds(2)); }

int wrong_usage(std::string_view command, const std::exception& error) {
  const Launcher launcher = detect_launcher();
  std::string line = "rensa" + (command.empty() ? "" : " " + std::string(command)) + ": ";
  if (launcher.rank != 0) {
    wait_for_the_speaking_rank();
    line += "rank " + std::to_string(launcher.rank) + ": ";
  }
  std::cerr << line + error.what() + "\n";
  return kStatusWrongUsage;
}

}  // namespace rensa::tools
