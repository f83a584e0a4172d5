#pragma once

#include <cstddef>
#include <utility>

#include "comm/communicators/composed_communicator.h"

namespace rensa::testing {

/// Takes arrays of the host and has another communicator carry them on a GPU: so that checks which know nothing of GPUs
/// ask its way with GPUs too. What lies inside of another array on the host does so on the GPU.
class OnGpusCommunicator final : public ComposedCommunicator {
 public:
  OnGpusCommunicator(std::unique_ptr<Communicator> whole, Device device)
      : ComposedCommunicator(std::move(whole)), device_(device) {}
  std::string_view name() const override { return whole().name(); }
  std::string choice() const override { return whole().choice(); }
  bool adopt_choice(const std::string& choice) override { return whole().adopt_choice(choice); }

 private:
  Array up(const Array& x) const { return x ? x.to(device_) : x; }
  /// `part` on the GPU: inside of `moved`, which is `whole` there, if it lies inside of `whole`.
  Array inside(const Array& whole, const Array& moved, const Array& part) const {
    if (!whole || !part) return up(part);
    const std::ptrdiff_t offset = static_cast<std::byte*>(part.raw_data()) - static_cast<std::byte*>(whole.raw_data());
    if (offset < 0 || offset >= static_cast<std::ptrdiff_t>(whole.bytes())) return up(part);
    const std::int64_t first = offset / static_cast<std::ptrdiff_t>(item_size(part.dtype()));
    return moved.reshape({moved.size()}).slice(0, {.start = first, .stop = first + part.size()}).reshape(part.shape());
  }
  static void down(const Array& moved, const Array& x) {
    if (x) x.copy_from(moved.to(Device{}));
  }

  void do_all_reduce(const Array& data, Reduce op) override {
    const Array x = up(data);
    whole().all_reduce(x, op);
    down(x, data);
  }
  void do_reduce(const Array& data, int root, Reduce op) override {
    const Array x = up(data);
    whole().reduce(x, root, op);
    down(x, data);
  }
  void do_broadcast(const Array& data, int root) override {
    const Array x = up(data);
    whole().broadcast(x, root);
    down(x, data);
  }
  void do_reduce_scatter(const Array& in, const Array& out, Reduce op) override {
    const Array from = up(in), to = inside(in, from, out);
    whole().reduce_scatter(from, to, op);
    down(to, out);
  }
  void do_all_gather(const Array& in, const Array& out) override {
    const Array to = up(out), from = inside(out, to, in);
    whole().all_gather(from, to);
    down(to, out);
  }
  void do_gather(const Array& in, const Array& out, int root) override {
    const Array to = up(out), from = inside(out, to, in);
    whole().gather(from, to, root);
    down(to, out);
  }
  void do_scatter(const Array& in, const Array& out, int root) override {
    const Array from = up(in), to = inside(in, from, out);
    whole().scatter(from, to, root);
    down(to, out);
  }
  void do_all_to_all(const Array& in, const Array& out) override {
    const Array from = up(in), to = up(out);
    whole().all_to_all(from, to);
    down(to, out);
  }
  void do_send(const Array& data, int destination, int tag) override { whole().send(up(data), destination, tag); }
  void do_recv(const Array& data, int source, int tag) override {
    const Array x = up(data);
    whole().recv(x, source, tag);
    down(x, data);
  }
  std::unique_ptr<Communicator> compose(std::unique_ptr<Communicator> part) const override {
    return std::make_unique<OnGpusCommunicator>(std::move(part), device_);
  }

  const Device device_;
};

}  // namespace rensa::testing
