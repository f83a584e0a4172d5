#include "comm/communicators/communicator.h"

#include <cstdio>
#include <cstdlib>

#include "comm/communication_thread.h"
#include "comm/communicators/argument_checks.h"
#include "comm/gpu/gpu_transport.h"
#include "comm/host_name.h"
#include "comm/watchdog/watchdog.h"
#include "core/device/gpu/driver.h"
#include "core/error.h"

namespace rensa {
namespace {

const Array kNoArray;

}  // namespace

Communicator::Communicator(const RankPlace& place, double timeout_s) : place_(place), timeout_s_(timeout_s) {}
Communicator::~Communicator() = default;

void Communicator::all_reduce(const Array& data, Reduce op) {
  ArgumentChecks{"all_reduce", rank(), size()}.reduction(data, op);
  if (size() == 1 || data.size() == 0) return;
  const CallLog::Scope scope(*calls_, {"all_reduce", data.size(), data.dtype(), op});
  const Stretch stretch(data, Stretch::kInOut);
  const Array& x = stretch.array();
  goes_by_host(x) ? do_all_reduce(x, op) : gpu_transport(x.device()).all_reduce(x, op);
  stretch.write_back();
}

void Communicator::reduce(const Array& data, int root, Reduce op) {
  const ArgumentChecks check{"reduce", rank(), size()};
  check.reduction(data, op);
  check.member(root);
  if (size() == 1 || data.size() == 0) return;
  const CallLog::Scope scope(*calls_, {"reduce", data.size(), data.dtype(), op, root});
  const Stretch stretch(data, Stretch::kInOut);
  const Array& x = stretch.array();
  goes_by_host(x) ? do_reduce(x, root, op) : gpu_transport(x.device()).reduce(x, root, op);
  if (rank() == root) stretch.write_back();
}

void Communicator::broadcast(const Array& data, int root) {
  const ArgumentChecks check{"broadcast", rank(), size()};
  check.array(data);
  check.member(root);
  if (size() == 1 || data.size() == 0) return;
  const CallLog::Scope scope(*calls_, {"broadcast", data.size(), data.dtype(), root});
  const Stretch stretch(data, rank() == root ? Stretch::kIn : Stretch::kOut);
  const Array& x = stretch.array();
  goes_by_host(x) ? do_broadcast(x, root) : gpu_transport(x.device()).broadcast(x, root);
  stretch.write_back();
}

void Communicator::reduce_scatter(const Array& in, const Array& out, Reduce op) {
  const ArgumentChecks check{"reduce_scatter", rank(), size()};
  check.reduction(in, op);
  check.parts(in, out);
  if (out.size() == 0) return;
  if (size() == 1) return out.copy_from(in.reshape(out.shape()));
  const CallLog::Scope scope(*calls_, {"reduce_scatter", out.size(), out.dtype(), op});
  const Stretch from(in, Stretch::kIn), to(out, Stretch::kOut);
  goes_by_host(in) ? do_reduce_scatter(from.array(), to.array(), op)
                   : gpu_transport(in.device()).reduce_scatter(from.array(), to.array(), op);
  to.write_back();
}

void Communicator::all_gather(const Array& in, const Array& out) {
  ArgumentChecks{"all_gather", rank(), size()}.parts(out, in);
  if (in.size() == 0) return;
  if (size() == 1) return out.copy_from(in.reshape(out.shape()));
  const CallLog::Scope scope(*calls_, {"all_gather", in.size(), in.dtype()});
  const Stretch from(in, Stretch::kIn), to(out, Stretch::kOut);
  goes_by_host(in) ? do_all_gather(from.array(), to.array())
                   : gpu_transport(in.device()).all_gather(from.array(), to.array());
  to.write_back();
}

void Communicator::gather(const Array& in, const Array& out, int root) {
  const ArgumentChecks check{"gather", rank(), size()};
  check.member(root);
  rank() == root ? check.parts(out, in) : check.array(in);
  if (in.size() == 0) return;
  if (size() == 1) return out.copy_from(in.reshape(out.shape()));
  const CallLog::Scope scope(*calls_, {"gather", in.size(), in.dtype(), root});
  const Stretch from(in, Stretch::kIn), to(rank() == root ? out : kNoArray, Stretch::kOut);
  goes_by_host(in) ? do_gather(from.array(), to.array(), root)
                   : gpu_transport(in.device()).gather(from.array(), to.array(), root);
  to.write_back();
}

void Communicator::scatter(const Array& in, const Array& out, int root) {
  const ArgumentChecks check{"scatter", rank(), size()};
  check.member(root);
  rank() == root ? check.parts(in, out) : check.array(out);
  if (out.size() == 0) return;
  if (size() == 1) return out.copy_from(in.reshape(out.shape()));
  const CallLog::Scope scope(*calls_, {"scatter", out.size(), out.dtype(), root});
  const Stretch from(rank() == root ? in : kNoArray, Stretch::kIn), to(out, Stretch::kOut);
  goes_by_host(out) ? do_scatter(from.array(), to.array(), root)
                    : gpu_transport(out.device()).scatter(from.array(), to.array(), root);
  to.write_back();
}

void Communicator::all_to_all(const Array& in, const Array& out) {
  ArgumentChecks{"all_to_all", rank(), size()}.equal_parts(in, out);
  if (in.size() == 0) return;
  if (size() == 1) return out.copy_from(in.reshape(out.shape()));
  const CallLog::Scope scope(*calls_, {"all_to_all", in.size(), in.dtype()});
  const Stretch from(in, Stretch::kIn), to(out, Stretch::kOut);
  goes_by_host(in) ? do_all_to_all(from.array(), to.array())
                   : gpu_transport(in.device()).all_to_all(from.array(), to.array());
  to.write_back();
}

void Communicator::send(const Array& data, int destination, int tag) {
  const ArgumentChecks check{"send", rank(), size()};
  check.array(data);
  check.peer(destination);
  check.sent_tag(tag);
  const CallLog::Scope scope(*calls_, Call::between_two("send", data.size(), data.dtype(), destination));
  const Stretch stretch(data, Stretch::kIn);
  goes_by_host(data) ? do_send(stretch.array(), destination, tag)
                     : gpu_messages().send(stretch.array(), destination, tag);
}

void Communicator::recv(const Array& data, int source, int tag) {
  const ArgumentChecks check{"recv", rank(), size()};
  check.array(data);
  check.peer(source);
  check.asked_tag(tag);
  const Stretch stretch(data, Stretch::kOut);
  {
    const CallLog::Scope scope(*calls_, Call::between_two("recv", data.size(), data.dtype(), source));
    goes_by_host(data) ? do_recv(stretch.array(), source, tag) : gpu_messages().recv(stretch.array(), source, tag);
  }
  stretch.write_back();  // which may take a while, and waits for nobody
}

Work Communicator::start_send(const Array& data, int destination, int tag) {
  const ArgumentChecks check{"start_send", rank(), size()};
  check.array(data);
  check.on_host(data);
  check.peer(destination);
  check.sent_tag(tag);
  const Call call = Call::between_two("start_send", data.size(), data.dtype(), destination);
  const CallLog::Scope scope(*calls_, call);
  Work work = do_start_send(data.contiguous(), destination, tag);
  work.log_waits(calls_, call);
  return work;
}

Work Communicator::start_recv(const Array& data, int source, int tag) {
  const ArgumentChecks check{"start_recv", rank(), size()};
  check.array(data);
  check.on_host(data);
  check.peer(source);
  check.asked_tag(tag);
  const Call call = Call::between_two("start_recv", data.size(), data.dtype(), source);
  const CallLog::Scope scope(*calls_, call);
  data.buffer()->note_write();
  Work work = do_start_recv(data, source, tag);
  work.log_waits(calls_, call);
  return work;
}

void Communicator::send_bytes(const std::string& bytes, int destination, int tag) {
  const ArgumentChecks check{"send_bytes", rank(), size()};
  check.peer(destination);
  check.sent_tag(tag);
  const auto count = static_cast<std::int64_t>(bytes.size());
  const CallLog::Scope scope(*calls_, Call::between_two("send_bytes", count, Dtype::kUInt8, destination));
  do_send_bytes(bytes, destination, tag);
}

Message Communicator::recv_bytes(int source, int tag) {
  const ArgumentChecks check{"recv_bytes", rank(), size()};
  if (source != kAnySource) check.peer(source);
  check.asked_tag(tag);
  const CallLog::Scope scope(*calls_, Call::between_two("recv_bytes", 0, Dtype::kUInt8, source));
  return do_recv_bytes(source, tag);
}

void Communicator::barrier() {
  if (size() == 1) return;
  const CallLog::Scope scope(*calls_, {"barrier", 0, Dtype::kUInt8});
  do_barrier();
}

std::string Communicator::broadcast_bytes(std::string bytes, int root) {
  ArgumentChecks{"broadcast_bytes", rank(), size()}.member(root);
  if (size() == 1) return bytes;
  const CallLog::Scope scope(*calls_, {"broadcast_bytes", 0, Dtype::kUInt8, root});
  return do_broadcast_bytes(std::move(bytes), root);
}

std::string Communicator::do_broadcast_bytes(std::string bytes, int root) {
  const Array length = full({1}, static_cast<double>(bytes.size()), Dtype::kInt64);
  do_broadcast(length, root);
  bytes.resize(static_cast<std::size_t>(length.data<std::int64_t>()[0]));
  if (!bytes.empty())
    do_broadcast(Array::wrap(bytes.data(), {static_cast<std::int64_t>(bytes.size())}, Dtype::kUInt8), root);
  return bytes;
}

std::vector<std::string> Communicator::all_gather_bytes(const std::string& bytes) {
  std::vector<std::string> result;
  for (int root = 0; root < size(); ++root) result.push_back(broadcast_bytes(rank() == root ? bytes : "", root));
  return result;
}

std::vector<std::string> Communicator::gather_bytes(const std::string& bytes, int root) {
  ArgumentChecks{"gather_bytes", rank(), size()}.member(root);
  if (rank() != root) {
    send_bytes(bytes, root, kLibraryTag);
    return {};
  }
  std::vector<std::string> result;
  for (int r = 0; r < size(); ++r) result.push_back(r == root ? bytes : recv_bytes(r, kLibraryTag).bytes);
  return result;
}

Work Communicator::start(std::function<void(Communicator&)> call, Device device) {
  if (!thread_) thread_ = std::make_unique<CommunicationThread>(split_in("first start()", 0, rank()));
  return thread_->start(std::move(call), device);
}

void Communicator::carry_gpu_arrays(GpuWay way) {
  gpu_way_ = way;
  gpu_transport_.reset();
  gpu_messages_.reset();
}

Device Communicator::gpu() const {
  if (gpu_) return *gpu_;
  return {DeviceKind::kCuda, intra_rank() % gpu::driver().device_count()};
}

GpuTransport& Communicator::gpu_transport(Device device) {
  if (!gpu_) gpu_ = device;
  if (!gpu_transport_) gpu_transport_ = gpu::make_transport(gpu_way_, *this, device);
  return *gpu_transport_;
}

GpuMessages& Communicator::gpu_messages() {
  if (!gpu_messages_) gpu_messages_ = gpu::make_messages(gpu_way_, *this);
  return *gpu_messages_;
}

bool Communicator::only_enqueues(Device device) {
  if (device.kind == DeviceKind::kCpu || size() == 1) return false;
  return gpu_way_ == GpuWay::kComposed ? do_only_enqueues(device) : gpu_transport(device).only_enqueues();
}

std::shared_ptr<void> Communicator::register_memory(const Array& data) {
  ArgumentChecks{"register_memory", rank(), size()}.array(data);
  const bool none = data.size() == 0 || data.device().kind == DeviceKind::kCpu || size() == 1;
  if (none) return nullptr;
  return gpu_way_ == GpuWay::kComposed ? do_register_memory(data) : gpu_transport(data.device()).register_memory(data);
}

void Communicator::hand_down(Communicator& part) const {
  part.config_ = config_;
  if (gpu_way_ != GpuWay::kComposed && part.gpu_way_ != GpuWay::kComposed) part.gpu_way_ = gpu_way_;
}

Array Communicator::allocate_shared(std::int64_t count, Dtype dtype) {
  if (count < 0) throw ValueError("allocate_shared: a count of ", count, ", expected 0 or more.");
  if (size() == 1 || count == 0) return zeros({count}, dtype);
  const CallLog::Scope scope(*calls_, {"allocate_shared", count, dtype});
  return do_allocate_shared(count, dtype);
}

Array Communicator::do_allocate_shared(std::int64_t count, Dtype dtype) { return zeros({count}, dtype); }

std::unique_ptr<Communicator> Communicator::split(int color, int key) { return split_in("split", color, key); }

std::unique_ptr<Communicator> Communicator::split_in(std::string_view call, int color, int key) {
  const CallLog::Scope scope(*calls_, {call, 0, Dtype::kUInt8});
  auto part = do_split(color, key);
  auto watch = watch_ ? watch_->child(color) : nullptr;
  if (!part) return nullptr;
  hand_down(*part);
  part->watch(std::move(watch));
  return part;
}

std::unique_ptr<Communicator> Communicator::split_by_node() {
  const CallLog::Scope scope(*calls_, {"split_by_node", 0, Dtype::kUInt8});
  auto node = do_split_by_node();
  hand_down(*node);
  node->watch(watch_ ? watch_->child(inter_rank()) : nullptr);
  return node;
}

void Communicator::watch(std::unique_ptr<Watch> watch) {
  watch_ = std::move(watch);
  if (watch_) watch_->begin(*this);
}

std::unique_ptr<Communicator> Communicator::do_split_by_node() { return do_split(inter_rank(), intra_rank()); }

void Communicator::abort(const std::string& reason, int status) {
  if (watch_ && watch_->dog().give_up(reason, status)) {
    std::fflush(stdout);
    std::_Exit(status);
  }
  std::fprintf(stderr, "rensa: %s: %s\n", rank_description(*this).c_str(), reason.c_str());
  std::fflush(stderr);
  std::fflush(stdout);
  do_abort(status);
  std::abort();  // compilers do not know that a virtual function never returns
}

std::string rank_description(const Communicator& comm) {
  return detail::join("rank ", comm.rank(), " of ", comm.size(), " on ", host_name());
}

}  // namespace rensa
