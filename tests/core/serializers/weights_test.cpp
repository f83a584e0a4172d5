#include "core/serializers/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "core/links/batch_normalization.h"
#include "core/links/linear.h"
#include "core/links/weight_hooks.h"
#include "core/models/mlp.h"
#include "core/models/resnet.h"
#include "core/serializers/hdf5.h"
#include "core/serializers/npz.h"
#include "core/serializers/safetensors.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/simulated_driver.h"

namespace rensa {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

bool has_hdf5() {
  const testing::ScratchFolder folder;
  try {
    Hdf5Writer writer((folder.path() / "x.h5").string());
    return true;
  } catch (const FileError&) {
    return false;
  }
}

class WeightsTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "h5" && !has_hdf5()) GTEST_SKIP() << "built without libhdf5";
  }
  std::string path() const { return (folder_.path() / ("model." + GetParam())).string(); }
  testing::ScratchFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Formats, WeightsTest, ::testing::Values("npz", "safetensors", "h5"));

TEST_P(WeightsTest, AResidualNetworkComesBackWhole) {
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat64, Dtype::kFloat16, Dtype::kBFloat16}) {
    SCOPED_TRACE(dtype);
    models::ResNet saved({.layers = 18, .channels = 1, .classes = 3, .width = 4, .dtype = dtype}),
        loaded({.layers = 18, .channels = 1, .classes = 3, .width = 4, .dtype = dtype});
    for (const Link::NamedPersistent& named : saved.named_persistents()) named.array->fill(7);
    for (Parameter* parameter : saved.parameters()) parameter->array().fill(0.25);
    save_weights(saved, path());
    EXPECT_THAT(load_weights(loaded, path()), IsEmpty());
    for (Parameter* parameter : loaded.parameters()) EXPECT_THAT(to_vector<double>(parameter->array()), Each(0.25));
    for (const Link::NamedPersistent& named : loaded.named_persistents())
      EXPECT_THAT(to_vector<double>(*named.array), Each(7));
  }
}

/// A layer whose hook gives it a gamma and an approximation of its own, and statistics.
struct Normalized : Link {
  Linear out{{.in = 3, .out = 2}};
  BatchNormalization normalization{{.size = 2}};
  Normalized() {
    out.add_hook(std::make_shared<SpectralNormalization>(SpectralNormalizationOptions{.use_gamma = true}));
    add("out", out);
    add("normalization", normalization);
  }
  std::vector<double> values() {
    std::vector<double> all;
    const auto append = [&](const Array& array) {
      for (const double value : to_vector<double>(array.to(Device{}))) all.push_back(value);
    };
    for (const Parameter* parameter : parameters()) append(parameter->array());
    for (const NamedPersistent& named : named_persistents()) append(*named.array);
    return all;
  }
};

TEST_P(WeightsTest, AGammaBesideAWeightHasAPlaceOfItsOwn) {
  Normalized saved, loaded;
  saved.named_parameters().at(2).parameter->array().fill(5);
  ASSERT_EQ(saved.named_parameters().at(2).path, "out/gamma");
  save_weights(saved, path());
  EXPECT_NE(loaded.values(), saved.values());
  EXPECT_THAT(load_weights(loaded, path()), IsEmpty());
  EXPECT_EQ(loaded.values(), saved.values());
}

TEST_P(WeightsTest, ANetworkOnAGpuIsSavedFromThere) {
  const testing::SimulatedDevices simulated;
  Normalized saved, loaded;
  const std::vector<double> expected = saved.values();
  saved.to({DeviceKind::kCuda, 0});
  save_weights(saved, path());
  EXPECT_THAT(load_weights(loaded, path()), IsEmpty());
  EXPECT_EQ(loaded.values(), expected);
}

TEST_P(WeightsTest, AnotherNetworkIsRefusedWithAListOfWhatDiffers) {
  models::Mlp saved({.in = 3, .units = 4, .out = 2}), other({.in = 3, .units = 4, .out = 5});
  save_weights(saved, path());
  other.parameters()[0]->array().fill(9);
  EXPECT_THAT([&] { load_weights(other, path()); },
              ThrowsMessage<FileError>(AllOf(HasSubstr("l3/W: (2, 4) in the file, (5, 4) in the network"),
                                             HasSubstr("l3/b: (2,) in the file, (5,) in the network"))));
  EXPECT_THAT(to_vector<float>(other.parameters()[0]->array()), Each(9.0f)) << "a refused file changed the model";
  EXPECT_EQ(load_weights(other, path(), {.partial = true}).size(), 2u);
  models::ResNet resnet({.layers = 18, .classes = 2, .width = 4});
  EXPECT_THAT(
      [&] { load_weights(resnet, path()); },
      ThrowsMessage<FileError>(AllOf(HasSubstr("layer1/0/conv1/W: not in the file"), HasSubstr("not in the network"))));
}

