#include "core/kernels/cpu/onednn/convolution.h"

#include <unordered_map>

#include "core/kernels/cpu/onednn/descriptors.h"
#include "core/kernels/cpu/onednn/primitives.h"
#include "core/kernels/cpu/pointwise_convolution.h"

namespace rensa::onednn {
namespace {

using dnnl::memory;
using kernels::ConvolutionGeometry;

/// A primitive with the layouts it wants. oneDNN's primitives may be executed by several threads, but making them takes
/// a millisecond: each thread keeps its own.
struct Prepared {
  dnnl::primitive primitive;
  memory::desc x, W, y, scratchpad;
};

/// What rides along with a convolution.
struct Extras {
  bool bias = false, residual = false;
};
const Extras kNoExtras{};

Key key_of(const Shape& x, const Shape& W, const ConvolutionGeometry& g, const Extras& extras, Dtype dtype) {
  Key key(x.begin(), x.end());
  key.insert(key.end(), W.begin(), W.end());
  for (const auto& pair : {g.stride, g.pad, g.dilate}) key.insert(key.end(), pair.begin(), pair.end());
  key.insert(key.end(), {g.groups, extras.bias, extras.residual, static_cast<std::int64_t>(dtype)});
  return key;
}

memory::dims weight_dims(const Shape& W, std::int64_t groups) {
  if (groups == 1) return {W[0], W[1], W[2], W[3]};
  return {groups, W[0] / groups, W[1], W[2], W[3]};
}

/// W as Rensa keeps it: row-major.
memory::desc plain_weights(const Shape& W, std::int64_t groups, Dtype dtype) {
  return {weight_dims(W, groups), data_type(dtype), groups == 1 ? memory::format_tag::oihw : memory::format_tag::goihw};
}

memory::dims dims_of(const Shape& shape) { return {shape[0], shape[1], shape[2], shape[3]}; }

ConvolutionDescription describe(const Shape& x, const Shape& W, const ConvolutionGeometry& g, bool bias, Dtype dtype) {
  using tag = memory::format_tag;
  const auto element = data_type(dtype);
  ConvolutionDescription c;
  c.x = {dims_of(x), element, tag::nhwc};
  c.W = {weight_dims(W, g.groups), element, tag::any};
  if (bias) c.b = {{W[0]}, element, tag::x};
  c.y = {dims_of(kernels::output_shape(x, W, g)), element, tag::nhwc};
  c.stride = {g.stride[0], g.stride[1]};
  c.dilation = {g.dilate[0] - 1, g.dilate[1] - 1};
  c.pad = {g.pad[0], g.pad[1]};
  return c;
}

dnnl::post_ops operations_after(const Extras& extras) {
  dnnl::post_ops operations;
  if (extras.residual) operations.append_sum(1);
  return operations;
}

/// Moves a weight between the row-major layout and the one a primitive wants.
void reorder(memory from, memory to) {
  dnnl::stream stream(engine());
  dnnl::reorder(from, to).execute(stream, from, to);  // oneDNN keeps the primitives it has made
  stream.wait();
}

template <class Describe>
const Prepared& prepared(PrimitiveCache<Prepared>& cache, const Shape& x, const Shape& W, const ConvolutionGeometry& g,
                         const Extras& extras, Dtype dtype, const Describe& make) {
  return cache.get(key_of(x, W, g, extras, dtype), [&] { return make(describe(x, W, g, extras.bias, dtype)); });
}

/// W in the layout that a primitive wants; the array holds the copy, if one was needed.
struct Weights {
  Array array;
  memory view;
  Weights(const Array& W, std::int64_t groups, const memory::desc& wanted) : array(W.contiguous()) {
    view = as_memory(plain_weights(W.shape(), groups, W.dtype()), array);
    if (view.get_desc() == wanted) return;
    const Array moved = bytes_for(wanted);
    const memory target = as_memory(wanted, moved);
    reorder(view, target);
    view = target;
    array = moved;
  }
};

// What oneDNN 2.6.3 gets wrong, as 16,000 random convolutions between pages that cannot be written have shown:
// - 1x1 windows that skip pixels: where channels do not fill its vectors it writes beside its scratchpad (AVX-512) or
//   gives a wrong gradient of W (AVX2). The pixels under the windows are brought together first.
// - bfloat16 without AMX: the gradient of x of 1x1 windows is wrong for an odd number of y's channels and 30, 60, 90, …
//   pixels, and that of W where a stride is longer than a line of x. The errs_in_ functions name them to the caller.

ConvolutionGeometry without_strides(ConvolutionGeometry g) {
  g.stride = {1, 1};
  return g;
}

}  // namespace

bool errs_in_gradient_of_x(const Array& gy, const Shape& W, const ConvolutionGeometry& g) {
  return is_half(gy.dtype()) && W[2] == 1 && W[3] == 1 && W[0] / g.groups % 2 != 0;
}

bool errs_in_gradient_of_weights(const Array& x, const Shape& W, const ConvolutionGeometry& g) {
  return is_half(x.dtype()) && x.shape()[3] < g.stride[1] && !cpu::skips_pixels(W, g);
}

Array convolution(const Array& x, const Array& W, const Array& b, const ConvolutionGeometry& g, const Array& residual) {
  if (cpu::skips_pixels(W.shape(), g)) {
    return convolution(cpu::pixels_under_windows(x, g), W, b, without_strides(g), residual);
  }
  thread_local PrimitiveCache<Prepared> cache;
  const Extras extras{.bias = static_cast<bool>(b), .residual = static_cast<bool>(residual)};
  const Prepared& p = prepared(cache, x.shape(), W.shape(), g, extras, x.dtype(), [&](const auto& c) {
    dnnl::primitive_attr attributes = own_scratchpad();
    attributes.set_post_ops(operations_after(extras));
    const auto desc = describe_forward(c, attributes, engine());
    return Prepared{dnnl::convolution_forward(desc), c.x, desc.weights_desc(), c.y, desc.scratchpad_desc()};
  });
  const Array source = x.channels_last();
  const Weights weights(W, g.groups, p.W);
  Array y = residual ? residual.copy(Layout::kChannelsLast)  // which the primitive adds to
                     : empty(kernels::output_shape(x.shape(), W.shape(), g), x.dtype(), {}, Layout::kChannelsLast);
  std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, as_memory(p.x, source)}, {DNNL_ARG_WEIGHTS, weights.view}, {DNNL_ARG_DST, as_memory(p.y, y)}};
  const Array bias = b ? b.contiguous() : Array();
  if (bias) {
    const memory::desc desc({W.shape()[0]}, data_type(x.dtype()), memory::format_tag::x);
    arguments.emplace(DNNL_ARG_BIAS, as_memory(desc, bias));
  }
  execute(p.primitive, std::move(arguments), p.scratchpad);
  return y;
}

