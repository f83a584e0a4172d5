#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <utility>

#include "core/device/gpu/notes.h"
#include "core/device/gpu/precision.h"
#include "core/kernels/cuda/cudnn.h"
#include "core/kernels/lstm.h"

// A layer of an LSTM in one direction through cuDNN, which runs all steps in few kernels. Sequences of falling length,
// the rows of a step beside each other, are what cuDNN calls packed.

namespace rensa::kernels {
namespace {

using cuda::check;

/// A descriptor of cuDNN's, of type D.
template <class D, cudnnStatus_t (*kCreate)(D*), cudnnStatus_t (*kDestroy)(D)>
class Handle {
 public:
  Handle() { check(kCreate(&handle_), "cudnnCreate…Descriptor"); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { kDestroy(handle_); }
  D get() const { return handle_; }

 private:
  D handle_ = nullptr;
};
using RnnHandle = Handle<cudnnRNNDescriptor_t, cudnnCreateRNNDescriptor, cudnnDestroyRNNDescriptor>;
using DataHandle = Handle<cudnnRNNDataDescriptor_t, cudnnCreateRNNDataDescriptor, cudnnDestroyRNNDataDescriptor>;
using TensorHandle = Handle<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using DropoutHandle = Handle<cudnnDropoutDescriptor_t, cudnnCreateDropoutDescriptor, cudnnDestroyDropoutDescriptor>;

constexpr int kGates = 4;
constexpr int kOfGate[kGates] = {2, 0, 1, 3};  ///< cuDNN's number of our blocks a, i, f, o: its order is i, f, a, o

Array bytes(std::size_t count, Device device) {
  return empty({static_cast<std::int64_t>(std::max<std::size_t>(count, 1))}, Dtype::kUInt8, device);
}

/// Everything that describes one call.
class Layer {
 public:
  Layer(Device device, std::int64_t in, std::int64_t n, const std::vector<std::int64_t>& rows)
      : device_(device), handle_(cuda::cudnn_handle(device)), in_(in), n_(n) {
    const auto batch = static_cast<int>(rows.front()), steps = static_cast<int>(rows.size());
    check(cudnnSetDropoutDescriptor(dropout_.get(), handle_, 0, nullptr, 0, 0), "cudnnSetDropoutDescriptor");
    check(cudnnSetRNNDescriptor_v8(rnn_.get(), CUDNN_RNN_ALGO_STANDARD, CUDNN_LSTM, CUDNN_RNN_SINGLE_INP_BIAS,
                                   CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT, CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT,
                                   gpu::allows_tf32() ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH, static_cast<int>(in),
                                   static_cast<int>(n), static_cast<int>(n), 1, dropout_.get(),
                                   CUDNN_RNN_PADDED_IO_DISABLED),
          "cudnnSetRNNDescriptor_v8");
    // A sequence has as many steps as there are steps with a row for it.
    std::vector<int> lengths(static_cast<std::size_t>(batch));
    for (const std::int64_t count : rows) {
      for (std::int64_t i = 0; i < count; ++i) ++lengths[static_cast<std::size_t>(i)];
    }
    float fill = 0;
    const auto describe = [&](const DataHandle& data, std::int64_t width) {
      check(cudnnSetRNNDataDescriptor(data.get(), CUDNN_DATA_FLOAT, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED, steps,
                                      batch, static_cast<int>(width), lengths.data(), &fill),
            "cudnnSetRNNDataDescriptor");
    };
    describe(x_, in);
    describe(y_, n);
    const int dims[] = {1, batch, static_cast<int>(n)},
              strides[] = {batch * static_cast<int>(n), static_cast<int>(n), 1};
    check(cudnnSetTensorNdDescriptor(state_.get(), CUDNN_DATA_FLOAT, 3, dims, strides), "cudnnSetTensorNdDescriptor");
    check(cudnnGetRNNWeightSpaceSize(handle_, rnn_.get(), &weight_bytes_), "cudnnGetRNNWeightSpaceSize");
    const Array on_host = empty({batch}, Dtype::kInt32);
    std::copy(lengths.begin(), lengths.end(), on_host.data<std::int32_t>());
    lengths_ = on_host.to(device);
  }

  std::size_t weight_bytes() const { return weight_bytes_; }
  std::pair<std::size_t, std::size_t> temporary_bytes(cudnnForwardMode_t mode) const {
    std::size_t work = 0, reserve = 0;
    check(cudnnGetRNNTempSpaceSizes(handle_, rnn_.get(), mode, x_.get(), &work, &reserve), "cudnnGetRNNTempSpaceSizes");
    return {work, reserve};
  }

  /// Calls act(the block's part of W or b, its place in `space`) for every block of W_x, W_h and b.
  template <class Act>
  void for_each_block(const Array& space, const Array& W_x, const Array& W_h, const Array& b, const Act& act) const {
    const TensorHandle matrix, bias;
    for (int block = 0; block < kGates; ++block) {
      const Slice rows{.start = block * n_, .stop = (block + 1) * n_};
      for (const bool of_state : {false, true}) {
        void *at = nullptr, *bias_at = nullptr;
        check(
            cudnnGetRNNWeightParams(handle_, rnn_.get(), 0, weight_bytes_, space.raw_data(),
                                    kOfGate[block] + (of_state ? kGates : 0), matrix.get(), &at, bias.get(), &bias_at),
            "cudnnGetRNNWeightParams");
        act((of_state ? W_h : W_x).slice(0, rows), place(space, at, {n_, of_state ? n_ : in_}));
        if (!of_state) act(b.slice(0, rows), place(space, bias_at, {n_}));
      }
    }
  }