TEST_P(WeightsTest, AValueWithoutAShapeIsMissedToo) {
  struct Network : Link {
    Linear first{{.in = kLazySize, .out = 2}}, second{{.in = kLazySize, .out = 2}};
    explicit Network(bool both) {
      add("first", first);
      if (both) add("second", second);
    }
  } saved(false), larger(true);
  saved.first(zeros({1, 3}));
  save_weights(saved, path());
  EXPECT_THAT([&] { load_weights(larger, path()); }, ThrowsMessage<FileError>(HasSubstr("second/W: not in the file")));
}

TEST_P(WeightsTest, AnotherDtypeIsRefusedUnlessAskedToConvert) {
  models::Mlp saved({.in = 3, .units = 4, .out = 2, .dtype = Dtype::kFloat64}), other({.in = 3, .units = 4, .out = 2});
  save_weights(saved, path());
  EXPECT_THAT([&] { load_weights(other, path()); },
              ThrowsMessage<FileError>(HasSubstr("l1/W: float64 in the file, float32 in the network")));
  EXPECT_THAT(load_weights(other, path(), {.convert = true}), IsEmpty());
}

TEST(TorchNameTest, NamesLayersAsPyTorchDoes) {
  EXPECT_EQ(torch_name("layer1/0/conv1/W"), "layer1.0.conv1.weight");
  EXPECT_EQ(torch_name("bn1/gamma"), "bn1.weight");
  EXPECT_EQ(torch_name("bn1/beta"), "bn1.bias");
  EXPECT_EQ(torch_name("layer2/0/downsample/1/avg_var"), "layer2.0.downsample.1.running_var");
  EXPECT_EQ(torch_name("bn1/N"), "bn1.num_batches_tracked");
  EXPECT_EQ(torch_name("fc/b"), "fc.bias");
  EXPECT_EQ(torch_name("fc/gamma", /*beside_weight=*/true), "fc.gamma");
}

TEST(ChainerFileTest, SnapshotsOfBothFormatsLoadUnderAnyName) {
  const testing::ScratchFolder folder;
  const auto save = [](models::Mlp& model, auto& writer) {
    model.serialize(writer.child("updater").child("model:main").child("predictor"));
  };
  for (const std::string name : {"snapshot_iter_1", "snapshot.npz", "snapshot.h5"}) {
    const std::string path = (folder.path() / name).string();
    for (const bool hdf5 : {false, true}) {
      SCOPED_TRACE(name + (hdf5 ? " in HDF5" : " in npz"));
      if (hdf5 && !has_hdf5()) continue;
      models::Mlp saved({.in = 3, .units = 4, .out = 2}), loaded({.in = 3, .units = 4, .out = 2});
      if (hdf5) {
        Hdf5Writer writer(path);
        save(saved, writer);
        writer.save();
      } else {
        NpzWriter writer;
        save(saved, writer);
        writer.save(path);
      }
      EXPECT_THAT(load_weights(loaded, path), IsEmpty());
      EXPECT_EQ(to_vector<float>(loaded.parameters()[0]->array()), to_vector<float>(saved.parameters()[0]->array()));
      EXPECT_EQ(open_reader(path, "updater/model:main/predictor/")->keys().size(), 6u);
    }
  }
}

TEST(ChainerFileTest, AFileThatIsNoneSaysWhatItsNamePromised) {
  const testing::ScratchFolder folder;
  EXPECT_THAT([&] { open_reader((folder.path() / "none").string()); },
              ThrowsMessage<FileError>(HasSubstr("no such file")));
  for (const auto& [name, format] : {std::pair("x.h5", "HDF5"), std::pair("x.npz", ".npz")}) {
    if (format == std::string("HDF5") && !has_hdf5()) continue;
    const std::string path = (folder.path() / name).string();
    std::ofstream(path) << "neither";
    EXPECT_THAT([&] { open_reader(path); }, ThrowsMessage<FileError>(HasSubstr(format)));
  }
}

struct Late : Link {
  Parameter W{init::ones()};
  Late() { add("W", W); }
};

