#include "tests/support/emulated_gpu.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "core/array/array.h"
#include "core/device/gpu/driver.h"
#include "core/error.h"
#include "core/kernels/accuracy.h"
#include "core/kernels/activation.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/attention.h"
#include "core/kernels/batch_normalization.h"
#include "core/kernels/convolution.h"
#include "core/kernels/dropout.h"
#include "core/kernels/indexing.h"
#include "core/kernels/lstm.h"
#include "core/kernels/math.h"
#include "core/kernels/memory.h"
#include "core/kernels/optimizer.h"
#include "core/kernels/optimizer_rules.h"
#include "core/kernels/ordering.h"
#include "core/kernels/pictures.h"
#include "core/kernels/pooling.h"
#include "core/kernels/product.h"
#include "core/kernels/reduction.h"
#include "core/kernels/row_normalization.h"
#include "core/kernels/softmax.h"

namespace rensa::testing {
namespace {

namespace k = kernels;

constexpr std::size_t kSpace = std::size_t{4} << 30;  ///< of addresses; pages come when they are touched

/// Memory with two addresses: those that arrays have, which nobody may touch, and those under which kernels reach it.
class TwofoldMemory {
 public:
  TwofoldMemory() {
    const int file = memfd_create("emulated_gpu", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, kSpace) != 0) throw std::system_error(errno, std::generic_category(), "memfd");
    device_ = map(file, PROT_NONE);
    reachable_ = map(file, PROT_READ | PROT_WRITE);
    close(file);
  }
  ~TwofoldMemory() {
    munmap(device_, kSpace);
    munmap(reachable_, kSpace);
  }
  TwofoldMemory(const TwofoldMemory&) = delete;
  TwofoldMemory& operator=(const TwofoldMemory&) = delete;

  std::byte* device() const { return device_; }
  bool holds(const void* data) const { return data >= device_ && data < device_ + kSpace; }
  /// Where a kernel, or a copy, finds what the device's or the host's `data` is.
  std::byte* reach(const void* data) const {
    auto* const at = static_cast<std::byte*>(const_cast<void*>(data));
    return holds(at) ? reachable_ + (at - device_) : at;
  }
  void forget(void* data, std::size_t bytes) const noexcept { madvise(reach(data), bytes, MADV_REMOVE); }

 private:
  static std::byte* map(int file, int protection) {
    void* const data = mmap(nullptr, kSpace, protection, MAP_SHARED | MAP_NORESERVE, file, 0);
    if (data == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    return static_cast<std::byte*>(data);
  }
  std::byte *device_, *reachable_;
};

class EmulatedDriver final : public gpu::Driver {
 public:
  explicit EmulatedDriver(int devices) : devices_(devices) {}
  const TwofoldMemory& memory() const { return memory_; }

  std::string description() const override { return "emulated"; }
  int device_count() const override { return devices_; }
  gpu::DeviceFacts facts(int device) const override {
    return {.name = "emulated",
            .major = 9,
            .minor = 0,
            .multiprocessors = 1,
            .memory_bytes = kSpace,
            .bus = "0000:0" + std::to_string(device) + ":00.0"};
  }
  gpu::MemoryOfDevice memory(int) const override {
    const std::lock_guard lock(mutex_);
    return {.free_bytes = kSpace - end_, .total_bytes = kSpace};
  }

  /// Addresses are not used twice: what still uses memory that was released finds zeros.
  void* allocate(int, std::size_t bytes) override {
    const std::lock_guard lock(mutex_);
    const std::size_t size = (bytes + kPage - 1) / kPage * kPage;
    if (end_ + size > kSpace) return nullptr;
    void* const data = memory_.device() + std::exchange(end_, end_ + size);
    sizes_[data] = size;
    return data;
  }
  void release(int, void* data) noexcept override {
    const std::lock_guard lock(mutex_);
    const auto found = sizes_.find(data);
    memory_.forget(data, found->second);
    sizes_.erase(found);
  }
  void* allocate_pinned(std::size_t bytes) override { return std::malloc(bytes); }
  void release_pinned(void* data) noexcept override { std::free(data); }

