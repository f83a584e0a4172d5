#include "tests/comm/gpu/simulated_gpus.h"

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/device/gpu/stream.h"
#include "core/error.h"
#include "core/kernels/arithmetic.h"
#include "core/kernels/memory.h"
#include "core/kernels/optimizer.h"

namespace rensa::testing {

RunningDriver::~RunningDriver() {
  for (const auto& stream : streams_) {
    {
      const std::lock_guard lock(mutex_);
      stream->stopping = true;
    }
    stream->changed.notify_all();
    stream->thread.join();
  }
}

gpu::DeviceFacts RunningDriver::facts(int device) const {
  const auto same = same_.find(device);
  const int number = same == same_.end() ? device : same->second;
  return {.name = "simulated",
          .major = 9,
          .minor = 0,
          .multiprocessors = 1,
          .memory_bytes = kMemory,
          .bus = "0000:0" + std::to_string(number) + ":00.0"};
}

void* RunningDriver::allocate(int, std::size_t bytes) { return std::aligned_alloc(512, (bytes + 511) / 512 * 512); }
void RunningDriver::release(int device, void* data) noexcept {
  {
    std::unique_lock lock(mutex_);
    happened_.wait(lock, [&] {
      return std::none_of(streams_.begin(), streams_.end(), [&](const auto& stream) {
        return stream->device == device && (stream->busy || !stream->work.empty());
      });
    });
  }
  std::free(data);
}
void RunningDriver::release_pinned(void* data) noexcept { std::free(data); }

gpu::StreamHandle RunningDriver::create_stream(int device, bool high_priority) {
  const std::lock_guard lock(mutex_);
  streams_.push_back(std::make_unique<Stream>());
  Stream& stream = *streams_.back();
  stream.device = device;
  stream.high_priority = high_priority;
  stream.thread = std::thread([this, &stream] { run(stream); });
  return &stream;
}

void RunningDriver::run(Stream& stream) {
  omp_set_num_threads(1);
  std::unique_lock lock(mutex_);
  while (true) {
    stream.changed.wait(lock, [&] { return stream.stopping || !stream.work.empty(); });
    if (stream.work.empty()) return;
    const std::function<void()> work = std::move(stream.work.front());
    stream.work.pop_front();
    stream.busy = true;
    lock.unlock();
    work();
    lock.lock();
    stream.busy = false;
    happened_.notify_all();
  }
}

void RunningDriver::launch(gpu::StreamHandle handle, std::function<void()> work) {
  auto* const stream = static_cast<Stream*>(handle);
  const std::lock_guard lock(mutex_);
  stream->work.push_back(std::move(work));
  stream->changed.notify_all();
}

bool RunningDriver::is_high_priority(gpu::StreamHandle handle) const {
  return static_cast<Stream*>(handle)->high_priority;
}

void RunningDriver::wait_for(const std::shared_ptr<Happening>& happening, std::unique_lock<std::mutex>& lock) {
  happened_.wait(lock, [&] { return !happening || happening->done; });
}

void RunningDriver::synchronize(int device, gpu::StreamHandle stream) {
  Event end;
  record(device, &end, stream);
  synchronize_event(device, &end);
}

gpu::EventHandle RunningDriver::create_event(int, bool) { return new Event; }
void RunningDriver::destroy_event(int, gpu::EventHandle event) noexcept { delete static_cast<Event*>(event); }

void RunningDriver::record(int, gpu::EventHandle event, gpu::StreamHandle stream) {
  const auto happening = std::make_shared<Happening>();
  {
    const std::lock_guard lock(mutex_);
    static_cast<Event*>(event)->last = happening;
  }
  launch(stream, [this, happening] {
    const std::lock_guard lock(mutex_);
    happening->done = true;
    happened_.notify_all();
  });
}

void RunningDriver::wait(int, gpu::StreamHandle stream, gpu::EventHandle event) {
  std::shared_ptr<Happening> happening;
  {
    const std::lock_guard lock(mutex_);
    happening = static_cast<Event*>(event)->last;
  }
  if (!happening) return;
  launch(stream, [this, happening] {
    std::unique_lock lock(mutex_);
    wait_for(happening, lock);
  });
}

bool RunningDriver::has_happened(int, gpu::EventHandle event) {
  if (fails_events_) throw DeviceError("event: an illegal memory access was encountered");
  const std::lock_guard lock(mutex_);
  const auto& happening = static_cast<Event*>(event)->last;
  return !happening || happening->done;
}

void RunningDriver::synchronize_event(int, gpu::EventHandle event) {
  ++host_waits_;
  std::unique_lock lock(mutex_);
  const std::shared_ptr<Happening> happening = static_cast<Event*>(event)->last;
  wait_for(happening, lock);
}

void RunningDriver::copy_to_device(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) {
  launch(stream, [=] { std::memcpy(to, from, bytes); });
}
void RunningDriver::copy_to_host(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) {
  launch(stream, [=] { std::memcpy(to, from, bytes); });
}
void RunningDriver::copy_on_device(int, void* to, const void* from, std::size_t bytes, gpu::StreamHandle stream) {
  launch(stream, [=] { std::memmove(to, from, bytes); });
}
void RunningDriver::copy_to_peer(int, void* to, int, const void* from, std::size_t bytes, gpu::StreamHandle stream) {
  launch(stream, [=] { std::memcpy(to, from, bytes); });
}

namespace {

/// The same elements as an array of the host. Does not keep them, as a kernel does not.
Array on_host(const Array& x) {
  const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(x.raw_data()) - x.buffer()->data());
  return {Buffer::wrap(x.buffer()->data(), x.buffer()->bytes(), Device{}, nullptr), offset, x.shape(), x.strides(),
          x.dtype()};
}

void launch(const Array& on, std::function<void()> work) {
  dynamic_cast<RunningDriver&>(gpu::driver()).launch(gpu::current_stream(on.device()).handle, std::move(work));
}

template <const kernels::Kernel<Array(const Array&, const Array&)>* kKernel>
Array binary(const Array& a, const Array& b) {
  const Array result = empty_like(a);
  launch(a, [to = on_host(result), x = on_host(a), y = on_host(b)] { kernels::copy(to, (*kKernel)(x, y)); });
  return result;
}

void install_kernels() {
  kernels::copy.implement(DeviceKind::kCuda, [](const Array& target, const Array& source) {
    launch(target, [to = on_host(target), from = on_host(source)] { kernels::copy(to, from); });
  });
  kernels::fill.implement(DeviceKind::kCuda, [](const Array& target, double value) {
    launch(target, [to = on_host(target), value] { kernels::fill(to, value); });
  });
  kernels::accumulate.implement(DeviceKind::kCuda, [](const Array& target, const Array& source) {
    launch(target, [to = on_host(target), from = on_host(source)] { kernels::accumulate(to, from); });
  });
  kernels::add.implement(DeviceKind::kCuda, binary<&kernels::add>);
  kernels::sub.implement(DeviceKind::kCuda, binary<&kernels::sub>);
  kernels::mul.implement(DeviceKind::kCuda, binary<&kernels::mul>);
  kernels::sgd_update.implement(
      DeviceKind::kCuda, [](const Array& p, const Array& g, double lr, const kernels::GradientIntake& intake) {
        launch(p, [to = on_host(p), from = on_host(g), lr, intake] { kernels::sgd_update(to, from, lr, intake); });
      });
  kernels::adam_update.implement(
      DeviceKind::kCuda, [](const Array& p, const Array& g, const Array& m, const Array& v,
                            const kernels::AdamStep& step, const kernels::GradientIntake& intake) {
        launch(p, [to = on_host(p), from = on_host(g), first = on_host(m), second = on_host(v), step, intake] {
          kernels::adam_update(to, from, first, second, step, intake);
        });
      });
  kernels::sum_of_squares.implement(DeviceKind::kCuda, [](const Array& x, const std::vector<Array>& others) {
    const Array result = empty({1}, Dtype::kFloat64, x.device());
    std::vector<Array> rest;
    for (const Array& each : others) rest.push_back(on_host(each));
    launch(x, [to = on_host(result), first = on_host(x), rest] {
      kernels::copy(to, kernels::sum_of_squares(first, rest));
    });
    return result;
  });
  kernels::decide_step.implement(DeviceKind::kCuda,
                                 [](const Array& control, const Array& squares, const kernels::StepDecision& decision) {
                                   launch(control, [to = on_host(control), from = on_host(squares), decision] {
                                     kernels::decide_step(to, from, decision);
                                   });
                                 });
  kernels::mul_number.implement(DeviceKind::kCuda, [](const Array& x, double number) {
    const Array result = empty_like(x);
    launch(x,
           [to = on_host(result), from = on_host(x), number] { kernels::copy(to, kernels::mul_number(from, number)); });
    return result;
  });
}

}  // namespace

SimulatedGpus::SimulatedGpus(int devices) {
  auto made = std::make_unique<RunningDriver>(devices);
  driver_ = made.get();
  gpu::replace_driver(std::move(made));
  install_kernels();
}

SimulatedGpus::~SimulatedGpus() { gpu::replace_driver(nullptr); }

}  // namespace rensa::testing
