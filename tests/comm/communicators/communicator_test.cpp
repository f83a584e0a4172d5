#include "comm/communicators/communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <type_traits>

#include "comm/communicators/create_communicator.h"
#include "comm/gpu/nccl_api.h"
#include "comm/job.h"
#include "comm/launcher.h"
#include "comm/self/self_communicator.h"
#include "comm/shm/thread_group.h"
#include "core/device/gpu/driver.h"
#include "core/error.h"
#include "core/functions/math.h"
#include "core/functions/reduction.h"
#include "tests/conformance/conformance.h"

namespace rensa {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Threads as ranks: so many, so many to a node, and the communicator they make.
struct Cluster {
  int ranks, ranks_per_node;
  std::string name;
};

std::vector<Cluster> clusters() {
  std::vector<Cluster> all;
  for (const auto& [ranks, ranks_per_node] :
       std::vector<std::pair<int, int>>{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {2, 1}, {4, 2}, {3, 2}, {4, 1}}) {
    const RankPlace place{.inter_size = (ranks + ranks_per_node - 1) / ranks_per_node,
                          .nodes_are_equal = ranks % ranks_per_node == 0};
    for (const std::string& name : communicator_names()) {
      if (rensa::testing::suits(name, place)) all.push_back({ranks, ranks_per_node, name});
    }
  }
  return all;
}

using Question = std::tuple<Cluster, std::size_t>;  ///< and the number of a check

class CommunicatorConformanceTest : public ::testing::TestWithParam<Question> {};

TEST_P(CommunicatorConformanceTest, DoesWhatEveryCommunicatorDoes) {
  const auto& [cluster, check] = GetParam();
  run_on_threads(cluster.ranks,
                 [number = check, name = cluster.name](Communicator& threads) {
                   const auto comm =
                       compose_communicator(name, threads.split(0, threads.rank()), /*deterministic=*/true);
                   SCOPED_TRACE(detail::join("on rank ", comm->rank()));
                   rensa::testing::conformance_checks()[number].run(*comm);
                 },
                 {.ranks_per_node = cluster.ranks_per_node, .timeout_s = 60});
}

std::string name_of(const ::testing::TestParamInfo<Question>& each) {
  const auto& [cluster, check] = each.param;
  return detail::join(cluster.name, "_", cluster.ranks, "_on_nodes_of_", cluster.ranks_per_node, "_",
                      rensa::testing::conformance_checks()[check].name);
}

INSTANTIATE_TEST_SUITE_P(Threads, CommunicatorConformanceTest,
                         ::testing::Combine(::testing::ValuesIn(clusters()),
                                            ::testing::Range(std::size_t{0},
                                                             rensa::testing::conformance_checks().size())),
                         name_of);

TEST(SelfCommunicatorTest, IsAnOrdinaryCase) {
  SelfCommunicator self;
  for (const rensa::testing::ConformanceCheck& check : rensa::testing::conformance_checks()) check.run(self);
}

TEST(SelfCommunicatorTest, AbortWritesBufferedOutputFirst) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    std::fputs("buffered words", stdout);
    SelfCommunicator().abort("enough", 3);
  }
  ASSERT_GT(child, 0);
  close(ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  std::array<char, 64> words{};
  EXPECT_GT(read(ends[0], words.data(), words.size() - 1), 0);
  close(ends[0]);
  EXPECT_STREQ(words.data(), "buffered words");
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 3) << status;
}

TEST(SingleNodeCommunicatorTest, RefusesSeveralNodes) {
  run_on_threads(2,
                 [](Communicator& comm) {
                   EXPECT_THAT([&] { compose_communicator("single_node", comm.split(0, comm.rank())); },
                               ThrowsMessage<CommError>(AllOf(HasSubstr("2 nodes"), HasSubstr("hierarchical"))));
                 },
                 {.ranks_per_node = 1});
}

TEST(TwoDimensionalCommunicatorTest, RefusesNodesThatDifferAndNamesAnother) {
  run_on_threads(3,
                 [](Communicator& comm) {
                   EXPECT_THAT([&] { compose_communicator("two_dimensional", comm.split(0, comm.rank())); },
                               ThrowsMessage<CommError>(HasSubstr("Use the communicator hierarchical")));
                 },
                 {.ranks_per_node = 2});
}