  gpu::StreamHandle create_stream(int, bool) override { return handle(); }
  void synchronize(int, gpu::StreamHandle) override {}
  gpu::EventHandle create_event(int, bool) override { return handle(); }
  void destroy_event(int, gpu::EventHandle) noexcept override {}
  void record(int, gpu::EventHandle, gpu::StreamHandle) override {}
  void wait(int, gpu::StreamHandle, gpu::EventHandle) override {}
  bool has_happened(int, gpu::EventHandle) override { return true; }
  void synchronize_event(int, gpu::EventHandle) override {}
  double milliseconds(int, gpu::EventHandle, gpu::EventHandle) override { return 1; }
  void copy_to_device(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle) override {
    copy(to, from, bytes);
  }
  void copy_to_host(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle) override {
    copy(to, from, bytes);
  }
  void copy_on_device(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle) override {
    copy(to, from, bytes);
  }
  void copy_to_peer(int, void* to, int, const void* from, std::size_t bytes, gpu::StreamHandle) override {
    copy(to, from, bytes);
  }

 private:
  static constexpr std::size_t kPage = 4096;
  void* handle() {
    const std::lock_guard lock(mutex_);
    return handles_.emplace_back(std::make_unique<char>()).get();
  }
  void copy(void* to, const void* from, std::size_t bytes) const {
    std::memmove(memory_.reach(to), memory_.reach(from), bytes);
  }

  const int devices_;
  const TwofoldMemory memory_;
  mutable std::mutex mutex_;
  std::size_t end_ = 0;
  std::map<void*, std::size_t> sizes_;
  std::vector<std::unique_ptr<char>> handles_;
};

const TwofoldMemory& memory() { return dynamic_cast<const EmulatedDriver&>(gpu::driver()).memory(); }

// The arrays in a kernel's arguments and results, each given to `act`; what is no array has none.

template <class T, class Act>
void for_each_array(T&, const Act&) {}
template <class Act>
void for_each_array(Array& x, const Act& act) {
  act(x);
}
template <class Act>
void for_each_array(std::vector<Array>& xs, const Act& act) {
  for (Array& x : xs) act(x);
}
template <std::size_t kCount, class Act>
void for_each_array(std::array<Array, kCount>& xs, const Act& act) {
  for (Array& x : xs) act(x);
}
template <class Act>
void for_each_array(k::NormalizedBatch& b, const Act& act) {
  for (Array* x : {&b.x, &b.mean, &b.inv_std, &b.scale, &b.shift, &b.y}) act(*x);
}
template <class Act>
void for_each_array(k::FoldedStatistics& s, const Act& act) {
  for (Array* x : {&s.inv_std, &s.scale, &s.shift}) act(*x);
}
template <class Act>
void for_each_array(k::NormalizationSums& s, const Act& act) {
  for (Array* x : {&s.gbeta, &s.ggamma, &s.passed}) act(*x);
}
template <class Act>
void for_each_array(k::ClassTargets& targets, const Act& act) {
  act(targets.t);
}
template <class Act>
void for_each_array(k::MaxPooled& pooled, const Act& act) {
  for (Array* x : {&pooled.y, &pooled.places}) act(*x);
}
template <class Act>
void for_each_array(k::LstmLayer& layer, const Act& act) {
  for (Array* x : {&layer.y, &layer.h, &layer.c, &layer.weights, &layer.reserved}) act(*x);
}
template <class Act>
void for_each_array(k::LstmLayerGrad& g, const Act& act) {
  for (Array* x : {&g.gx, &g.gW_x, &g.gW_h, &g.gb, &g.ghx, &g.gcx}) act(*x);
}

/// A call of a kernel: its arrays where the CPU's kernel reaches them, and what that returns back on the device.
class Call {
 public:
  Call(const char* kernel, Device device) : kernel_(kernel), device_(device) {}

