#include "core/kernels/cuda/convolution_plan.h"

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>

#include "core/device/gpu/precision.h"
#include "core/kernels/cuda/cudnn.h"
#include "core/kernels/cuda/launch.h"

namespace rensa::cuda {
namespace {

constexpr std::size_t kMostWorkspace = std::size_t{1} << 30;
constexpr std::size_t kLeastWorkspace = std::size_t{32} << 20;
constexpr int kMostAnswers = 16;

int as_int(std::int64_t value) { return static_cast<int>(value); }

/// Memory for the search: as much as there is, up to a limit.
Array search_workspace(Device device) {
  for (std::size_t bytes = kMostWorkspace; bytes > kLeastWorkspace; bytes /= 2) {
    try {
      return empty({static_cast<std::int64_t>(bytes)}, Dtype::kUInt8, device);
    } catch (const MemoryError&) {
      continue;
    }
  }
  return empty({static_cast<std::int64_t>(kLeastWorkspace)}, Dtype::kUInt8, device);
}

/// The fastest answer that can be used: of those that give the same bits every time, if there is one.
template <class Answer>
gpu::AlgorithmChoice best_of(const std::array<Answer, kMostAnswers>& answers, int count, std::size_t room) {
  for (const bool deterministic : {true, false}) {
    for (int i = 0; i < count; ++i) {
      const Answer& a = answers[static_cast<std::size_t>(i)];
      if (a.status != CUDNN_STATUS_SUCCESS || a.memory > room) continue;
      if (deterministic && a.determinism != CUDNN_DETERMINISTIC) continue;
      return {static_cast<int>(a.algo), static_cast<int>(a.mathType), a.memory};
    }
  }
  throw DeviceError("convolution: cuDNN ", cudnnGetVersion(), " has no algorithm for these shapes in ", room >> 20,
                    " MiB of workspace. Use a smaller batch or another dtype.");
}

std::string key_of(ConvolutionPass pass, const Array& x, const Array& W, const Array& y,
                   const kernels::ConvolutionGeometry& g, bool tf32) {
  constexpr const char* kNames[] = {"forward", "data", "weights"};
  std::ostringstream key;
  key << kNames[static_cast<int>(pass)] << ' ' << x.dtype() << (tf32 ? " tf32" : "") << " x" << x.shape() << " W"
      << W.shape() << " y" << y.shape() << " s" << g.stride[0] << ',' << g.stride[1] << " p" << g.pad[0] << ','
      << g.pad[1] << " d" << g.dilate[0] << ',' << g.dilate[1] << " g" << g.groups;
  return key.str();
}

void describe_tensor(cudnnTensorDescriptor_t descriptor, const Array& x) {
  const Shape& n = x.shape();
  const Strides s =
      convolution_layout(x.dtype()) == Layout::kChannelsLast ? channels_last_strides(n) : contiguous_strides(n);
  check(
      cudnnSetTensor4dDescriptorEx(descriptor, cudnn_type(x.dtype(), "convolution"), as_int(n[0]), as_int(n[1]),
                                   as_int(n[2]), as_int(n[3]), as_int(s[0]), as_int(s[1]), as_int(s[2]), as_int(s[3])),
      "cudnnSetTensor4dDescriptorEx");
}

/// alpha and beta in the type that cuDNN wants them in.
struct Scales {
  float one32 = 1, zero32 = 0;
  double one64 = 1, zero64 = 0;
  const void *one, *zero;
  explicit Scales(Dtype dtype)
      : one(dtype == Dtype::kFloat64 ? static_cast<const void*>(&one64) : &one32),
        zero(dtype == Dtype::kFloat64 ? static_cast<const void*>(&zero64) : &zero32) {}
};

}  // namespace

Layout convolution_layout(Dtype dtype) { return dtype == Dtype::kFloat64 ? Layout::kRowMajor : Layout::kChannelsLast; }

const ConvolutionPlan& ConvolutionPlan::find(ConvolutionPass pass, const Array& x, const Array& W, const Array& y,
                                             const kernels::ConvolutionGeometry& geometry) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<ConvolutionPlan>> plans;
  const bool tf32 = x.dtype() == Dtype::kFloat32 && gpu::allows_tf32();
  const std::string key = key_of(pass, x, W, y, geometry, tf32), here = std::to_string(x.device().index) + " " + key;
  const std::lock_guard lock(mutex);  // also over the search: two at a time would disturb each other's times
  std::unique_ptr<ConvolutionPlan>& plan = plans[here];
  if (!plan) plan.reset(new ConvolutionPlan(pass, x, W, y, geometry, tf32, key));
  return *plan;
}

ConvolutionPlan::ConvolutionPlan(ConvolutionPass pass, const Array& x, const Array& W, const Array& y,
                                 const kernels::ConvolutionGeometry& geometry, bool tf32, const std::string& key)
    : pass_(pass), tf32_(tf32) {
  describe(x, W, y, geometry);
  choice_ = cudnn_algorithms(x.device()).find_or_measure(key, [&] { return measure(x, W, y); });
  // A search may answer with a type of its own, of which the default one permits TF32.
  const bool exact = x.dtype() == Dtype::kFloat32 && !tf32;
  const auto math = exact ? CUDNN_FMA_MATH : static_cast<cudnnMathType_t>(choice_.math);
  check(cudnnSetConvolutionMathType(convolution_, math), "cudnnSetConvolutionMathType");
}

ConvolutionPlan::~ConvolutionPlan() {
  cudnnDestroyTensorDescriptor(x_);
  cudnnDestroyTensorDescriptor(y_);
  cudnnDestroyFilterDescriptor(W_);
  cudnnDestroyConvolutionDescriptor(convolution_);
}

