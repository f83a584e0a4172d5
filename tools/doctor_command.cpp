#include "tools/doctor_command.h"

#include <iostream>

#include "comm/launcher.h"
#include "comm/roll_call.h"
#include "core/error.h"
#include "tools/doctor/answer_limit.h"
#include "tools/doctor/check.h"
#include "tools/doctor/report.h"
#include "tools/options/option_table.h"
#include "tools/options/wrong_usage.h"

namespace rensa::tools {
namespace {

using doctor::Facts;
using doctor::RankFacts;

struct DoctorOptions {
  doctor::CheckOptions checks;
  double timeout_s = 20;
  bool json = false;
};

constexpr std::size_t kTrafficBytes = 4 << 20;

int report(const Facts& facts, const std::vector<doctor::CheckResult>& results, const DoctorOptions& o, bool speaks) {
  if (speaks) (o.json ? doctor::write_json : doctor::write_text)(std::cout, facts, results);
  return static_cast<int>(worst(results));
}

/// Adds what MPI and the other ranks tell, and gathers the facts of all.
Facts ask_all_ranks(const RollCall& call, RankFacts mine, doctor::AnswerLimit& limit) {
  const MpiFacts mpi = call.mpi();
  mine.rank = call.rank();
  mine.mpi_size = call.size();
  mine.mpi_library = mine.versions["MPI"] = mpi.library;
  mine.thread_level = mpi.thread_level;
  mine.has_all_threads = mpi.has_all_threads;
  mine.cuda_aware = mpi.cuda_aware;
  limit.waits_for("the other ranks to answer");
  call.all_gather("");  // all are here: the traffic counted below is the ranks' own
  auto before = doctor::sent_bytes_of_interfaces();
  call.pass_around(kTrafficBytes);
  auto after = doctor::sent_bytes_of_interfaces();
  for (doctor::InterfaceFacts& each : mine.interfaces) each.sent_bytes = after[each.name] - before[each.name];
  const RollCall::ClockReading clock = call.compare_clocks();
  mine.clock_ahead_s = clock.ahead_s;
  mine.clock_uncertainty_s = clock.uncertainty_s;
  Facts facts;
  for (const std::string& text : call.all_gather(to_text(mine))) facts.push_back(doctor::facts_from_text(text));
  return facts;
}

int examine(const DoctorOptions& o) {
  const RankFacts mine = doctor::collect_local_facts();
  // Settings that keep MPI from coming up are found before it is started, by each host for itself.
  const std::vector<doctor::CheckResult> early = {check_interfaces({mine}, o.checks)};
  if (worst(early) == doctor::Severity::kError) {
    const bool speaks = detect_launcher().local_rank == 0;
    if (!speaks) wait_for_the_speaking_rank();
    return report({mine}, early, o, speaks);
  }

  doctor::AnswerLimit limit(o.timeout_s, mine);
  const RollCall call;
  const Facts facts = ask_all_ranks(call, mine, limit);
  // A launcher of another MPI makes every process a rank 0 of its own: one of them speaks.
  const bool speaks = call.rank() == 0 && (call.size() > 1 || mine.launcher_rank == 0);
  const int status = report(facts, doctor::run_checks(facts, o.checks), o, speaks);
  limit.waits_for("the other ranks to end");
  call.all_gather("");  // a rank that ends with a status may end the job: not before the report is out
  return status;
}

}  // namespace

int doctor_command(int argc, char** argv) {
  DoctorOptions o;
  OptionTable table(
      "usage: rensa doctor [--key value …]\n       mpirun -n 8 rensa doctor [--key value …]\n\n"
      "Examines the job that it is started as, in the way that training will be\n"
      "started. Status 0: nothing found, 1: warnings (slower, or other bits), 2: errors\n"
      "(it will fail), or wrong usage. rensa-doctor, beside this program, also finds\n"
      "libraries that a host lacks.");
  table.add("json", o.json, "prints one line of JSON");
  table.add("timeout", o.timeout_s, "seconds that MPI may take to answer",
            {.min = 0, .above_min = true, .finite = false});
  table.add("gradients_mib", o.checks.gradients_mib, "size of the network's gradients", {.min = 0});
  table.add("max_clock_skew", o.checks.max_clock_skew_s, "seconds that clocks may differ", {.min = 0});
  table.add("threads", o.checks.threads, "compute threads of a rank, as for train; 0: its share of the cores",
            {.min = 0});
  try {
    if (!table.parse(argc, argv, std::cout)) return 0;
    return examine(o);
  } catch (const Error& error) {
    return wrong_usage("doctor", error);
  }
}

}  // namespace rensa::tools
