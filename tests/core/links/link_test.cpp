#include "core/links/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/links/batch_normalization.h"
#include "core/links/linear.h"
#include "core/models/mlp.h"
#include "core/models/resnet.h"
#include "core/optimizers/parameter_arena.h"

namespace rensa {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

struct Leaf : Link {
  Parameter W{{2, 3}, init::normal()};
  Parameter b{{2}, init::zeros()};
  Array count = zeros({1});
  Leaf() {
    add("W", W);
    add("b", b);
    add_persistent("count", count);
  }
};

struct Tree : Link {
  Leaf left, right;
  Tree() {
    add("left", left);
    add("right", right);
  }
  void add_again() { add("left", right); }
};

TEST(LinkTest, PathsAreTheKeysOfASnapshot) {
  Tree tree;
  std::vector<std::string> paths;
  for (const auto& named : tree.named_parameters()) paths.push_back(named.path);
  EXPECT_THAT(paths, ElementsAre("left/W", "left/b", "right/W", "right/b"));
  EXPECT_EQ(tree.named_persistents().back().path, "right/count");
  EXPECT_EQ(tree.count_parameters(), 16);
}

TEST(LinkTest, RefusesANameTwice) {
  Tree tree;
  EXPECT_THAT([&] { tree.add_again(); }, ThrowsMessage<ValueError>(HasSubstr("\"left\"")));
}

TEST(LinkTest, CopiesParametersAndPersistentValuesByPath) {
  Tree from, to;
  from.left.W.array().fill(4);
  from.right.count.fill(9);
  to.copy_parameters(from);
  EXPECT_THAT(to_vector<float>(to.left.W.array()), Each(4.0f));
  EXPECT_THAT(to_vector<float>(to.right.count), Each(9.0f));
  Leaf other;
  EXPECT_THAT([&] { to.copy_parameters(other); }, ThrowsMessage<ValueError>(HasSubstr("left/W")));
}

struct WithMean : Link {
  Array mean;
  WithMean(std::int64_t size, Dtype dtype) : mean(zeros({size}, dtype)) { add_persistent("mean", mean); }
};

TEST(LinkTest, PersistentValuesKeepTheirDtypeAndShapeWhenCopied) {
  WithMean wide(3, Dtype::kFloat64), narrow(3, Dtype::kFloat32), longer(5, Dtype::kFloat32);
  narrow.mean.fill(2);
  wide.copy_parameters(narrow);
  EXPECT_EQ(wide.mean.dtype(), Dtype::kFloat64);
  EXPECT_THAT(to_vector<double>(wide.mean), Each(2.0));
  EXPECT_THAT([&] { wide.copy_parameters(longer); },
              ThrowsMessage<ShapeError>(AllOf(HasSubstr("\"mean\""), HasSubstr("(3,)"), HasSubstr("(5,)"))));
}

TEST(LinkTest, ACopyOfANetworkKeepsWhatWasSetInside) {
  models::ResNet network({.layers = 18, .classes = 2, .width = 4});
  const auto normalizations = [](Link& link) {
    std::vector<BatchNormalization*> found;
    for (const Link::NamedLink& named : link.named_links()) {
      if (auto* each = dynamic_cast<BatchNormalization*>(named.link)) found.push_back(each);
    }
    return found;
  };
  for (BatchNormalization* each : normalizations(network)) each->set_decay(0.25);
  const auto copy = clone(network, CopyMode::kInit);
  ASSERT_FALSE(normalizations(*copy).empty());
  for (const BatchNormalization* each : normalizations(*copy)) EXPECT_EQ(each->options().decay, 0.25);
}

TEST(LinkTest, ACopyThatLacksLinksIsRefused) {
  struct Wider : models::Mlp {
    Linear extra{{.in = 2, .out = 2}};
    Wider() : models::Mlp({.in = 2, .units = 2, .out = 2}) { add("extra", extra); }
  } network;
  EXPECT_THAT([&] { static_cast<Link&>(network).clone(CopyMode::kCopy); },
              ThrowsMessage<ValueError>(HasSubstr("Override do_clone()")));
}

TEST(ChainListTest, RefusesPositionsThatAreNotThere) {
  ChainList<Linear> layers;
  layers.append(std::make_unique<Linear>(LinearOptions{.in = 1, .out = 1}));
  EXPECT_THROW(layers.remove(1), IndexError);
  EXPECT_THROW(layers.insert(2, std::make_unique<Linear>(LinearOptions{.in = 1, .out = 1})), IndexError);
  layers.insert(1, std::make_unique<Linear>(LinearOptions{.in = 1, .out = 1}));
  EXPECT_EQ(layers.size(), 2u);
}

TEST(ParameterArenaTest, KeepsValuesInReverseOrderOnLinesOfTheirOwn) {
  Leaf leaf;
  const std::vector<float> before = to_vector<float>(leaf.W.array());
  const std::vector<ParameterArena> arenas = make_arenas(leaf.parameters());
  ASSERT_EQ(arenas.size(), 1u);
  const ParameterArena& arena = arenas.front();
  EXPECT_EQ(arena.slots.front().parameter, &leaf.b);
  EXPECT_EQ(to_vector<float>(leaf.W.array()), before);
  EXPECT_EQ(leaf.W.array().buffer(), arena.values.buffer());
  for (const ParameterArena::Slot& slot : arena.slots) EXPECT_EQ(slot.offset % 16, 0);
  EXPECT_EQ(leaf.W.grad_destination().raw_data(), ParameterArena::view(arena.gradients, arena.slots.back()).raw_data());
}

TEST(ParameterArenaTest, SeparatesDtypesAndTakesASharedParameterOnce) {
  Parameter a({3}, init::ones()), b({3}, init::ones(), Dtype::kFloat64);
  const std::vector<ParameterArena> arenas = make_arenas({&a, &b, &a});
  ASSERT_EQ(arenas.size(), 2u);
  EXPECT_EQ(arenas[0].slots.size(), 1u);
  EXPECT_EQ(arenas[1].slots.size(), 1u);
}

TEST(ParameterArenaTest, MovesAGradientThatIsThereAlready) {
  Parameter a({3}, init::ones());
  a.set_grad(Variable(full({3}, 5)));
  const std::vector<ParameterArena> arenas = make_arenas({&a});
  EXPECT_THAT(to_vector<float>(a.grad_destination()), Each(5.0f));
  EXPECT_EQ(a.grad().raw_data(), a.grad_destination().raw_data());
}

}  // namespace
}  // namespace rensa