Array convolution_backward_data(const Array& gy, const Array& W, const ConvolutionGeometry& g, const Shape& x_shape) {
  if (cpu::skips_pixels(W.shape(), g)) {
    const Shape read{x_shape[0], x_shape[1], gy.shape()[2], gy.shape()[3]};
    return cpu::with_skipped_pixels(convolution_backward_data(gy, W, without_strides(g), read), g, x_shape);
  }
  thread_local PrimitiveCache<Prepared> cache;
  const Prepared& p = prepared(cache, x_shape, W.shape(), g, kNoExtras, gy.dtype(), [](const auto& c) {
    const auto desc = describe_backward_data(c, own_scratchpad(), engine());
    return Prepared{dnnl::convolution_backward_data(desc), c.x, desc.weights_desc(), c.y, desc.scratchpad_desc()};
  });
  const Array source = gy.channels_last();
  const Weights weights(W, g.groups, p.W);
  Array gx = empty(x_shape, gy.dtype(), {}, Layout::kChannelsLast);
  execute(p.primitive,
          {{DNNL_ARG_DIFF_DST, as_memory(p.y, source)},
           {DNNL_ARG_WEIGHTS, weights.view},
           {DNNL_ARG_DIFF_SRC, as_memory(p.x, gx)}},
          p.scratchpad);
  return gx;
}

Array convolution_backward_weights(const Array& x, const Array& gy, const ConvolutionGeometry& g, const Shape& W_shape,
                                   const Array& destination) {
  if (cpu::skips_pixels(W_shape, g)) {
    return convolution_backward_weights(cpu::pixels_under_windows(x, g), gy, without_strides(g), W_shape, destination);
  }
  thread_local PrimitiveCache<Prepared> cache;
  const Prepared& p = prepared(cache, x.shape(), W_shape, g, kNoExtras, x.dtype(), [](const auto& c) {
    const auto desc = describe_backward_weights(c, own_scratchpad(), engine());
    return Prepared{dnnl::convolution_backward_weights(desc), c.x, desc.diff_weights_desc(), c.y,
                    desc.scratchpad_desc()};
  });
  const Array source = x.channels_last(), gradient = gy.channels_last();
  Array gW = destination ? destination : empty(W_shape, x.dtype());
  const memory result = as_memory(plain_weights(W_shape, g.groups, x.dtype()), gW);
  const bool direct = result.get_desc() == p.W;
  const Array blocked = direct ? gW : bytes_for(p.W);
  const memory computed = as_memory(p.W, blocked);
  execute(p.primitive,
          {{DNNL_ARG_SRC, as_memory(p.x, source)},
           {DNNL_ARG_DIFF_DST, as_memory(p.y, gradient)},
           {DNNL_ARG_DIFF_WEIGHTS, computed}},
          p.scratchpad);
  if (!direct) reorder(computed, result);
  return gW;
}

}  // namespace rensa::onednn
