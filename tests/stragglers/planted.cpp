// A training run with a planted fault, for tests/slow/stragglers_test.sh: planted FAULT RANK OUT.
//   none    every rank's forward takes 40 ms
//   rank    that of RANK takes 30 % longer
//   loader  RANK's loader takes 120 ms a batch: longer than a step, also one that waits for its gradients
//   link    nothing here: the script slows the link of RANK's host down
#include <cstdlib>
#include <iostream>
#include <string>

#include "comm/compute_threads.h"
#include "comm/job.h"
#include "tests/support/planted_training.h"
#include "trainer/extensions/straggler_report.h"

int main(int argc, char** argv) {
  using namespace rensa;
  if (argc != 4) {
    std::cerr << "usage: planted none|rank|loader|link RANK OUT\n";
    return 2;
  }
  const std::string fault = argv[1], out = argv[3];
  const int culprit = std::atoi(argv[2]);
  return run_job({}, [&](Communicator& comm) {
    set_compute_threads(comm, 1);
    testing::PlantedTimes times{.forward = 40, .sample = 0};
    if (comm.rank() == culprit) {
      if (fault == "rank") times.forward *= 1.3;
      if (fault == "loader") times.sample = 30;  // four samples a batch
    }
    constexpr int kSteps = 90;
    testing::PlantedTraining training(comm, times, out, kSteps, /*units=*/700);  // about 2 MiB of gradients
    training.trainer.extend(
        std::make_unique<StragglerReport>(Trigger{30, Unit::kIteration}, training.buckets(),
                                          [](const std::string& line) { std::cout << line << std::endl; }));
    training.trainer.run();
  });
}