  template <class T>
  T reachable(const T& argument) {
    T result = argument;
    for_each_array(result, [&](Array& x) {
      if (!x) return;
      if (x.device() != device_)  // inside a structure, where Kernel does not look: a real kernel would crash
        throw std::logic_error(detail::join(kernel_, ": an array is on ", x.device(), ", the first on ", device_));
      originals_.push_back(x);
      x = view(x, Buffer::wrap(memory().reach(x.buffer()->data()), x.buffer()->bytes(), Device{}, [x] {}));
      reached_.push_back(x.buffer());
    });
    return result;
  }
  k::GradientIntake reachable(const k::GradientIntake& intake) {
    k::GradientIntake result = intake;
    result.control = static_cast<const double*>(static_cast<const void*>(memory().reach(intake.control)));
    return result;
  }

  /// A view of an argument stays one.
  template <class T>
  T on_device(T result) const {
    for_each_array(result, [&](Array& x) {
      if (!x) return;
      for (std::size_t i = 0; i < reached_.size(); ++i) {
        if (reached_[i] != x.buffer()) continue;
        x = view(x, originals_[i].buffer());
        return;
      }
      x = x.to(device_);
    });
    return result;
  }

 private:
  /// x in another buffer, as far from its start.
  static Array view(const Array& x, Buffer::Pointer buffer) {
    const auto offset = static_cast<const std::byte*>(x.raw_data()) - x.buffer()->data();
    return {std::move(buffer), static_cast<std::size_t>(offset), x.shape(), x.strides(), x.dtype()};
  }

