#include "tools/train/model_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/links/linear.h"
#include "core/models/mlp.h"
#include "core/serializers/npz.h"
#include "tests/support/scratch_folder.h"

namespace rensa::tools {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

Parameter& parameter(Link& model, const std::string& path) {
  for (const Link::NamedParameter& named : model.named_parameters()) {
    if (named.path == path) return *named.parameter;
  }
  throw ValueError("there is no parameter ", path);
}

models::MlpOptions sizes(std::int64_t out) { return {.in = 3, .units = 4, .out = out}; }

void save(Link& model, const std::string& path, const std::string& prefix = "") {
  NpzWriter writer;
  Serializer* place = &writer;
  for (std::size_t begin = 0; begin < prefix.size();) {
    const std::size_t end = prefix.find('/', begin);
    place = &place->child(prefix.substr(begin, end - begin));
    begin = end + 1;
  }
  model.serialize(*place);
  writer.save(path);
}

TEST(InitialWeightsTest, TakesWhatFitsAndListsTheRest) {
  const rensa::testing::ScratchFolder scratch;
  models::Mlp from(sizes(2)), to(sizes(5));
  parameter(from, "l1/W").array().fill(7);
  save(from, scratch / "model.npz");
  const std::vector<std::string> left = load_initial_weights(to, scratch / "model.npz");
  EXPECT_THAT(left, UnorderedElementsAre(HasSubstr("l3/W: (2, 4) in the file, (5, 4) in the network"),
                                         HasSubstr("l3/b: (2,) in the file, (5,) in the network")));
  EXPECT_THAT(to_vector<float>(parameter(to, "l1/W").array()), Each(7.0f));
}

struct Half : Link {
  Linear l1{{.in = 3, .out = 4}}, head{{.in = 4, .out = 2}};
  Half() {
    add("l1", l1);
    add("head", head);
  }
};

TEST(InitialWeightsTest, ListsWhatEitherSideLacks) {
  const rensa::testing::ScratchFolder scratch;
  models::Mlp from(sizes(2));
  save(from, scratch / "model.npz");
  Half to;
  const std::vector<std::string> left = load_initial_weights(to, scratch / "model.npz");
  EXPECT_THAT(left, AllOf(Contains("head/W: not in the file"), Contains("l2/W: not in the network"),
                          Not(Contains(HasSubstr("l1/")))));
}

TEST(InitialWeightsTest, FindsTheModelInATrainersSnapshot) {
  const rensa::testing::ScratchFolder scratch;
  models::Mlp from(sizes(2)), to(sizes(2));
  parameter(from, "l2/b").array().fill(3);
  save(from, scratch / "snapshot", "updater/model:main/");
  EXPECT_THAT(load_initial_weights(to, scratch / "snapshot"), IsEmpty());
  EXPECT_THAT(to_vector<float>(parameter(to, "l2/b").array()), Each(3.0f));
}

TEST(ParameterOptionsTest, FreezesByPattern) {
  models::Mlp model(sizes(2));
  TrainOptions options;
  options.freeze = {"l1/*", "l?/b"};
  apply_parameter_options(model, options);
  EXPECT_FALSE(parameter(model, "l1/W").update_enabled);
  EXPECT_FALSE(parameter(model, "l3/b").update_enabled);
  EXPECT_TRUE(parameter(model, "l2/W").update_enabled);
}

TEST(ParameterOptionsTest, GroupsMultiplyRateAndDecay) {
  models::Mlp model(sizes(2));
  TrainOptions options;
  options.param_groups = {"l3/*:10:0.5", "l1/W:0.1:0"};
  apply_parameter_options(model, options);
  EXPECT_EQ(parameter(model, "l3/b").lr_scale, 10);
  EXPECT_EQ(parameter(model, "l3/b").weight_decay_scale, 0.5);
  EXPECT_EQ(parameter(model, "l1/W").lr_scale, 0.1);
  EXPECT_EQ(parameter(model, "l1/W").weight_decay_scale, 0);
  EXPECT_EQ(parameter(model, "l2/W").lr_scale, 1);
}

TEST(ParameterOptionsTest, GroupsOverlapAndKeepWhatIsExemptFromDecay) {
  models::Mlp model(sizes(2));
  TrainOptions options;
  options.decay_bias_and_norm = false;
  options.param_groups = {"l3/*:10:2", "l3/W:0.5:3"};
  apply_parameter_options(model, options);
  EXPECT_EQ(parameter(model, "l3/b").weight_decay_scale, 0);
  EXPECT_EQ(parameter(model, "l3/b").lr_scale, 10);
  EXPECT_EQ(parameter(model, "l3/W").weight_decay_scale, 6);
  EXPECT_EQ(parameter(model, "l3/W").lr_scale, 5);
}

TEST(ParameterOptionsTest, ExemptsBiasesFromDecay) {
  models::Mlp model(sizes(2));
  TrainOptions options;
  options.decay_bias_and_norm = false;
  apply_parameter_options(model, options);
  EXPECT_EQ(parameter(model, "l1/b").weight_decay_scale, 0);
  EXPECT_EQ(parameter(model, "l1/W").weight_decay_scale, 1);
}

TEST(ParameterOptionsTest, RefusesPatternsThatMatchNothingAndWhatIsNotAGroup) {
  models::Mlp model(sizes(2));
  TrainOptions missing;
  missing.freeze = {"l9/W"};
  EXPECT_THAT([&] { apply_parameter_options(model, missing); },
              ThrowsMessage<ConfigError>(AllOf(HasSubstr("\"l9/W\""), HasSubstr("did you mean \"l1/W\""))));
  for (const char* group : {"l1/W", "l1/W:1", "l1/W:fast:1", "l1/W:1:-1", "l1/W:nan:1", "l1/W:1:inf"}) {
    TrainOptions options;
    options.param_groups = {group};
    EXPECT_THAT([&] { apply_parameter_options(model, options); },
                ThrowsMessage<ConfigError>(AllOf(HasSubstr(group), HasSubstr("PATTERN:LR:DECAY"))));
  }
}

}  // namespace
}  // namespace rensa::tools