void ConvolutionPlan::describe(const Array& x, const Array& W, const Array& y, const kernels::ConvolutionGeometry& g) {
  const cudnnDataType_t type = cudnn_type(x.dtype(), "convolution");
  check(cudnnCreateTensorDescriptor(&x_), "cudnnCreateTensorDescriptor");
  check(cudnnCreateTensorDescriptor(&y_), "cudnnCreateTensorDescriptor");
  check(cudnnCreateFilterDescriptor(&W_), "cudnnCreateFilterDescriptor");
  check(cudnnCreateConvolutionDescriptor(&convolution_), "cudnnCreateConvolutionDescriptor");
  describe_tensor(x_, x);
  describe_tensor(y_, y);
  const bool last = convolution_layout(x.dtype()) == Layout::kChannelsLast;
  const Shape& n = W.shape();
  check(cudnnSetFilter4dDescriptor(W_, type, last ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW, as_int(n[0]), as_int(n[1]),
                                   as_int(n[2]), as_int(n[3])),
        "cudnnSetFilter4dDescriptor");
  check(cudnnSetConvolution2dDescriptor(convolution_, as_int(g.pad[0]), as_int(g.pad[1]), as_int(g.stride[0]),
                                        as_int(g.stride[1]), as_int(g.dilate[0]), as_int(g.dilate[1]),
                                        CUDNN_CROSS_CORRELATION,
                                        x.dtype() == Dtype::kFloat64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT),
        "cudnnSetConvolution2dDescriptor");
  check(cudnnSetConvolutionGroupCount(convolution_, as_int(g.groups)), "cudnnSetConvolutionGroupCount");
  const cudnnMathType_t math = is_half(x.dtype()) ? CUDNN_TENSOR_OP_MATH : tf32_ ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
  check(cudnnSetConvolutionMathType(convolution_, math), "cudnnSetConvolutionMathType");
}

gpu::AlgorithmChoice ConvolutionPlan::measure(const Array& x, const Array& W, const Array& y) const {
  const cudnnHandle_t handle = cudnn_handle(x.device());
  const Array room = search_workspace(x.device());
  int count = 0;
  if (pass_ == ConvolutionPass::kForward) {
    std::array<cudnnConvolutionFwdAlgoPerf_t, kMostAnswers> answers;
    check(cudnnFindConvolutionForwardAlgorithmEx(handle, x_, x.raw_data(), W_, W.raw_data(), convolution_, y_,
                                                 y.raw_data(), kMostAnswers, &count, answers.data(), room.raw_data(),
                                                 room.bytes()),
          "cudnnFindConvolutionForwardAlgorithmEx");
    return best_of(answers, count, room.bytes());
  }
  if (pass_ == ConvolutionPass::kBackwardData) {
    std::array<cudnnConvolutionBwdDataAlgoPerf_t, kMostAnswers> answers;
    check(cudnnFindConvolutionBackwardDataAlgorithmEx(handle, W_, W.raw_data(), y_, y.raw_data(), convolution_, x_,
                                                      x.raw_data(), kMostAnswers, &count, answers.data(),
                                                      room.raw_data(), room.bytes()),
          "cudnnFindConvolutionBackwardDataAlgorithmEx");
    return best_of(answers, count, room.bytes());
  }
  std::array<cudnnConvolutionBwdFilterAlgoPerf_t, kMostAnswers> answers;
  check(cudnnFindConvolutionBackwardFilterAlgorithmEx(handle, x_, x.raw_data(), y_, y.raw_data(), convolution_, W_,
                                                      W.raw_data(), kMostAnswers, &count, answers.data(),
                                                      room.raw_data(), room.bytes()),
        "cudnnFindConvolutionBackwardFilterAlgorithmEx");
  return best_of(answers, count, room.bytes());
}

void ConvolutionPlan::run(const Array& x, const Array& W, const Array& y) const {
  const cudnnHandle_t handle = cudnn_handle(x.device());
  const Array workspace = empty({static_cast<std::int64_t>(choice_.workspace_bytes)}, Dtype::kUInt8, x.device());
  const Scales scale(x.dtype());
  void* const room = workspace.raw_data();
  switch (pass_) {
    case ConvolutionPass::kForward:
      return check(cudnnConvolutionForward(handle, scale.one, x_, x.raw_data(), W_, W.raw_data(), convolution_,
                                           static_cast<cudnnConvolutionFwdAlgo_t>(choice_.algorithm), room,
                                           choice_.workspace_bytes, scale.zero, y_, y.raw_data()),
                   "cudnnConvolutionForward");
    case ConvolutionPass::kBackwardData:
      return check(cudnnConvolutionBackwardData(handle, scale.one, W_, W.raw_data(), y_, y.raw_data(), convolution_,
                                                static_cast<cudnnConvolutionBwdDataAlgo_t>(choice_.algorithm), room,
                                                choice_.workspace_bytes, scale.zero, x_, x.raw_data()),
                   "cudnnConvolutionBackwardData");
    case ConvolutionPass::kBackwardWeights:
      return check(cudnnConvolutionBackwardFilter(handle, scale.one, x_, x.raw_data(), y_, y.raw_data(), convolution_,
                                                  static_cast<cudnnConvolutionBwdFilterAlgo_t>(choice_.algorithm), room,
                                                  choice_.workspace_bytes, scale.zero, W_, W.raw_data()),
                   "cudnnConvolutionBackwardFilter");
  }
}

}  // namespace rensa::cuda