  const char* kernel_;
  const Device device_;
  std::vector<Array> originals_;
  std::vector<Buffer::Pointer> reached_;  ///< the buffers under which the kernel knows the originals'
};

using Undo = std::vector<std::function<void()>>;

template <auto* kKernel, class Result, class... Arguments>
void emulate(k::Kernel<Result(Arguments...)>& kernel, Undo& undo) {
  const auto before = kernel.implement(DeviceKind::kCuda, [](Arguments... arguments) -> Result {
    Call call(kKernel->name(), k::detail::device_of(arguments...));
    if constexpr (std::is_void_v<Result>) {
      (*kKernel)(call.reachable(arguments)...);
    } else {
      return call.on_device((*kKernel)(call.reachable(arguments)...));
    }
  });
  undo.push_back([&kernel, before] { kernel.implement(DeviceKind::kCuda, before); });
}

template <auto*... kKernels>
void emulate_each(Undo& undo) {
  (emulate<kKernels>(*kKernels, undo), ...);
}

/// Those of core/kernels/cuda: EmulatedGpusTest compares.
Undo emulate_kernels() {
  Undo undo;
  emulate_each<&k::accumulate, &k::copy, &k::fill>(undo);
  emulate_each<&k::add, &k::add_number, &k::div, &k::div_number, &k::mul, &k::mul_number, &k::number_divided_by,
               &k::pow, &k::pow_number, &k::sub>(undo);
  emulate_each<&k::abs, &k::abs_grad, &k::arctan2, &k::clip, &k::clip_grad, &k::exp, &k::fmod, &k::log, &k::maximum,
               &k::minimum, &k::not_less, &k::sqrt, &k::zeta>(undo);
  emulate_each<&k::arccos, &k::arccosh, &k::arcsin, &k::arcsinh, &k::arctan, &k::arctanh, &k::ceil, &k::cos, &k::cosh,
               &k::erf, &k::erfc, &k::erfcinv, &k::erfcx, &k::erfinv, &k::expm1, &k::fix, &k::floor, &k::lgamma,
               &k::log10, &k::log1p, &k::log2, &k::log_ndtr, &k::ndtr, &k::ndtri, &k::polygamma, &k::rsqrt, &k::sign,
               &k::sin, &k::sinh, &k::tan>(undo);
  emulate_each<&k::clipped_relu, &k::elu, &k::elu_grad, &k::elu_grad_grad, &k::gelu, &k::gelu_tanh, &k::hard_sigmoid,
               &k::leaky_relu, &k::leaky_relu_grad, &k::mish, &k::relu, &k::relu_grad, &k::selu, &k::sigmoid,
               &k::sigmoid_grad, &k::silu, &k::softplus, &k::tanh, &k::tanh_grad>(undo);
  emulate_each<&k::equal, &k::max, &k::pass_where_equal, &k::prod, &k::sum>(undo);
  emulate_each<&k::add_rows, &k::compare, &k::gather, &k::scatter_add, &k::take_rows, &k::where>(undo);
  emulate_each<&k::position_of_extreme, &k::running_product, &k::running_sum, &k::sorting_positions>(undo);
  emulate_each<&k::log_softmax, &k::log_softmax_grad, &k::softmax, &k::softmax_cross_entropy,
               &k::softmax_cross_entropy_grad, &k::softmax_grad, &k::accuracy>(undo);
  emulate_each<&k::batch_normalization_grad, &k::batch_normalization_sums, &k::batch_statistics, &k::fold_statistics,
               &k::move_average, &k::scale_and_shift, &k::row_normalization, &k::row_normalization_grad>(undo);
  emulate_each<&k::average_pooling, &k::average_pooling_grad, &k::max_pooling, &k::max_pooling_gather,
               &k::max_pooling_scatter>(undo);
  emulate_each<&k::convolution, &k::convolution_add_backward_data, &k::convolution_backward_data,
               &k::convolution_backward_weights, &k::fused_convolution, &k::batch_product, &k::linear, &k::product>(
      undo);
  emulate_each<&k::attention, &k::attention_grad, &k::dropout, &k::lstm_layer, &k::lstm_layer_grad,
               &k::lstm_states_before, &k::lstm_steps, &k::lstm_steps_grad, &k::finish_pictures>(undo);
  emulate_each<&k::adam_update, &k::adopt_values, &k::decide_step, &k::momentum_sgd_update, &k::nesterov_ag_update,
               &k::sgd_update, &k::sum_of_squares>(undo);
  emulate_each<&k::adadelta_update, &k::adafactor_update, &k::adagrad_update, &k::amsbound_update, &k::average_update,
               &k::bounded_adam_update, &k::corrected_momentum_update, &k::lamb_apply, &k::lamb_moments,
               &k::lion_update, &k::msvag_update, &k::rectified_adam_update, &k::rmsprop_graves_update,
               &k::rmsprop_update, &k::rmsprop_warmup_update, &k::smorms3_update>(undo);
  return undo;
}

/// What is said when the host touches the memory; made before, for a signal handler.
struct Watch {
  const TwofoldMemory* memory = nullptr;
  std::string message;
  struct sigaction before{};
};
Watch watch;

void on_fault(int signal, siginfo_t* info, void*) {
  if (watch.memory && watch.memory->holds(info->si_addr))
    static_cast<void>(!write(STDERR_FILENO, watch.message.data(), watch.message.size()));
  sigaction(signal, &watch.before, nullptr);  // the access is made once more, and ends the process
}

void start_watch() {
  const ::testing::TestInfo* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  watch.memory = &memory();
  watch.message =
      detail::join("The host touched the memory of an emulated GPU in ", test ? test->test_suite_name() : "", ".",
                   test ? test->name() : "", ": outside of kernels elements are read by way of ", "to(Device{}).\n");
  struct sigaction action{};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &watch.before);
}

void end_watch() {
  sigaction(SIGSEGV, &watch.before, nullptr);
  watch.memory = nullptr;
}

}  // namespace

EmulatedGpus::EmulatedGpus(int devices) {
  gpu::replace_driver(std::make_unique<EmulatedDriver>(devices));
  give_kernels_back_ = emulate_kernels();
  start_watch();
}

EmulatedGpus::~EmulatedGpus() {
  end_watch();
  for (const auto& give_back : give_kernels_back_) give_back();
  gpu::replace_driver(nullptr);
}

}  // namespace rensa::testing
