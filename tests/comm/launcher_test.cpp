#include "comm/launcher.h"

#include <gtest/gtest.h>

#include <map>

namespace rensa {
namespace {

Launcher detect(const std::map<std::string, std::string>& variables) {
  return detect_launcher([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

void expect_place(const Launcher& found, const std::string& name, int rank, int size, int local_rank, int local_size) {
  EXPECT_EQ(found.name, name);
  EXPECT_EQ(found.rank, rank);
  EXPECT_EQ(found.size, size);
  EXPECT_EQ(found.local_rank, local_rank);
  EXPECT_EQ(found.local_size, local_size);
}

TEST(LauncherTest, APlainStartIsOneRank) {
  expect_place(detect({}), "", 0, 1, 0, 1);
  EXPECT_FALSE(detect({{"HOME", "/root"}}).started_ranks());
}

TEST(LauncherTest, KnowsOpenMpi) {
  const Launcher found = detect({{"OMPI_COMM_WORLD_RANK", "3"},
                                 {"OMPI_COMM_WORLD_SIZE", "8"},
                                 {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                 {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                                 {"PMIX_RANK", "3"}});
  expect_place(found, "Open MPI", 3, 8, 1, 2);
  EXPECT_TRUE(found.started_ranks());
}

TEST(LauncherTest, KnowsMpichsHydra) {
  expect_place(detect({{"PMI_RANK", "2"}, {"PMI_SIZE", "4"}, {"MPI_LOCALRANKID", "0"}, {"MPI_LOCALNRANKS", "2"}}),
               "Hydra", 2, 4, 0, 2);
}

TEST(LauncherTest, KnowsSrunWithEveryInterface) {
  std::map<std::string, std::string> step = {{"SLURM_PROCID", "5"},
                                             {"SLURM_STEP_NUM_TASKS", "6"},
                                             {"SLURM_LOCALID", "1"},
                                             {"SLURM_NODEID", "2"},
                                             {"SLURM_STEP_TASKS_PER_NODE", "2(x3)"}};
  expect_place(detect(step), "Slurm", 5, 6, 1, 2);
  step.insert({{"PMI_RANK", "5"}, {"PMI_SIZE", "6"}});  // --mpi=pmi2
  expect_place(detect(step), "Slurm", 5, 6, 1, 2);
  step.insert({"PMIX_RANK", "5"});  // --mpi=pmix
  expect_place(detect(step), "Slurm", 5, 6, 1, 2);
}

TEST(LauncherTest, AJobScriptOfSlurmIsAPlainStart) {
  EXPECT_FALSE(detect({{"SLURM_JOB_ID", "7"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}).started_ranks());
}

TEST(LauncherTest, MpirunInsideASlurmJobCounts) {
  std::map<std::string, std::string> both = {{"SLURM_PROCID", "1"},    {"SLURM_STEP_NUM_TASKS", "2"},
                                             {"PMI_RANK", "3"},        {"PMI_SIZE", "4"},
                                             {"MPI_LOCALRANKID", "1"}, {"MPI_LOCALNRANKS", "2"}};
  expect_place(detect(both), "Hydra", 3, 4, 1, 2);
  both.insert({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}});
  expect_place(detect(both), "Open MPI", 0, 1, 0, -1);
}

TEST(LauncherTest, OtherLaunchersAreKnownByTheirInterface) {
  expect_place(detect({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}), "PMI", 1, 2, 0, -1);
  expect_place(detect({{"PMIX_RANK", "1"}}), "PMIx", 1, -1, 0, -1);
}

TEST(LauncherTest, AMarkThatIsNoNumberIsLeftOut) {
  EXPECT_FALSE(detect({{"PMI_RANK", "one"}, {"PMI_SIZE", "2"}}).started_ranks());
}

TEST(LauncherTest, ReadsSlurmsListOfTasks) {
  EXPECT_EQ(slurm_tasks_of_node("2(x3),1", 0), 2);
  EXPECT_EQ(slurm_tasks_of_node("2(x3),1", 2), 2);
  EXPECT_EQ(slurm_tasks_of_node("2(x3),1", 3), 1);
  EXPECT_EQ(slurm_tasks_of_node("2(x3),1", 4), -1);
  EXPECT_EQ(slurm_tasks_of_node("4", 0), 4);
  for (const char* bad : {"", "x", "2(x", "2(x3", "2(xy)"}) EXPECT_EQ(slurm_tasks_of_node(bad, 0), -1) << bad;
}

}  // namespace
}  // namespace rensa
