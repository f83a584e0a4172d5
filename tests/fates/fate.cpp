// A rank that meets its fate: a job that makes collective calls until one of its ranks fails in a given way.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "comm/job.h"
#include "comm/launcher.h"
#include "core/array/array.h"

namespace {

using namespace rensa;

constexpr const char* kUsage =
    "usage: fate OUT COMMUNICATOR TIMEOUT_S FATE RANK STEP CALL WHEN\n\n"
    "Every rank writes its process number to OUT/pid.RANK and makes the same calls, step after step. At call CALL of "
    "step\n"
    "STEP, rank RANK writes OUT/struck and meets FATE: exception, abort, segv, kill, stop, wrong_shape, wrong_dtype, "
    "skip,\n"
    "caught and returns (a main without run_job that catches an exception and returns 1, or returns 0 too early),\n"
    "unmade (its communicator cannot be made, once MPI has started; STEP, CALL and WHEN say nothing),\n"
    "or none (somebody else cuts a link). WHEN is `before` the call or, for what strikes by a signal, `inside` of it. "
    "Ends\n"
    "with status 0 after some 40 s if nothing ends it before.\n";

struct Fate {
  std::string out, communicator, fate;
  double timeout_s = 5;
  int rank = 0, step = 0, call = 0;
  bool inside = false;
};

constexpr int kSteps = 2000;  ///< of 20 ms at least: longer than it takes to cut a link and to notice
constexpr std::int64_t kLarge = std::int64_t{2} << 20;  ///< elements: a call long enough to be struck inside

/// What a call is made with: alike on all ranks but one.
struct Arguments {
  std::int64_t count;
  Dtype dtype;
  int root;
};

using Call = std::function<void(Communicator&, const Arguments&)>;

const std::vector<Call>& calls() {
  static const std::vector<Call> all = {
      [](Communicator& c, const Arguments& a) { c.all_reduce(full({a.count}, 1, a.dtype)); },
      [](Communicator& c, const Arguments& a) { c.broadcast(full({a.count}, 1, a.dtype), a.root); },
      [](Communicator& c, const Arguments& a) { c.reduce(full({a.count}, 1, a.dtype), a.root); },
      [](Communicator& c, const Arguments& a) {
        c.reduce_scatter(full({c.size(), a.count}, 1, a.dtype), empty({a.count}, a.dtype));
      },
      [](Communicator& c, const Arguments& a) {
        c.all_gather(full({a.count}, 1, a.dtype), empty({c.size(), a.count}, a.dtype));
      },
      [](Communicator& c, const Arguments& a) {
        c.gather(full({a.count}, 1, a.dtype), c.rank() == a.root ? empty({c.size(), a.count}, a.dtype) : Array(),
                 a.root);
      },
      [](Communicator& c, const Arguments& a) {
        c.scatter(c.rank() == a.root ? full({c.size(), a.count}, 1, a.dtype) : Array(), empty({a.count}, a.dtype),
                  a.root);
      },
      [](Communicator& c, const Arguments& a) {
        c.all_to_all(full({c.size(), a.count}, 1, a.dtype), empty({c.size(), a.count}, a.dtype));
      },
      [](Communicator& c, const Arguments&) { c.barrier(); },
      [](Communicator& c, const Arguments& a) { c.broadcast_bytes(c.rank() == a.root ? "bytes" : "", a.root); },
  };
  return all;
}

void strike(const std::string& fate) {
  if (fate == "exception" || fate == "caught") throw std::runtime_error("this rank met its fate");
  if (fate == "abort") std::abort();
  if (fate == "kill") raise(SIGKILL);
  if (fate == "stop") kill(getpid(), SIGSTOP);
  if (fate == "segv") {
    volatile int* const nowhere = nullptr;
    *nowhere = 1;
  }
}

void run(const Fate& fate, Communicator& comm) {
  std::ofstream(fate.out + "/pid." + std::to_string(comm.rank())) << getpid() << '\n';
  for (int step = 0; step < kSteps; ++step) {
    for (int i = 0; i < static_cast<int>(calls().size()); ++i) {
      const bool is_the_call = step == fate.step && i == fate.call;
      Arguments arguments{
          .count = 100 + 10 * i + 400 * (step % 3), .dtype = Dtype::kFloat32, .root = (step + i) % comm.size()};
      if (is_the_call && fate.inside) arguments.count = kLarge;
      std::thread striker;
      if (is_the_call && comm.rank() == fate.rank) {
        std::ofstream(fate.out + "/struck") << step << '\n';
        if (fate.fate == "wrong_shape") ++arguments.count;
        if (fate.fate == "wrong_dtype") arguments.dtype = step % 2 ? Dtype::kInt32 : Dtype::kFloat64;
        if (fate.fate == "skip") continue;
        if (fate.fate == "returns") return;
        if (!fate.inside) strike(fate.fate);
        if (fate.inside) {
          striker = std::thread([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(3));
            strike(fate.fate);
          });
        }
      }
      calls()[static_cast<std::size_t>(i)](comm, arguments);
      if (striker.joinable()) striker.join();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

int without_run_job(const Fate& fate) try {
  const auto comm = create_communicator(fate.communicator, {.timeout_s = fate.timeout_s});
  run(fate, *comm);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "fate: " << error.what() << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kArguments = 9;
  if (argc != kArguments) {
    std::cerr << kUsage;
    return 2;
  }
  const Fate fate{.out = argv[1],
                  .communicator = argv[2],
                  .fate = argv[4],
                  .timeout_s = std::stod(argv[3]),
                  .rank = std::stoi(argv[5]),
                  .step = std::stoi(argv[6]),
                  .call = std::stoi(argv[7]),
                  .inside = std::string(argv[8]) == "inside"};
  if (fate.fate == "caught" || fate.fate == "returns") return without_run_job(fate);
  CommunicatorOptions options{.name = fate.communicator, .timeout_s = fate.timeout_s};
  if (fate.fate == "unmade" && detect_launcher().rank == fate.rank) options.allreduce_grad_dtype = "unmade";
  return run_job(options, [&](Communicator& comm) { run(fate, comm); });
}
