#include "tests/core/functions/function_case.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <ostream>

#include "core/autograd/gradient_check.h"
#include "core/device/random.h"
#include "core/error.h"
#include "core/serializers/npz.h"
#include "tests/support/emulated_gpu.h"
#include "tests/support/golden_file.h"

namespace rensa::testing {
namespace {

/// How far a function of several roundings may be off, relative to 1 + |expected|: about 16 of the type's own.
struct Half {
  Dtype dtype;
  double tolerance;
};
constexpr Half kHalves[] = {{Dtype::kFloat16, 0.015}, {Dtype::kBFloat16, 0.12}};

constexpr GradientCheckOptions kCheck = {.eps = 1e-5, .atol = 1e-6, .rtol = 1e-5};

Array uniform(const Shape& shape, double low, double high, RandomStream& random) {
  std::vector<double> values(static_cast<std::size_t>(total_size(shape)));
  for (double& v : values) v = random.uniform(low, high);
  return array(values, shape);
}

/// The same elements, every second one of a longer last axis, with the order of the axes in memory reversed.
Array with_gaps(const Array& x) {
  if (x.ndim() == 0) return x;
  Shape longer = x.shape();
  longer[x.ndim() - 1] *= 2;
  Dims reversed;
  Shape turned;
  for (int i = x.ndim() - 1; i >= 0; --i) {
    reversed.push_back(i);
    turned.push_back(longer[i]);
  }
  const Array view = full(turned, 1e30, x.dtype()).transpose(reversed).slice(x.ndim() - 1, {.step = 2});
  view.copy_from(x);
  return view;
}

/// tests/golden/functions/*.npz, each opened once; the file is found by the case that it holds.
class Goldens {
 public:
  static const NpzReader* holding(const std::string& name) {
    static const Goldens all;
    const auto found = all.files_.find(name);
    return found == all.files_.end() ? nullptr : found->second.get();
  }