TEST(PureNcclCommunicatorTest, NamesARankWithoutAGpuAndAuto) {
  if (gpu::availability().devices > 0 && nccl::availability().version > 0) GTEST_SKIP() << "there is a GPU";
  EXPECT_THAT(
      [] {
        run_on_threads(2, [](Communicator& comm) { compose_communicator("pure_nccl", comm.split(0, comm.rank())); });
      },
      ThrowsMessage<DeviceError>(AllOf(HasSubstr("rank 0 of 2 has not"), HasSubstr("communicator auto"))));
}

TEST(DummyCommunicatorTest, ReducesNothingAndCarriesTheRest) {
  run_on_threads(2, [](Communicator& comm) {
    const auto dummy = compose_communicator("dummy", comm.split(0, comm.rank()));
    const Array x = full({4}, comm.rank());
    dummy->all_reduce(x);
    EXPECT_THAT(to_vector<float>(x), Each(static_cast<float>(comm.rank())));
    dummy->broadcast(x, 1);
    EXPECT_THAT(to_vector<float>(x), Each(1.0f));
  });
}

TEST(ThreadCommunicatorTest, SumsInTheOrderOfRanks) {
  run_on_threads(3, [](Communicator& comm) {
    const std::vector<float> values = {1e8f, 1.0f, -1e8f};  // another order would give another sum
    Array x = full({1}, values[static_cast<std::size_t>(comm.rank())]);
    comm.all_reduce(x);
    EXPECT_EQ(x.item<float>(), (1e8f + 1.0f) - 1e8f);
  });
}

TEST(ThreadCommunicatorTest, ARankThatThrowsEndsTheOthersWaits) {
  EXPECT_THAT(
      [] {
        run_on_threads(3, [](Communicator& comm) {
          if (comm.rank() == 1) throw std::runtime_error("out of luck");
          try {
            comm.barrier();
          } catch (const CommError& e) {
            EXPECT_THAT(e.what(), HasSubstr("rank 1: out of luck"));
            throw;
          }
        });
      },
      ThrowsMessage<std::runtime_error>(HasSubstr("out of luck")));
}

TEST(ThreadCommunicatorTest, NamesCallsThatDiffer) {
  EXPECT_THAT([] { run_on_threads(2, [](Communicator& comm) { comm.all_reduce(zeros({comm.rank() + 4})); }); },
              ThrowsMessage<CommError>(
                  AllOf(HasSubstr("rank 0 called all_reduce of 4 "), HasSubstr("rank 1 called all_reduce of 5 "))));
  EXPECT_THAT(
      [] {
        run_on_threads(3, [](Communicator& comm) {
          comm.rank() == 1 ? comm.all_reduce(zeros({4})) : comm.broadcast(zeros({4}), 0);
        });
      },
      ThrowsMessage<CommError>(
          HasSubstr("rank 1 called all_reduce of 4 float32 (16 B), while ranks 0 and 2 called broadcast")));
}

TEST(ThreadCommunicatorTest, NamesReductionsThatDiffer) {
  const auto expect_named = [](const char* name, void (*reduce)(Communicator&, Reduce)) {
    EXPECT_THAT(
        [&] {
          run_on_threads(3, [&](Communicator& comm) { reduce(comm, comm.rank() == 1 ? Reduce::kMean : Reduce::kSum); });
        },
        ThrowsMessage<CommError>(
            AllOf(HasSubstr(detail::join("rank 1 called ", name, " (mean) of 5000 float32")),
                  HasSubstr(detail::join("while ranks 0 and 2 called ", name, " of 5000 float32")))));
  };
  expect_named("all_reduce", [](Communicator& comm, Reduce op) { comm.all_reduce(zeros({5000}), op); });
  expect_named("reduce", [](Communicator& comm, Reduce op) { comm.reduce(zeros({5000}), 0, op); });
  expect_named("reduce_scatter",
               [](Communicator& comm, Reduce op) { comm.reduce_scatter(zeros({3, 5000}), zeros({5000}), op); });
}