  LstmLayer forward(const Array& x, const Array& hx, const Array& cx, const Array& weights, bool training) const {
    const cudnnForwardMode_t mode = training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE;
    const auto [work, reserve] = temporary_bytes(mode);
    LstmLayer made{empty({x.shape()[0], n_}, x.dtype(), device_), empty_like(hx), empty_like(cx), weights,
                   bytes(training ? reserve : 0, device_)};
    const Array space = bytes(work, device_);
    check(cudnnRNNForward(handle_, rnn_.get(), mode, lengths(), x_.get(), x.raw_data(), y_.get(), made.y.raw_data(),
                          state_.get(), hx.raw_data(), made.h.raw_data(), state_.get(), cx.raw_data(),
                          made.c.raw_data(), weight_bytes_, weights.raw_data(), work, space.raw_data(), reserve,
                          training ? made.reserved.raw_data() : nullptr),
          "cudnnRNNForward");
    return made;
  }

  /// {gx, ghx, gcx, the weights' gradients in cuDNN's order}. `reserved` is used up.
  std::array<Array, 4> backward(const Array& gy, const Array& gh, const Array& gc, const LstmLayer& made,
                                const Array& reserved, const Array& x, const Array& hx, const Array& cx) const {
    const auto [work, reserve] = temporary_bytes(CUDNN_FWD_MODE_TRAINING);
    const Array gx = empty_like(x), ghx = empty_like(hx), gcx = empty_like(cx), space = bytes(work, device_);
    const Array gradients = bytes(weight_bytes_, device_);
    gradients.fill(0);  // cuDNN adds to what is there
    check(cudnnRNNBackwardData_v8(handle_, rnn_.get(), lengths(), y_.get(), made.y.raw_data(), gy.raw_data(), x_.get(),
                                  gx.raw_data(), state_.get(), hx.raw_data(), gh.raw_data(), ghx.raw_data(),
                                  state_.get(), cx.raw_data(), gc.raw_data(), gcx.raw_data(), weight_bytes_,
                                  made.weights.raw_data(), work, space.raw_data(), reserve, reserved.raw_data()),
          "cudnnRNNBackwardData_v8");
    check(cudnnRNNBackwardWeights_v8(handle_, rnn_.get(), CUDNN_WGRAD_MODE_ADD, lengths(), x_.get(), x.raw_data(),
                                     state_.get(), hx.raw_data(), y_.get(), made.y.raw_data(), weight_bytes_,
                                     gradients.raw_data(), work, space.raw_data(), reserve, reserved.raw_data()),
          "cudnnRNNBackwardWeights_v8");
    return {gx, ghx, gcx, gradients};
  }

 private:
  const std::int32_t* lengths() const { return static_cast<const std::int32_t*>(lengths_.raw_data()); }
  /// float32 elements that lie at `at` inside of `space`.
  static Array place(const Array& space, const void* at, const Shape& shape) {
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(at) - space.buffer()->data());
    return Array(space.buffer(), offset, shape, contiguous_strides(shape), Dtype::kFloat32);
  }

  const Device device_;
  cudnnHandle_t handle_;
  const std::int64_t in_, n_;
  const DropoutHandle dropout_;
  const RnnHandle rnn_;
  const DataHandle x_, y_;
  const TensorHandle state_;
  std::size_t weight_bytes_ = 0;
  Array lengths_;
};

LstmLayer lstm_layer_cuda(const Array& x, const Array& W_x, const Array& W_h, const Array& b, const Array& hx,
                          const Array& cx, const std::vector<std::int64_t>& rows, bool training) {
  if (x.dtype() != Dtype::kFloat32 || rows.empty() || rows.front() != hx.shape()[0] || rows.back() == 0) return {};
  if (x.size() == 0 || hx.size() == 0) return {};
  try {
    const Layer layer(x.device(), x.shape()[1], hx.shape()[1], rows);
    const Array weights = bytes(layer.weight_bytes(), x.device());
    weights.fill(0);  // gaps too
    layer.for_each_block(weights, W_x, W_h, b, [](const Array& ours, const Array& theirs) { theirs.copy_from(ours); });
    return layer.forward(x, hx, cx, weights, training);
  } catch (const DeviceError& refused) {
    gpu::note(std::string("LSTM: cuDNN does not take a layer (") + refused.what() + "); it goes step by step.");
    return {};
  }
}

LstmLayerGrad lstm_layer_grad_cuda(const Array& gy, const Array& gh, const Array& gc, const LstmLayer& made,
                                   const Array& x, const Array& hx, const Array& cx,
                                   const std::vector<std::int64_t>& rows) {
  const std::int64_t in = x.shape()[1], n = hx.shape()[1];
  const Layer layer(x.device(), in, n, rows);
  // A copy: the graph may be kept for another backward().
  const auto [gx, ghx, gcx, gradients] = layer.backward(gy, gh, gc, made, made.reserved.copy(), x, hx, cx);
  const auto like_x = [&](const Shape& shape) { return empty(shape, x.dtype(), x.device()); };
  LstmLayerGrad result{gx, like_x({kGates * n, in}), like_x({kGates * n, n}), like_x({kGates * n}), ghx, gcx};
  layer.for_each_block(gradients, result.gW_x, result.gW_h, result.gb,
                       [](const Array& ours, const Array& theirs) { ours.copy_from(theirs); });
  return result;
}

const Implementation cuda_lstm_layer(lstm_layer, DeviceKind::kCuda, lstm_layer_cuda);
const Implementation cuda_lstm_layer_grad(lstm_layer_grad, DeviceKind::kCuda, lstm_layer_grad_cuda);

}  // namespace
}  // namespace rensa::kernels