 private:
  Goldens() {
    for (const char* family : {"elementwise", "arrays", "losses", "networks", "math"}) {
      const std::string path = std::string(RENSA_SOURCE_DIR "/tests/golden/functions/") + family + ".npz";
      const auto file = std::make_shared<NpzReader>(path);
      for (const std::string& key : file->keys()) files_[key.substr(0, key.find('/'))] = file;
    }
  }
  std::map<std::string, std::shared_ptr<NpzReader>> files_;
};

std::vector<Array> numbered(const NpzReader& file, const std::string& name, const std::string& prefix) {
  std::vector<Array> arrays;
  for (int i = 0;; ++i) {
    const std::string key = name + "/" + prefix + std::to_string(i);
    if (!file.has(key)) return arrays;
    arrays.push_back(file.array(key));
  }
}

std::vector<Array> converted(const std::vector<Array>& arrays, Dtype dtype) {
  std::vector<Array> result;
  for (const Array& a : arrays) result.push_back(a.to(dtype));
  return result;
}

Variables leaves(const std::vector<Array>& arrays) {
  Variables result;
  for (const Array& a : arrays) result.emplace_back(a, /*requires_grad=*/true);
  return result;
}

Variables random_like(const Variables& ys, Dtype dtype) {
  Variables result;
  for (std::size_t i = 0; i < ys.size(); ++i) {
    result.emplace_back(random_array(ys[i].shape(), 77 + i).to(dtype).to(ys[i].device()));
  }
  return result;
}

/// Functions that refuse an array of a GPU, and what they name: docs/cuda.md, "What does not run on a GPU".
const std::map<std::string, std::string>& refused_on_gpus() {
  static const std::map<std::string, std::string> all = {
      {"inv", "inv"},
      {"batch_inv", "inv"},
      {"det", "det"},
      {"batch_det", "det"},
      {"cholesky", "cholesky"},
      {"solve", "solve"},
      {"qr", "qr"},
      {"svd", "svd"},
      {"eigh", "eigh"},
      {"decorrelated_batch_normalization", "eigh"},
      {"max_pooling_nd", "max_pooling_nd"},
      {"max_pooling_1d", "max_pooling_1d"},
      {"max_pooling_3d", "max_pooling_3d"},
      {"roi_pooling_2d", "roi_pooling_2d"},
      {"roi_max_pooling_2d", "roi_max_pooling_2d"},
  };
  return all;
}

/// The results, then the gradients, then the gradients' gradients: each weighted with the same random numbers whatever
/// the device. No array where there is none.
std::vector<Array> with_derivatives(const FunctionCase& c, const std::vector<Array>& inputs) {
  std::vector<Array> all;
  const auto keep = [&](const Variables& found) {
    for (const Variable& v : found) all.push_back(v ? v.array() : Array());
  };
  const Variables x = leaves(inputs), y = c.f(x);
  keep(y);
  if (c.derivatives < 1) return all;
  Variables gy = random_like(y, Dtype::kFloat64);
  for (Variable& g : gy) g.set_requires_grad(c.derivatives > 1);
  const Variables gx = grad(y, x, gy, {.enable_double_backprop = c.derivatives > 1});
  keep(gx);
  if (c.derivatives < 2) return all;
  Variables present, both = x;
  std::copy_if(gx.begin(), gx.end(), std::back_inserter(present), [](const Variable& g) { return bool(g); });
  both.insert(both.end(), gy.begin(), gy.end());
  keep(grad(present, both, random_like(present, Dtype::kFloat64)));
  return all;
}

}  // namespace

Array labels(const Shape& shape, std::int64_t classes, Dtype dtype) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(total_size(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = (7 * static_cast<std::int64_t>(i) + 3) % classes;
  return array(values, shape).to(dtype);
}

std::vector<Array> FunctionCaseTest::draw(std::uint64_t seed,
                                          const std::vector<std::pair<char, std::int64_t>>& given) const {
  RandomStream random(seed, Purpose::kSynthetic);
  std::map<char, std::int64_t> sizes(given.begin(), given.end());
  Shape any;
  for (std::uint64_t i = 0, ndim = sizes.contains('*') ? 2 : random.below(4); i < ndim; ++i) {
    any.push_back(1 + static_cast<std::int64_t>(random.below(5)));
  }
  if (sizes.contains('*')) any[1] = sizes['*'];
  std::vector<Array> arrays;
  for (const Operand& operand : GetParam().inputs) {
    Shape shape = operand.axes == "*" ? any : Shape{};
    for (const char letter : operand.axes) {
      if (letter == '*') continue;
      const bool digit = letter >= '0' && letter <= '9';
      if (!digit && !sizes.contains(letter)) sizes[letter] = 1 + static_cast<std::int64_t>(random.below(4));
      shape.push_back(digit ? letter - '0' : sizes[letter]);
    }
    arrays.push_back(uniform(shape, operand.low, operand.high, random));
  }
  return arrays;
}

std::string FunctionCaseTest::letters() const {
  std::string all;
  for (const Operand& operand : GetParam().inputs) {
    for (const char letter : operand.axes) {
      if ((letter < '0' || letter > '9') && all.find(letter) == std::string::npos) all += letter;
    }
  }
  return all;
}

Variables FunctionCaseTest::results(const std::vector<Array>& inputs) const { return GetParam().f(leaves(inputs)); }

void FunctionCaseTest::check_gradients(const std::vector<Array>& inputs) const {
  check_gradient(GetParam().f, inputs, kCheck);
  if (GetParam().derivatives > 1) check_double_gradient(GetParam().f, inputs, kCheck);
}

TEST_P(FunctionCaseTest, EqualsTheOracle) {
  const FunctionCase& c = GetParam();
  const NpzReader* file = Goldens::holding(c.name);
  if (!file) {
    ASSERT_TRUE(c.values) << "neither golden numbers (scripts/oracle/make_case_goldens.py) nor known values";
    return c.values();
  }
  const Variables x = leaves(numbered(*file, c.name, "x"));
  const Variables y = c.f(x);
  const std::vector<Array> expected = numbered(*file, c.name, "y"), gradients = numbered(*file, c.name, "gx");
  ASSERT_EQ(y.size(), expected.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    EXPECT_TRUE(near(y[i].array(), expected[i], c.tolerance)) << "output " << i;
  if (c.derivatives == 0) return;
  Variables gys;
  for (const Array& gy : numbered(*file, c.name, "gy")) gys.emplace_back(gy);
  ASSERT_EQ(gys.size(), y.size());
  const Variables gx = grad(y, x, gys);
  ASSERT_EQ(gx.size(), gradients.size());
  for (std::size_t i = 0; i < gx.size(); ++i) {
    ASSERT_TRUE(gx[i]) << "no gradient of input " << i;
    EXPECT_TRUE(near(gx[i].array(), gradients[i], 10 * c.tolerance)) << "gradient of input " << i;
  }
}

TEST_P(FunctionCaseTest, GradientMatchesCentralDifferences) {
  if (GetParam().derivatives < 1) GTEST_SKIP() << "it has no gradient";
  for (std::uint64_t seed = 1; seed <= 3; ++seed) check_gradient(GetParam().f, draw(seed), kCheck);
}

TEST_P(FunctionCaseTest, SecondGradientMatchesCentralDifferences) {
  if (GetParam().derivatives < 2) GTEST_SKIP() << "it has no second gradient";
  for (std::uint64_t seed = 1; seed <= 2; ++seed) check_double_gradient(GetParam().f, draw(seed), kCheck);
}

TEST_P(FunctionCaseTest, TakesInputsWithGapsInMemory) {
  const std::vector<Array> dense = draw(4);
  std::vector<Array> gaps;
  for (const Array& x : dense) gaps.push_back(with_gaps(x));
  const Variables expected = results(dense), found = results(gaps);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(near(found[i].array(), expected[i].array(), 1e-13));
  if (GetParam().derivatives > 0) check_gradients(gaps);
}

TEST_P(FunctionCaseTest, TakesAxesOfOneElementAndOfNone) {
  for (const char letter : letters()) {
    const std::vector<Array> ones = draw(5, {{letter, 1}});
    if (GetParam().derivatives > 0) {
      check_gradients(ones);
    } else {
      results(ones);
    }
    if (letter != '*' && GetParam().may_be_empty.find(letter) == std::string::npos) continue;
    const std::vector<Array> none = draw(6, {{letter, 0}});
    const Variables x = leaves(none), y = GetParam().f(x);
    if (GetParam().derivatives < 1) continue;
    const Variables gx = grad(y, x, random_like(y, Dtype::kFloat64));
    for (std::size_t i = 0; i < gx.size(); ++i) {
      if (!gx[i]) continue;
      EXPECT_EQ(gx[i].shape(), x[i].shape()) << "with no elements along " << letter;
    }
  }
}

TEST_P(FunctionCaseTest, ComputesInFloat32Too) {
  const std::vector<Array> wide = draw(7), narrow = converted(wide, Dtype::kFloat32);
  const Variables x = leaves(converted(narrow, Dtype::kFloat64)), xs = leaves(narrow);
  const Variables y = GetParam().f(x), ys = GetParam().f(xs);
  for (std::size_t i = 0; i < y.size(); ++i) {
    EXPECT_EQ(ys[i].dtype(), is_floating(y[i].dtype()) ? Dtype::kFloat32 : y[i].dtype());
    EXPECT_TRUE(near(ys[i].array(), y[i].array(), GetParam().float_tolerance)) << "output " << i;
  }
  if (GetParam().derivatives < 1) return;
  const Variables gx = grad(y, x, random_like(y, Dtype::kFloat64)),
                  gxs = grad(ys, xs, random_like(ys, Dtype::kFloat32));
  for (std::size_t i = 0; i < gx.size(); ++i) {
    ASSERT_EQ(static_cast<bool>(gx[i]), static_cast<bool>(gxs[i]));
    if (!gx[i]) continue;
    EXPECT_EQ(gxs[i].dtype(), Dtype::kFloat32);
    EXPECT_TRUE(near(gxs[i].array(), gx[i].array(), 10 * GetParam().float_tolerance)) << "gradient of input " << i;
  }
}

/// Against float64 on the same numbers: inputs are rounded first.
TEST_P(FunctionCaseTest, ComputesIn16BitsToo) {
  if (GetParam().half_factor == 0) GTEST_SKIP() << "nothing is left of it in 16 bits";
  for (const Half& half : kHalves) {
    const double tolerance = half.tolerance * GetParam().half_factor;
    const std::vector<Array> narrow = converted(draw(9), half.dtype);
    const Variables x = leaves(converted(narrow, Dtype::kFloat64)), xs = leaves(narrow);
    const Variables y = GetParam().f(x), ys = GetParam().f(xs);
    ASSERT_EQ(ys.size(), y.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const Dtype found = ys[i].dtype();
      EXPECT_TRUE(found == half.dtype || found == Dtype::kFloat32 || !is_floating(y[i].dtype())) << found;
      EXPECT_TRUE(near(ys[i].array(), y[i].array(), tolerance)) << half.dtype << ", output " << i;
    }
    if (GetParam().derivatives < 1) continue;
    Variables gys, gy;
    for (std::size_t i = 0; i < ys.size(); ++i) {
      gys.emplace_back(random_array(ys[i].shape(), 77 + i).to(half.dtype).to(ys[i].dtype()));
      gy.emplace_back(gys[i].array().to(Dtype::kFloat64));
    }
    const Variables gx = grad(y, x, gy), gxs = grad(ys, xs, gys);
    for (std::size_t i = 0; i < gx.size(); ++i) {
      ASSERT_EQ(static_cast<bool>(gx[i]), static_cast<bool>(gxs[i]));
      if (!gx[i]) continue;
      EXPECT_EQ(gxs[i].dtype(), half.dtype);
      EXPECT_TRUE(near(gxs[i].array(), gx[i].array(), 2 * tolerance)) << half.dtype << ", gradient of input " << i;
    }
  }
}

/// The host cannot touch the elements there: a constant that is made on the host, or a look at elements, shows.
TEST_P(FunctionCaseTest, IsTheSameOnAGpu) {
  const std::vector<Array> inputs = draw(10);
  const EmulatedGpus gpus;
  std::vector<Array> moved;
  for (const Array& x : inputs) moved.push_back(x.to({DeviceKind::kCuda, 0}));
  const auto refused = refused_on_gpus().find(GetParam().name.substr(0, GetParam().name.find("__")));
  if (refused != refused_on_gpus().end()) {
    EXPECT_THAT([&] { GetParam().f(leaves(moved)); },
                ::testing::ThrowsMessage<DeviceError>(::testing::StartsWith(refused->second + ": ")));
    return;
  }
  const std::vector<Array> expected = with_derivatives(GetParam(), inputs), found = with_derivatives(GetParam(), moved);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(static_cast<bool>(found[i]), static_cast<bool>(expected[i])) << "result or gradient " << i;
    if (!found[i]) continue;
    if (GetParam().derivatives > 0) {  // figures of evaluation are numbers of the host
      EXPECT_EQ(found[i].device().kind, DeviceKind::kCuda) << "result or gradient " << i;
    }
    EXPECT_TRUE(near(found[i], expected[i], 1e-12)) << "result or gradient " << i;
  }
}

TEST_P(FunctionCaseTest, RefusesWrongCallsByName) {
  const FunctionCase& c = GetParam();
  const auto message_of = [](const std::function<void()>& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "(nothing was thrown)";
  };
  std::size_t asked = c.refusals.size();
  for (const auto& [part, call] : c.refusals) {
    const std::string message = message_of(call);
    EXPECT_NE(message.find(part), std::string::npos) << "found: " << message << "\nexpected in it: " << part;
  }
  if (c.inputs.front().axes == "*" && c.derivatives > 0) {  // element-wise: whole numbers are refused
    ++asked;
    const std::string message = message_of([&] { c.f(leaves(converted(draw(8), Dtype::kInt32))); });
    EXPECT_NE(message.find("float32"), std::string::npos) << "found: " << message;
  }
  EXPECT_GT(asked, 0u) << "the case has no refusal";
}

void PrintTo(const FunctionCase& c, std::ostream* out) { *out << c.name; }

std::string case_name(const ::testing::TestParamInfo<FunctionCase>& info) { return info.param.name; }

}  // namespace rensa::testing