TEST(ThreadCommunicatorTest, ALateRankIsNamedWhenPatienceEnds) {
  EXPECT_THAT(
      [] {
        run_on_threads(2,
                       [](Communicator& comm) {
                         if (comm.rank() == 0) return comm.all_reduce(zeros({4}));
                         std::this_thread::sleep_for(std::chrono::seconds(1));
                       },
                       {.timeout_s = 0.2});
      },
      ThrowsMessage<CommError>(AllOf(HasSubstr("all_reduce of 4 float32 (16 B) has waited 0.2 s for rank 1"))));
}

TEST(ThreadCommunicatorTest, TheFirstStartIsACallOfAllRanksWithANameOfItsOwn) {
  run_on_threads(2, [](Communicator& comm) {
    const Array x = ones({3});
    for (int i = 0; i < 2; ++i) comm.start([x](Communicator& c) { c.all_reduce(x); }).wait();
    EXPECT_STREQ(comm.calls().state().last.name.data(), "first start()");
    EXPECT_EQ(comm.calls().state().number, 1u) << "the second is none";
  });
}

TEST(ThreadCommunicatorTest, TakesNoArrayForBytesNorBytesForAnArray) {
  run_on_threads(2, [](Communicator& comm) {
    if (comm.rank() == 0) {
      comm.send(zeros({10}), 1);
      comm.send_bytes("words", 1);
      return;
    }
    EXPECT_THAT([&] { comm.recv_bytes(0); }, ThrowsMessage<CommError>(HasSubstr("rank 0 sent 10 float32")));
    EXPECT_THAT([&] { comm.recv(zeros({5}, Dtype::kUInt8), 0); },
                ThrowsMessage<CommError>(
                    AllOf(HasSubstr("rank 0 sent 5 bytes (of send_bytes"), HasSubstr("recv_bytes or recv_object"))));
  });
}

TEST(ThreadCommunicatorTest, AddsHalfPrecisionInFloat32) {
  run_on_threads(4, [](Communicator& comm) {
    Array x = full({40}, comm.rank() == 0 ? 2048 : 1, Dtype::kFloat16);  // 2048 + 1 is 2048 in float16
    comm.all_reduce(x);
    EXPECT_THAT(to_vector<float>(x), Each(2052.0f));  // 2051, to even
  });
}

TEST(ThreadCommunicatorTest, AGraphNoticesWhatACallWroteInPlace) {
  run_on_threads(2, [](Communicator& comm) {
    const auto refuses = [](const Variable& x, const auto& call) {
      const Variable y = functions::sum(functions::square(x));
      call(x.array());
      EXPECT_THAT([&] { y.backward(); }, ThrowsMessage<GraphError>(HasSubstr("written in place")));
    };
    const Variable x(ones({3}), /*requires_grad=*/true);
    refuses(x, [&](const Array& array) { comm.all_reduce(array); });
    if (comm.rank() == 0) {
      refuses(x, [&](const Array& array) { comm.recv(array, 1); });
      refuses(x, [&](const Array& array) { comm.start_recv(array, 1).wait(); });
    } else {
      comm.send(zeros({3}), 0);
      comm.send(zeros({3}), 0);
    }
    const Variable y = functions::sum(functions::square(x));
    const Array all = empty({6});
    comm.all_gather(x.array(), all);  // only reads it
    y.backward();
    EXPECT_TRUE(x.grad());
  });
}

TEST(SeveralNodesTest, RoundHalfPrecisionOnceANodeAndOnceBetweenThem) {
  run_on_threads(4,
                 [](Communicator& threads) {
                   for (const char* name : {"hierarchical", "two_dimensional"}) {
                     const auto comm = compose_communicator(name, threads.split(0, threads.rank()));
                     const Array x = full({40}, comm->rank() == 0 ? 2048 : 1, Dtype::kFloat16);
                     comm->all_reduce(x);
                     EXPECT_THAT(to_vector<float>(x), Each(::testing::FloatNear(2051, 2))) << name;
                   }
                 },
                 {.ranks_per_node = 2});
}

