// Links under Chainer's keys give Chainer's outputs: tests/golden/links.npz (scripts/oracle/make_link_goldens.py).
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <ostream>

#include "core/autograd/config.h"
#include "core/device/random.h"
#include "core/error.h"
#include "core/functions/shape.h"
#include "core/links/activation.h"
#include "core/links/batch_normalization.h"
#include "core/links/blocks.h"
#include "core/links/connection.h"
#include "core/links/convolution_2d.h"
#include "core/links/convolution_nd.h"
#include "core/links/losses.h"
#include "core/links/n_step.h"
#include "core/links/normalization.h"
#include "core/links/recurrent.h"
#include "core/links/tree_lstm.h"
#include "core/links/weight_hooks.h"
#include "core/serializers/npz.h"
#include "tests/support/emulated_gpu.h"
#include "tests/support/golden_file.h"

namespace rensa {
namespace {

using Make = std::function<std::unique_ptr<Link>(Dtype dtype)>;
using Run = std::function<Variables(Link& link, const Variables& xs)>;

struct LinkCase {
  std::string name;
  Make make;
  Run run;
};
void PrintTo(const LinkCase& c, std::ostream* out) { *out << c.name; }

Variables unary(Link& link, const Variables& xs) { return {dynamic_cast<UnaryLink&>(link)(xs[0])}; }

/// A stateful link over several inputs.
Variables steps(Link& link, const Variables& xs) {
  Variables ys;
  for (const Variable& x : xs) ys.push_back(dynamic_cast<UnaryLink&>(link)(x));
  return ys;
}

template <class L>
Variables tree(Link& link, const Variables& xs) {  // c1, h1, c2, h2, x
  const functions::LstmState node = dynamic_cast<L&>(link)({xs[0], xs[2]}, {xs[1], xs[3]}, xs[4]);
  return {node.c, node.h};
}

/// x (classes, features): the loss of each row for its class.
Variables losses_by_class(Link& link, const Variables& xs) {
  auto& loss = dynamic_cast<BinaryHierarchicalSoftmax&>(link);
  Variables losses;
  const std::vector<std::int64_t> labels = to_vector<std::int64_t>(xs[1].array().to(Device{}).to(Dtype::kInt64));
  for (std::int64_t row = 0; row < xs[0].shape()[0]; ++row) {
    const Variable x = functions::slice(xs[0], 0, {.start = row, .stop = row + 1});
    losses.push_back(loss(x, array<std::int64_t>({labels[static_cast<std::size_t>(row)]})));
  }
  return losses;
}

Variables whole_sequences(Link& link, const Variables& xs) {
  const NStepRnn::Result result = dynamic_cast<NStepRnn&>(link)({}, {}, xs);
  Variables ys = {result.h};
  if (result.c) ys.push_back(result.c);
  ys.insert(ys.end(), result.ys.begin(), result.ys.end());
  return ys;
}

template <class Options, class Factory>
Make made(Factory factory, const Options& options) {
  return [=](Dtype dtype) -> std::unique_ptr<Link> {
    Options with_dtype = options;
    with_dtype.dtype = dtype;
    return factory(with_dtype);
  };
}
template <class L, class Options>
Make of(const Options& options) {
  return made([](const Options& o) { return std::make_unique<L>(o); }, options);
}

template <class Hook, class... Options>
Make hooked(const Make& make, Options... options) {
  return [=](Dtype dtype) {
    std::unique_ptr<Link> link = make(dtype);
    link->add_hook(std::make_shared<Hook>(options...));
    return link;
  };
}

std::vector<LinkCase> cases() {
  const CellOptions cell{.in = 2, .out = 3};
  const NStepOptions n_step{.layers = 2, .in = 3, .out = 2};
  const DeformableConvolution2DOptions deformable{.in = 4, .out = 3, .kernel = 3, .pad = 1};
  return {
      {"linear", of<Linear>(LinearOptions{.in = 4, .out = 3}), unary},
      {"linear_lazy", of<Linear>(LinearOptions{.in = kLazySize, .out = 3}), unary},
      {"prelu", [](Dtype dtype) { return std::make_unique<PRelu>(Shape{3}, 0.25, dtype); }, unary},
      {"swish", [](Dtype dtype) { return std::make_unique<Swish>(Shape{3}, 1, dtype); }, unary},
      {"maxout", of<Maxout>(MaxoutOptions{.in = 4, .out = 3, .pool_size = 2}), unary},
      {"dropconnect", of<SimplifiedDropconnect>(SimplifiedDropconnectOptions{.in = kLazySize, .out = 3}), unary},
      {"bias", [](Dtype dtype) { return std::make_unique<Bias>(Shape{4}, 1, dtype); }, unary},
      {"scale", of<Scale>(ScaleOptions{.shape = {4}, .bias_term = true}), unary},
      {"bilinear", of<Bilinear>(BilinearOptions{.left = 3, .right = 4, .out = 2}),
       [](Link& link, const Variables& xs) { return Variables{dynamic_cast<Bilinear&>(link)(xs[0], xs[1])}; }},
      {"embed_id", of<EmbedId>(EmbedIdLinkOptions{.in = 7, .out = 3}),
       [](Link& link, const Variables& xs) { return Variables{dynamic_cast<EmbedId&>(link)(xs[0].array())}; }},
      {"highway", of<Highway>(HighwayOptions{.size = 4}), unary},
      {"convolution_1d",
       made(convolution_1d,
            ConvolutionNdLinkOptions{
                .axes = 1, .in = 4, .out = 3, .kernel = {3}, .window = {.stride = {2}, .pad = {1}}}),
       unary},
      {"convolution_3d",
       made(convolution_3d, ConvolutionNdLinkOptions{.axes = 3, .in = kLazySize, .out = 3, .kernel = {2}}), unary},
      {"deconvolution_1d",
       made(deconvolution_1d,
            DeconvolutionNdLinkOptions{.axes = 1, .in = 4, .out = 3, .kernel = {3}, .window = {.stride = {2}}}),
       unary},
      {"deconvolution_2d",
       made(deconvolution_2d,
            DeconvolutionNdLinkOptions{
                .axes = 2, .in = kLazySize, .out = 3, .kernel = {3}, .window = {.stride = {2}, .pad = {1}}}),
       unary},
      {"deconvolution_3d",
       made(deconvolution_3d, DeconvolutionNdLinkOptions{.axes = 3, .in = 2, .out = 3, .kernel = {2}}), unary},
      {"dilated_convolution_2d",
       made(dilated_convolution_2d, SquareConvolutionOptions{.in = 4, .out = 3, .pad = 2, .dilate = 2}), unary},
      {"depthwise_convolution_2d", of<DepthwiseConvolution2D>(SquareConvolutionOptions{.in = 4, .out = 2, .pad = 1}),
       unary},
      {"local_convolution_2d", of<LocalConvolution2D>(SquareConvolutionOptions{.in = 4, .out = 2}), unary},
      {"deformable_convolution_2d", of<DeformableConvolution2D>(deformable), unary},
      {"deformable_convolution_2d_no_bias",
       of<DeformableConvolution2D>(
           DeformableConvolution2DOptions{.in = kLazySize, .out = 3, .kernel = 3, .pad = 1, .bias = false}),
       unary},
      {"mlp_convolution_2d", of<MlpConvolution2D>(MlpConvolution2DOptions{.in = 4, .out = {3, 2}, .pad = 1}), unary},
      {"inception", of<Inception>(InceptionOptions{4, 2, 3, 2, 3, 2, 2}), unary},
      {"inception_bn",
       of<InceptionBn>(InceptionBnOptions{.in = 4,
                                          .out1 = 2,
                                          .proj3 = 3,
                                          .out3 = 2,
                                          .proj33 = 3,
                                          .out33 = 2,
                                          .average_pooling = true,
                                          .proj_pool = 2}),
       unary},
      {"inception_bn_reduction",
       of<InceptionBn>(
           InceptionBnOptions{.in = 4, .out1 = 0, .proj3 = 3, .out3 = 2, .proj33 = 3, .out33 = 2, .stride = 2}),
       unary},
      {"binary_hierarchical_softmax",
       of<BinaryHierarchicalSoftmax>(BinaryHierarchicalSoftmax::Options{.in = 3, .counts = {10, 7, 4, 3, 1, 2}}),
       losses_by_class},
      {"binary_hierarchical_softmax_tree",
       of<BinaryHierarchicalSoftmax>(
           BinaryHierarchicalSoftmax::Options{.in = 3, .tree = ClassTree{{1, 2}, {ClassTree{3, 0}, 5}}}),
       losses_by_class},
      {"layer_normalization", of<LayerNormalization>(LayerNormalizationOptions{}), unary},
      {"group_normalization", of<GroupNormalization>(GroupNormalizationOptions{.groups = 2}), unary},
      {"batch_normalization", of<BatchNormalization>(BatchNormalizationLinkOptions{.size = 4}), unary},
      {"batch_normalization_lazy", of<BatchNormalization>(BatchNormalizationLinkOptions{}), unary},
      {"batch_normalization_no_beta",
       of<BatchNormalization>(BatchNormalizationLinkOptions{.size = 4, .use_beta = false}), unary},
      {"batch_normalization_no_gamma",
       of<BatchNormalization>(BatchNormalizationLinkOptions{.size = 4, .use_gamma = false}), unary},
      {"batch_normalization_axis", of<BatchNormalization>(BatchNormalizationLinkOptions{.axis = {0, 2}}), unary},
      {"batch_renormalization", of<BatchRenormalization>(BatchRenormalizationLinkOptions{.size = 4}), unary},
      {"decorrelated_batch_normalization",
       of<DecorrelatedBatchNormalization>(
           DecorrelatedBatchNormalizationLinkOptions{.size = 4, .normalization = {.groups = 2}}),
       unary},
      {"lstm", of<Lstm>(cell), steps},
      {"peephole_lstm", of<StatefulPeepholeLstm>(cell), steps},
      {"zoneout_lstm", of<StatefulZoneoutLstm>(cell), steps},
      {"gru", of<StatefulGru>(cell), steps},
      {"mgu", of<StatefulMgu>(CellOptions{.in = kLazySize, .out = 3}), steps},
      {"child_sum_tree_lstm", of<ChildSumTreeLstm>(cell), tree<ChildSumTreeLstm>},
      {"nary_tree_lstm",
       made([](const CellOptions& options) { return std::make_unique<NaryTreeLstm>(options, 2); }, cell),
       tree<NaryTreeLstm>},
      {"n_step_lstm", made(n_step_lstm, n_step), whole_sequences},
      {"n_step_bilstm", made(n_step_bilstm, n_step), whole_sequences},
      {"n_step_gru", made(n_step_gru, n_step), whole_sequences},
      {"n_step_bigru", made(n_step_bigru, n_step), whole_sequences},
      {"n_step_rnn_tanh", made(n_step_rnn_tanh, n_step), whole_sequences},
      {"n_step_birnn_tanh", made(n_step_birnn_tanh, n_step), whole_sequences},
      {"n_step_rnn_relu", made(n_step_rnn_relu, n_step), whole_sequences},
      {"n_step_birnn_relu", made(n_step_birnn_relu, n_step), whole_sequences},
      {"spectral_linear", hooked<SpectralNormalization>(of<Linear>(LinearOptions{.in = kLazySize, .out = 3})), unary},
      {"spectral_embed_id", hooked<SpectralNormalization>(of<EmbedId>(EmbedIdLinkOptions{.in = 7, .out = 3})),
       [](Link& link, const Variables& xs) { return Variables{dynamic_cast<EmbedId&>(link)(xs[0].array())}; }},
      {"spectral_convolution_2d",
       hooked<SpectralNormalization>(
           of<Convolution2D>(Convolution2DOptions{.in = 4, .out = 3, .kernel = {3, 3}}),
           SpectralNormalizationOptions{.n_power_iteration = 2, .use_gamma = true, .factor = 0.5}),
       unary},
      {"spectral_deconvolution_2d",
       hooked<SpectralNormalization>(
           made(deconvolution_2d, DeconvolutionNdLinkOptions{.axes = 2, .in = 4, .out = 3, .kernel = {3}})),
       unary},
      {"standardized_convolution_2d",
       hooked<WeightStandardization>(of<Convolution2D>(Convolution2DOptions{.in = 4, .out = 3, .kernel = {3, 3}})),
       unary},
  };
}

class ChainerLinkTest : public ::testing::TestWithParam<LinkCase> {
 protected:
  ChainerLinkTest() : scope_({.train = false}) {}
  static const NpzReader& golden() {
    static const NpzReader file(RENSA_SOURCE_DIR "/tests/golden/links.npz");
    return file;
  }
  Variables inputs() const {
    Variables xs;
    for (int i = 0; golden().has(key("x", i)); ++i) xs.push_back(Variable(golden().array(key("x", i))));
    return xs;
  }
  std::string key(const char* kind, int i) const { return GetParam().name + "/" + kind + std::to_string(i); }
  void load(Link& link) const {
    NpzReader reader(RENSA_SOURCE_DIR "/tests/golden/links.npz", GetParam().name + "/link/");
    link.serialize(reader);
  }
  /// What a step of training gives, by name: outputs, their gradients for the inputs that want one, and for parameters.
  static std::map<std::string, Array> with_gradients(Link& link, const Variables& xs) {
    const ConfigScope training({});
    random_context() = {.seed = 1, .step = 0, .first_sample = 0, .uses = 0};  // the same is dropped
    Variables ys = GetParam().run(link, xs);
    for (Variable& y : ys) y.set_grad(Variable(ones(y.shape(), y.dtype(), y.device())));
    backward(ys);
    std::map<std::string, Array> found;
    for (std::size_t i = 0; i < ys.size(); ++i) found["y" + std::to_string(i)] = ys[i].array();
    for (std::size_t i = 0; i < xs.size(); ++i) {
      if (xs[i].requires_grad()) found["gx" + std::to_string(i)] = xs[i].grad();
    }
    for (const Link::NamedParameter& named : link.named_parameters()) found[named.path] = named.parameter->grad();
    return found;
  }
  void expect_outputs(const Variables& ys) const {
    for (std::size_t i = 0; i < ys.size(); ++i) {
      EXPECT_TRUE(testing::near(ys[i].array(), golden().array(key("y", static_cast<int>(i))), 2e-5)) << "output " << i;
    }
    EXPECT_FALSE(golden().has(key("y", static_cast<int>(ys.size())))) << "an output is missing";
  }

