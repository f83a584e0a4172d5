#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/shm/thread_group.h"
#include "core/error.h"
#include "tests/comm/gpu/nccl_ranks.h"

namespace rensa::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(NcclMessagesTest, CrossWithoutWaitingForEachOther) {
  SimulatedGpus gpus(3);
  NcclScope nccl;
  run_on_threads(3, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    const int next = (comm->rank() + 1) % 3, before = (comm->rank() + 2) % 3;
    const Array x = full({50}, 0, Dtype::kFloat32, gpu_of(*comm)), got = zeros({50}, Dtype::kFloat32, gpu_of(*comm));
    for (int i = 0; i < 5; ++i) {
      x.fill(10 * i + comm->rank());
      comm->send(x, next, i);  // all send first
      x.fill(-1);              // a copy travels
      comm->recv(got, before, i);
      EXPECT_EQ(values(got), std::vector<float>(50, static_cast<float>(10 * i + before)));
      comm->barrier();
    }
  });
  // by way of the host at first, then by NCCL
  EXPECT_THAT(calls_of(nccl->record(), 0), ::testing::Contains("send of 50 float32 to 1"));
  EXPECT_THAT(calls_of(nccl->record(), 1), ::testing::Contains("recv of 50 float32 from 0"));
}

TEST(NcclMessagesTest, OfAnotherSizeOrOrderAreErrors) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  run_on_threads(2,
                 [&](Communicator& threads) {
                   const auto comm = make("pure_nccl", threads);
                   const auto array_of = [&](std::int64_t count) {
                     return ones({count}, Dtype::kFloat32, gpu_of(*comm));
                   };
                   if (comm->rank() == 0) {
                     comm->send(array_of(3), 1, 0);
                     comm->barrier();  // joined by now
                     comm->send(array_of(3), 1, 5);
                     comm->send(array_of(3), 1, 6);
                     comm->send(array_of(4), 1, 7);
                     comm->barrier();
                   } else {
                     comm->recv(array_of(3), 0, 0);
                     comm->barrier();
                     EXPECT_THAT([&] { comm->recv(array_of(3), 0, 6); },
                                 ThrowsMessage<CommError>(HasSubstr("in the order in which")));
                     EXPECT_THAT([&] { comm->recv(array_of(3), 0, 7); },
                                 ThrowsMessage<CommError>(HasSubstr("sent 4 float32 with tag 7, expected 3")));
                     comm->barrier();
                   }
                 },
                 {.timeout_s = 4});
}

TEST(NcclMessagesTest, SaysThatBothSidesAreOfOneKind) {
  SimulatedGpus gpus(2);
  NcclScope nccl;
  run_on_threads(2, [&](Communicator& threads) {
    const auto comm = make("pure_nccl", threads);
    if (comm->rank() == 0) {
      comm->send(ones({3}), 1);
      comm->send_bytes("words", 1);
      return;
    }
    const Array on_gpu = zeros({3}, Dtype::kFloat32, gpu_of(*comm));
    EXPECT_THAT([&] { comm->recv(on_gpu, 0); },
                ThrowsMessage<CommError>(AllOf(HasSubstr("recv on a GPU: "), HasSubstr("rank 0 sent 3 float32"),
                                               HasSubstr("on GPUs, or both on the host."))));
    EXPECT_THAT(
        [&] { comm->recv(on_gpu, 0); },
        ThrowsMessage<CommError>(AllOf(HasSubstr("rank 0 sent 5 bytes"), HasSubstr("on GPUs, or both on the host."))));
  });
}

}  // namespace
}  // namespace rensa::testing