TEST(HierarchicalCommunicatorTest, AMeanOverUnequalNodesDividesBeforeItRounds) {
  run_on_threads(3,
                 [](Communicator& threads) {
                   const auto comm = compose_communicator("hierarchical", threads.split(0, threads.rank()));
                   for (const float value : {0x1p-24f, 60000.0f}) {  // the smallest number, and one that overflows
                     const Array x = full({40}, value, Dtype::kFloat16);
                     comm->all_reduce(x, Reduce::kMean);
                     EXPECT_THAT(to_vector<float>(x), Each(::testing::FloatNear(value, 0.001f * value)));
                   }
                 },
                 {.ranks_per_node = 2});
}

TEST(CreateCommunicatorTest, ListsTheNamesForAnUnknownOne) {
  EXPECT_THAT([] { create_communicator("flatt"); },
              ThrowsMessage<ValueError>(AllOf(HasSubstr("\"flatt\""), HasSubstr("flat, hierarchical"))));
}

TEST(CreateCommunicatorTest, TakesANameOrOptions) {
  const std::string name = "self";
  const char* const letters = "self";
  EXPECT_EQ(create_communicator("self")->size(), 1);
  EXPECT_EQ(create_communicator(name)->size(), 1);
  EXPECT_EQ(create_communicator(letters)->size(), 1);
  EXPECT_EQ(create_communicator({.name = "self"})->size(), 1);
  EXPECT_EQ(create_communicator({.name = name})->size(), 1);
  EXPECT_EQ(create_communicator({.name = "self", .timeout_s = 5})->size(), 1);
  EXPECT_EQ(create_communicator("self", {.timeout_s = 5})->size(), 1);
  EXPECT_EQ(create_communicator(name, {.allreduce_grad_dtype = "float16"})->config().get("allreduce_grad_dtype"),
            "float16");
}

TEST(MpiHandleTest, IsMadeOfAHandleOrItsAddressAndOfNothingElse) {
  struct Opaque;  // as Open MPI's
  struct Number {};
  Opaque* const handle = reinterpret_cast<Opaque*>(std::uintptr_t{0x1234});
  EXPECT_EQ(MpiHandle(handle).as<Opaque*>(), handle);
  EXPECT_EQ(MpiHandle(&handle).as<Opaque*>(), handle);
  int number = 5;  // as MPICH's
  EXPECT_EQ(MpiHandle(number).as<int>(), 5);
  EXPECT_EQ(MpiHandle(&number).as<int>(), 5);
  EXPECT_FALSE(MpiHandle(nullptr));
  EXPECT_FALSE(MpiHandle(static_cast<int*>(nullptr)));
  EXPECT_THAT([&] { MpiHandle(number).as<Opaque*>(); }, ThrowsMessage<ValueError>(HasSubstr("expected an MPI_Comm")));
  static_assert(!std::is_constructible_v<MpiHandle, const void*>);
  static_assert(!std::is_constructible_v<MpiHandle, Number>);
  static_assert(!std::is_constructible_v<MpiHandle, double>);
}

TEST(RunJobTest, ACommunicatorThatCannotBeMadeIsSaidAndEndsTheProgram) {
  if (detect_launcher().started_ranks()) GTEST_SKIP() << "a launcher started this test: run_job() would end it";
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_job({.name = "nonsense"}, [](Communicator&) { FAIL(); }), 1);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("rensa: "), HasSubstr("\"nonsense\" is unknown")));
}

TEST(RunJobTest, ARankOfALauncherEndsWhereItsCommunicatorCannotBeMade) {
  const auto started_rank = [] {
    setenv("OMPI_COMM_WORLD_RANK", "1", 1);
    setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
    std::atexit([] { std::fputs("exit() would call MPI_Finalize\n", stderr), std::_Exit(3); });
    run_job({.name = "nonsense"}, [](Communicator&) {});
  };
  EXPECT_EXIT(started_rank(), ::testing::ExitedWithCode(1), "\"nonsense\" is unknown");
}

}  // namespace
}  // namespace rensa