TEST(NoneTest, AParameterWithoutAShapeIsNoneAndStaysOne) {
  const testing::ScratchFolder folder;
  for (const std::string end : {"npz", "h5"}) {
    if (end == "h5" && !has_hdf5()) continue;
    const std::string path = (folder.path() / ("late." + end)).string();
    Late saved, loaded;
    save_weights(saved, path);
    EXPECT_THAT(load_weights(loaded, path), IsEmpty()) << end;
    EXPECT_FALSE(loaded.W.is_initialized());
    loaded.W.initialize({2});
    EXPECT_THAT([&] { load_weights(loaded, path); }, ThrowsMessage<FileError>(HasSubstr("W: not in the file"))) << end;
  }
  Late late;
  EXPECT_THROW(save_weights(late, (folder.path() / "late.safetensors").string()), ValueError);
}

TEST(Hdf5Test, GivesBackWhatWasSaved) {
  if (!has_hdf5()) GTEST_SKIP() << "built without libhdf5";
  const testing::ScratchFolder folder;
  const std::string path = (folder.path() / "x.h5").string();
  std::int64_t number = (std::int64_t{1} << 62) + 1;
  double real = 0.1;
  bool yes = true;
  std::string text = "Straße 連鎖";
  {
    Hdf5Writer writer(path);
    writer("number", number);
    writer.child("a").child("/b/")("real", real);
    writer("yes", yes);
    writer("text", text);
    for (const Dtype dtype : {Dtype::kBool, Dtype::kUInt8, Dtype::kInt8, Dtype::kInt32, Dtype::kInt64, Dtype::kFloat16,
                              Dtype::kFloat32, Dtype::kFloat64}) {
      Array values = full({3, 2}, 1, dtype), none = zeros({0, 2}, dtype);
      writer(std::string(name(dtype)), values);
      writer(std::string(name(dtype)) + "_none", none);
    }
    writer.save();
  }
  Hdf5Reader reader(path);
  std::int64_t found_number = 0;
  double found_real = 0;
  bool found_yes = false;
  std::string found_text;
  reader("number", found_number);
  reader.child("a").child("b")("real", found_real);
  reader("yes", found_yes);
  reader("text", found_text);
  EXPECT_EQ(found_number, number);
  EXPECT_EQ(found_real, real);
  EXPECT_TRUE(found_yes);
  EXPECT_EQ(found_text, text);
  for (const Dtype dtype : {Dtype::kBool, Dtype::kUInt8, Dtype::kInt8, Dtype::kInt32, Dtype::kInt64, Dtype::kFloat16,
                            Dtype::kFloat32, Dtype::kFloat64}) {
    const Array values = reader.array(name(dtype));
    EXPECT_EQ(values.dtype(), dtype);
    EXPECT_EQ(values.shape(), Shape({3, 2}));
    EXPECT_THAT(to_vector<double>(values), Each(1));
  }
  EXPECT_EQ(Hdf5Reader(path, "a/b/").keys(), std::vector<std::string>{"real"});
}

TEST(Hdf5Test, RefusesWrongNamesShapesAndTypes) {
  if (!has_hdf5()) GTEST_SKIP() << "built without libhdf5";
  const testing::ScratchFolder folder;
  const std::string path = (folder.path() / "x.h5").string();
  {
    Hdf5Writer writer(path);
    Array values = ones({2, 3});
    std::string text = "text";
    writer("values", values);
    writer("text", text);
    writer.save();
  }
  Hdf5Reader reader(path);
  std::int64_t number = 0;
  double real = 0;
  std::string text;
  Array other = zeros({3, 2});
  EXPECT_THAT([&] { reader("none", real); }, ThrowsMessage<FileError>(HasSubstr("\"none\"")));
  EXPECT_THAT([&] { reader("values", number); }, ThrowsMessage<FileError>(HasSubstr("single whole number")));
  EXPECT_THAT([&] { reader("values", real); }, ThrowsMessage<FileError>(HasSubstr("(2, 3)")));
  EXPECT_THAT([&] { reader("values", text); }, ThrowsMessage<FileError>(HasSubstr("not a single text")));
  EXPECT_THAT([&] { reader("text", real); }, ThrowsMessage<FileError>(HasSubstr("element type")));
  EXPECT_THAT([&] { reader("values", other); }, ThrowsMessage<FileError>(HasSubstr("expected (3, 2)")));
  EXPECT_THAT([&] { Hdf5Reader missing((folder.path() / "none.h5").string()); },
              ThrowsMessage<FileError>(HasSubstr("no such file")));
}

}  // namespace
}  // namespace rensa
