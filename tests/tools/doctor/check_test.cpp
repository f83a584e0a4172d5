#include "tools/doctor/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tools/doctor/report.h"

namespace rensa::tools::doctor {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kGib = std::int64_t{1} << 30;

/// A healthy cluster: `hosts` of 8 cores with two ranks each.
Facts healthy(int hosts = 2) {
  Facts facts;
  for (int r = 0; r < 2 * hosts; ++r) {
    RankFacts rank;
    rank.rank = rank.launcher_rank = r;
    rank.host = "node" + std::to_string(r / 2);
    rank.launcher = "Open MPI";
    rank.launcher_size = rank.mpi_size = 2 * hosts;
    rank.mpi_library = "Open MPI v4.1.4";
    rank.nccl = "2.28.9";
    rank.cores = {0, 1, 2, 3, 4, 5, 6, 7};
    rank.host_cores = 8;
    rank.versions = {{"Rensa", "0.1.0"},
                     {"MPI", "Open MPI v4.1.4"},
                     {"oneDNN", "2.6.3"},
                     {"kernel", "Linux 6.1.0"},
                     {"files", "0123"}};
    rank.interfaces = {{"lo", "127.0.0.1", "127.0.0.0/8", true, false, 0, 0},
                       {"eth0", "10.0.0." + std::to_string(1 + r / 2), "10.0.0.0/24", false, false, 4 << 20, 10000}};
    rank.shm_total_bytes = rank.shm_free_bytes = 4 * kGib;
    rank.memory_free_bytes = 16 * kGib;
    rank.clock_uncertainty_s = 1e-4;
    rank.limits = {{"nofile", 1024}, {"memlock", 8 << 20}, {"stack", 8 << 20}, {"nproc", -1}};
    facts.push_back(rank);
  }
  return facts;
}

/// The one finding of a check; everything else must be content with the facts.
Finding only_finding(const Facts& facts, const std::string& check, const CheckOptions& options = {}) {
  Finding found;
  for (const CheckResult& result : run_checks(facts, options)) {
    if (result.name == check) {
      EXPECT_EQ(result.findings.size(), 1u) << check;
      if (!result.findings.empty()) found = result.findings.front();
    } else {
      EXPECT_TRUE(result.findings.empty())
          << result.name << ": " << (result.findings.empty() ? "" : result.findings[0].found);
    }
  }
  EXPECT_FALSE(found.remedy.empty());
  return found;
}

void expect_fine(const Facts& facts) { EXPECT_EQ(worst(run_checks(facts, {})), Severity::kFine); }

TEST(DoctorTest, AHealthyClusterHasNoFindings) {
  expect_fine(healthy());
  expect_fine(healthy(1));
}

TEST(DoctorTest, FindsALauncherOfAnotherMpi) {
  Facts facts = {healthy()[0]};
  facts[0].launcher = "Hydra";
  facts[0].mpi_size = 1;
  const Finding found = only_finding(facts, "launcher");
  EXPECT_EQ(found.severity, Severity::kError);
  EXPECT_THAT(found.found, AllOf(HasSubstr("Hydra started 4 ranks"), HasSubstr("MPI sees 1")));
  facts[0].mpi_library = "";
  EXPECT_THAT(only_finding(facts, "launcher").found, HasSubstr("built without MPI"));
}

TEST(DoctorTest, FindsAThreadLevelThatIsTooLow) {
  Facts facts = healthy();
  facts[2].thread_level = "MPI_THREAD_SERIALIZED";
  facts[2].has_all_threads = false;
  const Finding found = only_finding(facts, "thread level");
  EXPECT_EQ(found.severity, Severity::kError);
  EXPECT_EQ(found.where, "node1, rank 2");
  EXPECT_THAT(found.found, HasSubstr("MPI_THREAD_SERIALIZED"));
}

TEST(DoctorTest, FindsGpusWithoutACudaAwareMpi) {
  Facts facts = healthy(1);
  for (RankFacts& rank : facts) rank.cuda_aware = "no";
  expect_fine(facts);
  for (RankFacts& rank : facts) rank.gpus = 4, rank.limits["memlock"] = -1;
  EXPECT_THAT(only_finding(facts, "CUDA-awareness").found, HasSubstr("4 GPUs"));
  for (RankFacts& rank : facts) rank.cuda_aware = "unknown";
  expect_fine(facts);
}

TEST(DoctorTest, FindsGpusThatNcclCannotUse) {
  const auto with_gpus = [] {
    Facts facts = healthy();
    for (RankFacts& rank : facts) rank.gpus = rank.cuda_devices = 4, rank.limits["memlock"] = -1;
    return facts;
  };
  expect_fine(with_gpus());
  Facts facts = with_gpus();
  facts[2].nccl = facts[3].nccl = "";
  facts[2].nccl_problem = facts[3].nccl_problem = "no plug-in";
  EXPECT_EQ(only_finding(facts, "NCCL").where, "node1");
  EXPECT_THAT(only_finding(facts, "NCCL").found, AllOf(HasSubstr("4 GPUs, but no NCCL"), HasSubstr("no plug-in")));
  facts = with_gpus();
  facts[2].nccl = facts[3].nccl = "2.30.1";
  EXPECT_EQ(only_finding(facts, "NCCL").severity, Severity::kError);
  facts = with_gpus();
  for (RankFacts& rank : facts) rank.cuda_devices = rank.host == "node0" ? 1 : 2;
  EXPECT_THAT(only_finding(facts, "NCCL").found, HasSubstr("2 ranks for 1 GPUs"));
  for (RankFacts& rank : facts) rank.cuda_devices = 0, rank.cuda_problem = "the driver is too old";
  EXPECT_EQ(check_nccl(facts, {}).findings.size(), 2u);
  facts = healthy();
  for (RankFacts& rank : facts) rank.nccl = "", rank.nccl_problem = "no plug-in";
  expect_fine(facts);  // no GPUs
}

TEST(DoctorTest, FindsRanksBoundToOneCore) {
  Facts facts = healthy();
  for (RankFacts& rank : facts) rank.cores = {rank.rank % 2};
  for (RankFacts& rank : facts) {
    if (rank.host == "node0") rank.cores = {0, 1, 2, 3, 4, 5, 6, 7};
  }
  const Finding found = only_finding(facts, "binding");
  EXPECT_EQ(found.where, "node1, ranks 2, 3");
  EXPECT_THAT(found.found, AllOf(HasSubstr("1 of the host's 8"), HasSubstr("share is 4")));
}

TEST(DoctorTest, FindsMoreRanksThanCores) {
  Facts facts = healthy();
  for (RankFacts& rank : facts) {
    if (rank.host == "node1") rank.cores = {3}, rank.host_cores = 1;
  }
  const Finding found = only_finding(facts, "oversubscription");
  EXPECT_EQ(found.where, "node1");
  EXPECT_THAT(found.found, HasSubstr("2 ranks share 1 cores"));
}

TEST(DoctorTest, TheQuotaOfAContainerCounts) {
  Facts facts = healthy(1);
  for (RankFacts& rank : facts) rank.core_quota = 1.0, rank.wanted_threads = 1;
  EXPECT_THAT(only_finding(facts, "oversubscription").found, HasSubstr("quota"));
}

TEST(DoctorTest, FindsMoreThreadsThanCores) {
  Facts facts = healthy();
  for (RankFacts& rank : facts) rank.wanted_threads = 8;
  facts[2].wanted_threads = facts[3].wanted_threads = 4;  // fits
  const Finding found = only_finding(facts, "compute threads");
  EXPECT_EQ(found.where, "node0");
  EXPECT_THAT(found.found, AllOf(HasSubstr("16 threads"), HasSubstr("8 cores")));
  EXPECT_THAT(found.remedy, HasSubstr("set 4"));
  for (const CheckResult& result : run_checks(healthy(), {.threads = 5})) {
    EXPECT_EQ(result.findings.size(), result.name == "compute threads" ? 2u : 0u);
  }
}

TEST(DoctorTest, FindsASettingThatNamesAMissingInterface) {
  Facts facts = healthy();
  for (RankFacts& rank : facts) rank.settings["OMPI_MCA_btl_tcp_if_include"] = "eth1";
  for (int r = 0; r < 2; ++r)
    facts[static_cast<std::size_t>(r)].interfaces.push_back({"eth1", "10.1.0.1", "10.1.0.0/24", false, false, 0, 1000});
  const Finding found = only_finding(facts, "interfaces");
  EXPECT_EQ(found.severity, Severity::kError);
  EXPECT_EQ(found.where, "node1");
  EXPECT_THAT(found.found, AllOf(HasSubstr("names eth1"), HasSubstr("eth0 10.0.0.2")));
  for (const char* right : {"eth0", "10.0.0.0/24", "10.0.0.0/8", "lo,eth0"}) {
    for (RankFacts& rank : facts) rank.settings["OMPI_MCA_btl_tcp_if_include"] = right;
    expect_fine(facts);
  }
  for (RankFacts& rank : facts) rank.settings["OMPI_MCA_btl_tcp_if_include"] = "10.2.0.0/16";
  EXPECT_EQ(check_interfaces(facts, {}).findings.size(), 2u);  // on both hosts
}

TEST(DoctorTest, NcclNamesInterfacesByTheirBeginning) {
  Facts facts = healthy();
  for (RankFacts& rank : facts) rank.settings["NCCL_SOCKET_IFNAME"] = "eth";
  expect_fine(facts);
  for (RankFacts& rank : facts) rank.settings["NCCL_SOCKET_IFNAME"] = "^docker";
  expect_fine(facts);
  for (RankFacts& rank : facts) rank.settings["NCCL_SOCKET_IFNAME"] = "ib";
  EXPECT_EQ(check_interfaces(facts, {}).findings.size(), 2u);
}

TEST(DoctorTest, FindsOneAddressOnSeveralHosts) {
  Facts facts = healthy();
  for (RankFacts& rank : facts)
    rank.interfaces.push_back({"docker0", "172.17.0.1", "172.17.0.0/16", false, true, 0, 0});
  const Finding found = only_finding(facts, "interfaces");
  EXPECT_EQ(found.where, "node0, node1");
  EXPECT_THAT(found.found, AllOf(HasSubstr("docker0"), HasSubstr("172.17.0.1")));
  for (RankFacts& rank : facts) rank.settings["OMPI_MCA_btl_tcp_if_exclude"] = "lo,docker0";
  expect_fine(facts);
  for (RankFacts& rank : facts) rank.settings = {{"OMPI_MCA_btl_tcp_if_include", "10.0.0.0/24"}};
  expect_fine(facts);
}

TEST(DoctorTest, FindsThatAQuickerInterfaceWasNotUsed) {
  Facts facts = healthy();
  for (RankFacts& rank : facts) {
    if (rank.host == "node1") rank.interfaces.push_back({"ib0", "10.9.0.2", "10.9.0.0/24", false, false, 0, 100000});
  }
  const Finding found = only_finding(facts, "interfaces");
  EXPECT_EQ(found.where, "node1");
  EXPECT_THAT(found.found, AllOf(HasSubstr("eth0 (10000 Mbit/s)"), HasSubstr("ib0 is quicker")));
}

TEST(DoctorTest, FindsVersionsThatDiffer) {
  Facts facts = healthy();
  facts[2].versions["oneDNN"] = facts[3].versions["oneDNN"] = "3.7.2";
  const Finding bits = only_finding(facts, "versions");
  EXPECT_EQ(bits.severity, Severity::kWarning);
  EXPECT_THAT(bits.found, AllOf(HasSubstr("2.6.3 on node0"), HasSubstr("3.7.2 on node1")));
  for (const char* part : {"Rensa", "MPI", "files"}) {
    facts = healthy();
    facts[2].versions[part] = facts[3].versions[part] = "other";
    EXPECT_EQ(only_finding(facts, "versions").severity, Severity::kError) << part;
  }
}

TEST(DoctorTest, FindsTinySharedMemory) {
  Facts facts = healthy();
  for (RankFacts& rank : facts) {
    if (rank.host == "node1") rank.shm_total_bytes = rank.shm_free_bytes = 16 << 20;
  }
  Finding found = only_finding(facts, "shared memory");
  EXPECT_EQ(found.severity, Severity::kError);
  EXPECT_EQ(found.where, "node1");
  EXPECT_THAT(found.found, AllOf(HasSubstr("16.0 MiB free"), HasSubstr("about 32.0 MiB")));
  EXPECT_THAT(found.remedy, HasSubstr("--shm-size=1g"));
  for (RankFacts& rank : facts) rank.shm_free_bytes = rank.host == "node1" ? 40 << 20 : 4 * kGib;
  found = only_finding(facts, "shared memory");  // enough, but not twice
  EXPECT_EQ(found.severity, Severity::kWarning);
}

TEST(DoctorTest, GradientsNeedMemoryAndNoRoomInAFileSystem) {
  Facts facts = healthy(1);
  for (RankFacts& rank : facts) rank.shm_total_bytes = rank.shm_free_bytes = 64 << 20;  // a container's
  expect_fine(facts);
  for (RankFacts& rank : facts) rank.memory_free_bytes = 150 << 20;
  const Finding found = only_finding(facts, "shared memory");
  EXPECT_EQ(found.severity, Severity::kError);
  EXPECT_THAT(found.found, AllOf(HasSubstr("150.0 MiB of memory"), HasSubstr("need 196.0 MiB")));
  for (RankFacts& rank : facts) rank.memory_free_bytes = 0;  // not known
  expect_fine(facts);
}

TEST(DoctorTest, FindsAClockThatIsWrong) {
  Facts facts = healthy();
  facts[2].clock_ahead_s = -90;
  facts[3].clock_ahead_s = -90.1;
  const Finding found = only_finding(facts, "clock skew");
  EXPECT_EQ(found.where, "node1, rank 3");
  EXPECT_THAT(found.found, HasSubstr("90.1 s behind"));
  facts[2].clock_ahead_s = facts[3].clock_ahead_s = 0.5;
  facts[2].clock_uncertainty_s = facts[3].clock_uncertainty_s = 0.45;  // a slow network proves nothing
  expect_fine(facts);
}

TEST(DoctorTest, FindsForksBesideInfinibandUnderAnOldKernel) {
  Facts facts = healthy(1);
  for (RankFacts& rank : facts) rank.infiniband = true, rank.limits["memlock"] = -1;
  expect_fine(facts);
  for (RankFacts& rank : facts) rank.versions["kernel"] = "Linux 5.10.0-8-amd64";
  only_finding(facts, "fork hazards");
  for (RankFacts& rank : facts) rank.settings.insert_or_assign("RDMAV_FORK_SAFE", std::string(1, '1'));
  expect_fine(facts);
}

TEST(DoctorTest, FindsLowLimits) {
  Facts facts = healthy(1);
  for (RankFacts& rank : facts) rank.limits["nofile"] = 64;
  EXPECT_THAT(only_finding(facts, "limits").found, AllOf(HasSubstr("nofile is 64"), HasSubstr("at least 272")));
  facts = healthy(1);
  for (RankFacts& rank : facts) rank.infiniband = true;
  EXPECT_THAT(only_finding(facts, "limits").found, HasSubstr("memlock is 8.0 MiB"));
}

TEST(DoctorTest, FactsTravelAsText) {
  const RankFacts facts = healthy()[3], copy = facts_from_text(to_text(facts));
  EXPECT_EQ(to_text(copy), to_text(facts));
  EXPECT_EQ(copy.host, "node1");
  EXPECT_EQ(copy.cores, facts.cores);
  EXPECT_EQ(copy.interfaces[1].sent_bytes, 4 << 20);
}

TEST(DoctorTest, ReportsNameTheRemedy) {
  Facts facts = healthy();
  facts[3].clock_ahead_s = 5;
  std::ostringstream text, json;
  write_text(text, facts, run_checks(facts, {}));
  EXPECT_THAT(text.str(), AllOf(HasSubstr("4 ranks on 2 hosts"), HasSubstr("warning  clock skew"),
                                HasSubstr("remedy: Keep"), HasSubstr("0 errors, 1 warning\n")));
  write_json(json, facts, run_checks(facts, {}));
  EXPECT_THAT(json.str(), AllOf(HasSubstr(R"("status":"warning")"), HasSubstr(R"("hosts":["node0","node1"])"),
                                HasSubstr(R"("where":"node1, rank 3")")));
}

TEST(DoctorTest, KnowsThisHost) {
  const RankFacts facts = collect_local_facts();
  EXPECT_FALSE(facts.host.empty());
  EXPECT_FALSE(facts.cores.empty());
  EXPECT_GE(facts.host_cores, static_cast<int>(facts.cores.size()));
  EXPECT_EQ(facts.versions.at("files").size(), 16u);
  EXPECT_EQ(checksum_of_files(), facts.versions.at("files"));
  for (const char* part : {"Rensa", "oneDNN", "BLAS", "compiler", "C library", "kernel"}) {
    EXPECT_FALSE(facts.versions.at(part).empty()) << part;
  }
  EXPECT_TRUE(facts.limits.contains("nofile"));
  EXPECT_GT(facts.memory_free_bytes, 0);
}

TEST(DoctorTest, ARankWithoutAnAnswerNamesItsBridges) {
  RankFacts mine = healthy()[0];
  mine.interfaces.push_back({.name = "docker0", .address = "172.17.0.1", .network = "172.17.0.0/16", .bridge = true});
  const CheckResult result = check_unanswered(mine, 20, "the other ranks to answer");
  EXPECT_EQ(result.name, "interfaces");
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].severity, Severity::kError);
  EXPECT_THAT(result.findings[0].found, AllOf(HasSubstr("waited 20 s for the other ranks to answer"),
                                              HasSubstr("same address 172.17.0.1"), HasSubstr("eth0 10.0.0.1")));
  EXPECT_THAT(result.findings[0].remedy, HasSubstr("btl_tcp_if_exclude lo,docker0"));
  mine.settings["OMPI_MCA_btl_tcp_if_include"] = "eth0";  // MPI has no business with the bridge
  EXPECT_THAT(check_unanswered(mine, 20, "MPI to start").findings[0].found, ::testing::Not(HasSubstr("is a bridge")));
}

}  // namespace
}  // namespace rensa::tools::doctor
