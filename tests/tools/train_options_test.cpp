#include "tools/train/train_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace rensa::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(CommunicatorOptionsTest, AreWhatTheKeysSay) {
  TrainOptions o;
  EXPECT_FALSE(communicator_options(o).deterministic);
  o.communicator = "flat";
  o.deterministic = true;
  o.allreduce_grad_dtype = "float16";
  const CommunicatorOptions made = communicator_options(o);
  EXPECT_EQ(made.name, "flat");
  EXPECT_TRUE(made.deterministic);
  EXPECT_EQ(made.allreduce_grad_dtype, "float16");
}

TEST(CheckTrainingTest, WhatOnlyATrainingCannotHaveIsNoMatterForOthers) {
  TrainOptions o;
  o.communicator = "pure_nccl";
  EXPECT_NO_THROW(check_combinations(o));
  EXPECT_THAT([&] { check_training(o); }, ThrowsMessage<ConfigError>(HasSubstr("pure_nccl carries gradients on GPUs")));
  o.communicator = "auto";
  o.mixup = 0.2;
  o.batchsize = 5;
  EXPECT_NO_THROW(check_training(o));
  o.reproducible = 2;
  EXPECT_NO_THROW(check_combinations(o));
  EXPECT_THAT([&] { check_training(o); }, ThrowsMessage<ConfigError>(HasSubstr("needs an even batchsize")));
}

}  // namespace
}  // namespace rensa::tools