 private:
  const ConfigScope scope_;
};
INSTANTIATE_TEST_SUITE_P(Links, ChainerLinkTest, ::testing::ValuesIn(cases()),
                         [](const auto& one) { return one.param.name; });

TEST_P(ChainerLinkTest, GivesChainersOutputs) {
  const std::unique_ptr<Link> link = GetParam().make(Dtype::kFloat32);
  load(*link);
  expect_outputs(GetParam().run(*link, inputs()));
}

TEST_P(ChainerLinkTest, ACopyIsEqualAndAnInitialisedOneStartsAnew) {
  const std::unique_ptr<Link> link = GetParam().make(Dtype::kFloat32);
  load(*link);
  const std::unique_ptr<Link> copy = link->clone(), shared = link->clone(CopyMode::kShare),
                              fresh = link->clone(CopyMode::kInit);
  expect_outputs(GetParam().run(*copy, inputs()));
  for (std::size_t i = 0; i < link->parameters().size(); ++i) {
    EXPECT_NE(copy->parameters()[i]->array().raw_data(), link->parameters()[i]->array().raw_data());
    EXPECT_EQ(shared->parameters()[i]->array().raw_data(), link->parameters()[i]->array().raw_data());
  }
  EXPECT_EQ(fresh->named_parameters().size(), link->named_parameters().size());
}

TEST_P(ChainerLinkTest, SixteenBitsStayNear) {
  const bool jumps =
      GetParam().name.starts_with("deformable_convolution_2d");  // its gradient, where an offset passes a pixel
  for (const auto& [dtype, tolerance] : {std::pair{Dtype::kBFloat16, 0.1}, std::pair{Dtype::kFloat16, 0.02}}) {
    SCOPED_TRACE(dtype);
    const auto run = [&](Dtype computed_in) {
      const std::unique_ptr<Link> link = GetParam().make(computed_in);
      load(*link);
      Variables xs = inputs();
      for (Variable& x : xs) {
        if (!is_floating(x.dtype())) continue;
        x = Variable(x.array().to(dtype).to(computed_in), /*requires_grad=*/true);  // what 16 bits hold, on both sides
      }
      const std::map<std::string, Array> found = with_gradients(*link, xs);
      for (std::size_t i = 0; found.contains("y" + std::to_string(i)); ++i) {
        EXPECT_EQ(found.at("y" + std::to_string(i)).dtype(), computed_in);
      }
      return found;
    };
    const auto expected = run(Dtype::kFloat32);
    for (const auto& [name, found] : run(dtype)) {
      if (jumps && !name.starts_with("y")) continue;
      ASSERT_TRUE(found) << name;
      EXPECT_TRUE(testing::near(found.to(Dtype::kFloat32), expected.at(name), tolerance)) << name;
    }
  }
}

TEST_P(ChainerLinkTest, IsTheSameOnAGpu) {
  const testing::EmulatedGpus gpus;
  const auto run = [&](Device device) {
    const std::unique_ptr<Link> link = GetParam().make(Dtype::kFloat32);
    load(*link);
    link->to(device);
    Variables xs = inputs();
    for (Variable& x : xs) x = Variable(x.array().to(device), /*requires_grad=*/is_floating(x.dtype()));
    return with_gradients(*link, xs);
  };
  const Device gpu{DeviceKind::kCuda, 0};
  if (GetParam().name == "decorrelated_batch_normalization") {  // linear algebra
    EXPECT_THROW(run(gpu), DeviceError);
    return;
  }
  const auto expected = run(Device{});
  for (const auto& [name, found] : run(gpu)) {
    ASSERT_TRUE(found) << name;
    EXPECT_EQ(found.device(), gpu) << name;
    EXPECT_TRUE(testing::near(found, expected.at(name), 1e-5)) << name;
  }
}

TEST_P(ChainerLinkTest, EveryParameterGetsAGradient) {
  const ConfigScope training({});
  const std::unique_ptr<Link> link = GetParam().make(Dtype::kFloat32);
  Variables ys = GetParam().run(*link, inputs());
  for (Variable& y : ys) y.set_grad(Variable(ones(y.shape(), y.dtype())));
  backward(ys);
  for (const Link::NamedParameter& named : link->named_parameters()) {
    EXPECT_TRUE(named.parameter->grad()) << named.path;
  }
}

}  // namespace
}  // namespace rensa
