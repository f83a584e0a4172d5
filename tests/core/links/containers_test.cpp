// Sequential, ChainList, ParameterLink, the ways of copying, attention and VGG as links.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/autograd/config.h"
#include "core/autograd/gradient_check.h"
#include "core/error.h"
#include "core/functions/activation.h"
#include "core/functions/arithmetic.h"
#include "core/functions/reduction.h"
#include "core/links/attention.h"
#include "core/links/connection.h"
#include "core/links/linear.h"
#include "core/models/vgg.h"
#include "core/optimizers/sgd.h"

namespace rensa {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::unique_ptr<Linear> linear(std::int64_t in, std::int64_t out) {
  return std::make_unique<Linear>(LinearOptions{.in = in, .out = out, .dtype = Dtype::kFloat64});
}

std::vector<std::string> paths(Link& link) {
  std::vector<std::string> found;
  for (const Link::NamedParameter& named : link.named_parameters()) found.push_back(named.path);
  return found;
}

TEST(SequentialTest, NumbersLinksAloneAsChainerDoes) {
  Sequential model(linear(2, 3), functions::relu, linear(3, 2));
  EXPECT_THAT(paths(model), ElementsAre("0/W", "0/b", "1/W", "1/b"));
  model.insert(0, linear(2, 2));
  model.insert(1, functions::tanh);
  EXPECT_EQ(model.size(), 5u);
  EXPECT_EQ(paths(model).back(), "2/b");
  EXPECT_EQ(model.count_by_layer_type<Linear>(), 3u);
  model.remove(0);
  EXPECT_EQ(model.count_by_layer_type<Linear>(), 2u);
  EXPECT_EQ(model.link(0), nullptr);
  EXPECT_THROW(model.remove(9), IndexError);
  model.remove_by_layer_type<Linear>();
  EXPECT_TRUE(paths(model).empty());
  EXPECT_EQ(model.size(), 2u);
}

TEST(SequentialTest, BeginsWithAnEmbedId) {
  auto embed = std::make_unique<EmbedId>(EmbedIdLinkOptions{.in = 5, .out = 3, .dtype = Dtype::kFloat64});
  EmbedId& first = *embed;
  Sequential model(std::move(embed), functions::relu, linear(3, 2));
  EXPECT_THAT(paths(model), ElementsAre("0/W", "1/W", "1/b"));
  const Array classes = array<std::int64_t>({4, 0});
  auto& last = dynamic_cast<Linear&>(*model.link(2));
  const Variable y = model(Variable(classes));
  EXPECT_EQ(to_vector<double>(y.array()), to_vector<double>(last(functions::relu(first(classes))).array()));
  functions::sum(y).backward();
  EXPECT_TRUE(first.W.grad());
}

TEST(SequentialTest, FlattensExtendsAndRepeats) {
  Sequential model(std::make_unique<Sequential>(linear(2, 2), functions::relu), linear(2, 2));
  const Variable x(random_array({3, 2}, 1));
  const Array before = model(x).array();
  model.flatten();
  EXPECT_EQ(model.size(), 3u);
  EXPECT_THAT(paths(model), ElementsAre("0/W", "0/b", "1/W", "1/b"));
  EXPECT_EQ(to_vector<double>(model(x).array()), to_vector<double>(before));
  Sequential more(linear(2, 2));
  model.extend(std::move(more));
  EXPECT_EQ(paths(model).back(), "2/b");
  EXPECT_EQ(more.size(), 0u);
  const auto copies = model.repeat(2, CopyMode::kCopy);
  EXPECT_EQ(paths(*copies).size(), 12u);
  EXPECT_EQ(to_vector<double>((*copies)(x).array()), to_vector<double>(model(model(x)).array()));
}

TEST(ChainListTest, NumbersItsLinksAnewWhenOneGoes) {
  ChainList<Linear> list;
  list.append(linear(1, 1));
  Linear& second = list.append(linear(1, 2));
  list.insert(0, linear(1, 3));
  EXPECT_THAT(paths(list), ElementsAre("0/W", "0/b", "1/W", "1/b", "2/W", "2/b"));
  list.remove(1);
  EXPECT_EQ(&list[1], &second);
  EXPECT_EQ(list.size(), 2u);
  const auto copy = clone(list);
  EXPECT_EQ(to_vector<double>((*copy)[0].W.array()), to_vector<double>(list[0].W.array()));
}

TEST(CopyModeTest, SharedLinksLearnTogetherAfterSetup) {
  Sequential model(linear(2, 2));
  Sgd optimizer({.lr = 1});
  optimizer.setup(model);
  const auto shared = clone(model, CopyMode::kShare), fresh = clone(model, CopyMode::kInit);
  functions::sum((*shared)(Variable(ones({1, 2}, Dtype::kFloat64)))).backward();
  EXPECT_FALSE(model.parameters()[0]->grad()) << "gradients are each one's own";
  functions::sum(model(Variable(ones({1, 2}, Dtype::kFloat64)))).backward();
  optimizer.update();
  EXPECT_EQ(to_vector<double>(shared->parameters()[0]->array()), to_vector<double>(model.parameters()[0]->array()));
  EXPECT_NE(to_vector<double>(fresh->parameters()[0]->array()), to_vector<double>(model.parameters()[0]->array()));
  EXPECT_TRUE(model.update_enabled());
  model.enable_update(false);
  EXPECT_FALSE(model.update_enabled());
}

TEST(ParameterLinkTest, GivesItsParameter) {
  ParameterLink link({2, 3}, init::ones());
  EXPECT_THAT(to_vector<float>(link().array()), Each(1.0f));
  EXPECT_EQ(paths(link), std::vector<std::string>{"W"});
}

TEST(LazySizeTest, JoinsTheOptimizerWhenTheFirstBatchTellsIt) {
  Sequential model(std::make_unique<Linear>(LinearOptions{.in = kLazySize, .out = 2}));
  Sgd optimizer;
  optimizer.setup(model);
  functions::sum(model(Variable(ones({3, 5})))).backward();
  optimizer.update();
  EXPECT_EQ(model.parameters()[0]->shape(), Shape({2, 5}));
  EXPECT_EQ(optimizer.t(), 1);
  EXPECT_NE(to_vector<float>(model.parameters()[1]->array())[0], 0.0f);
}

TEST(MultiHeadAttentionTest, SeesWhatItShould) {
  MultiHeadAttention causal({.size = 8, .heads = 2, .causal = true, .dtype = Dtype::kFloat64});
  const Array x = random_array({1, 4, 8}, 2);
  Array changed = x.copy();
  changed.select(1, 3).fill(9);
  const Array y = causal(x).array(), z = causal(changed).array();
  EXPECT_EQ(to_vector<double>(y.slice(1, {.start = 0, .stop = 3})),
            to_vector<double>(z.slice(1, {.start = 0, .stop = 3})));
  MultiHeadAttention padded({.size = 8, .heads = 4, .dtype = Dtype::kFloat64});
  const Array length = array<std::int64_t>({3});
  EXPECT_EQ(to_vector<double>(padded(x, x, length).array().slice(1, {.start = 0, .stop = 3})),
            to_vector<double>(padded(x.slice(1, {.start = 0, .stop = 3}), changed, length).array()));
  EXPECT_THAT([] { MultiHeadAttention({.size = 8, .heads = 3}); }, ThrowsMessage<ValueError>(HasSubstr("3 heads")));
  EXPECT_THAT([&] { causal(Variable(x.reshape({4, 8}))); }, ThrowsMessage<ShapeError>(HasSubstr("(4, 8)")));
}

TEST(TransformerBlockTest, HasAGradientForEveryParameter) {
  TransformerBlock block({.size = 8, .heads = 2, .cross = true, .dtype = Dtype::kFloat64});
  const Variable x(random_array({2, 3, 8}, 1)), memory(random_array({2, 5, 8}, 2));
  functions::sum(block(x, memory) * block(x, memory)).backward();
  for (const Link::NamedParameter& named : block.named_parameters()) EXPECT_TRUE(named.parameter->grad()) << named.path;
  EXPECT_THROW(block(x), ValueError);
}

TEST(VggTest, HasTorchvisionsKeys) {
  models::Vgg model({.layers = 11, .channels = 3, .classes = 2, .hidden = 8});
  EXPECT_THAT(paths(model),
              ::testing::IsSupersetOf({"features/0/W", "features/3/b", "features/18/W", "classifier/6/b"}));
  EXPECT_THAT([] { models::Vgg({.layers = 12}); }, ThrowsMessage<ValueError>(HasSubstr("12 layers")));
}

}  // namespace
}  // namespace rensa
