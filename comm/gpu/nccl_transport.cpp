#include "comm/gpu/nccl_transport.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "comm/host_name.h"
#include "comm/watchdog/watchdog.h"
#include "core/error.h"

namespace rensa {
namespace {

constexpr int kSharedGpus = 23000;  ///< the version from which on NCCL_MULTI_RANK_GPU_ENABLE lets ranks share a GPU
/// The watchdog of a job has the same limit, and knows which rank is missing: it may speak first.
constexpr double kWatchdogSpeaksFirst_s = 5;

/// What ranks tell each other before they join. Plain data.
struct Announcement {
  std::array<char, 64> host{}, gpu{};
  std::array<char, 320> problem{};
  std::int32_t version = 0, node = 0;
};

template <std::size_t kLength>
void write(std::array<char, kLength>& to, const std::string& text) {
  std::copy_n(text.begin(), std::min(text.size(), kLength - 1), to.begin());
}

Announcement announcement(Device device, int node) {
  Announcement mine;
  mine.node = node;
  write(mine.host, host_name());
  try {
    mine.version = nccl::api().version();
    write(mine.gpu, gpu::driver().facts(device.index).bus);
  } catch (const Error& error) {
    write(mine.problem, error.what());
  }
  return mine;
}

bool ranks_may_share_a_gpu(int version) {
  const char* const value = std::getenv("NCCL_MULTI_RANK_GPU_ENABLE");
  return value && std::string(value) == "1" && version >= kSharedGpus;
}

std::size_t count_of(std::int64_t count) { return static_cast<std::size_t>(count); }

std::byte* part(const Array& data, std::int64_t count, int number) {
  return static_cast<std::byte*>(data.raw_data()) +
         static_cast<std::size_t>(count) * item_size(data.dtype()) * static_cast<std::size_t>(number);
}

/// Calls that are launched as one.
template <class Calls>
nccl::Result grouped(const Calls& calls) {
  nccl::Api& api = nccl::api();
  api.begin_group();
  nccl::Result worst = nccl::Result::kSuccess;
  const auto note = [&](nccl::Result result) {
    if (result != nccl::Result::kSuccess && result != nccl::Result::kInProgress) worst = result;
  };
  calls(note);
  const nccl::Result ended = api.end_group();
  return worst != nccl::Result::kSuccess ? worst : ended;
}

}  // namespace

namespace {

class Introduction final : public BesideHost {
 public:
  explicit Introduction(Communicator& comm) : BesideHost(comm) {}
  std::vector<Announcement> hear_all(Announcement mine) const {
    std::vector<Announcement> all(static_cast<std::size_t>(owner().size()));
    const auto bytes = static_cast<std::int64_t>(sizeof mine);
    host_all_gather(Array::wrap(&mine, {bytes}, Dtype::kUInt8),
                    Array::wrap(all.data(), {owner().size() * bytes}, Dtype::kUInt8));
    return all;
  }
};

}  // namespace

std::string NcclTransport::obstacle(Communicator& owner, Device device) {
  const std::vector<Announcement> all = Introduction(owner).hear_all(announcement(device, owner.inter_rank()));
  const auto name = [&](std::size_t r) { return detail::join("rank ", r, " on ", all[r].host.data()); };
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (all[r].problem[0]) return name(r) + " has no NCCL: " + all[r].problem.data();
    if (all[r].version != all[0].version) {
      return detail::join(name(r), " has NCCL ", nccl::version_text(all[r].version), ", ", name(0), " has ",
                          nccl::version_text(all[0].version), ". Install one version on all hosts.");
    }
    for (std::size_t other = 0; other < r && !ranks_may_share_a_gpu(all[r].version); ++other) {
      if (all[r].node != all[other].node || all[r].gpu != all[other].gpu) continue;
      return detail::join(
          "ranks ", other, " and ", r, " both use the GPU ", all[r].gpu.data(), " of ", all[r].host.data(),
          ", where NCCL wants one for each rank. Give every rank its own (its number on the node), or use the "
          "communicator flat.");
    }
  }
  return {};
}

nccl::Connection::Options connection_options(const Communicator& owner, Watch* watcher) {
  nccl::Connection::Options options{.who = rank_description(owner), .timeout_s = owner.timeout_s()};
  if (!watcher) return options;
  options.timeout_s += kWatchdogSpeaksFirst_s;
  options.on_failure = [watcher](const std::string& reason) { watcher->dog().give_up(reason, 1); };
  return options;
}

NcclTransport::NcclTransport(Communicator& owner, Device device) : GpuTransport(owner) {
  nccl::UniqueId id{};
  if (owner.rank() == 0) id = nccl::api().make_unique_id();
  const std::string told = host_broadcast_bytes(std::string(id.begin(), id.end()), 0);
  std::copy_n(told.begin(), std::min(told.size(), id.size()), id.begin());
  nccl::Connection::Options options = connection_options(owner, watch());
  options.log = &log();
  connection_ = std::make_shared<nccl::Connection>(id, owner.rank(), owner.size(), device, std::move(options));
  connection_->wait_until_ready();
}

NcclTransport::~NcclTransport() = default;

void NcclTransport::launch(const char* name, const Array& data, std::int64_t count,
                           const nccl::Connection::Launch& call) {
  if (data.device() != connection_->device()) {
    throw DeviceError(name, ": the array is on ", data.device(), ", but this communicator joined the ranks with ",
                      connection_->device(), ". A rank uses one GPU for each communicator.");
  }
  connection_->launch(Call(name, count, data.dtype()), gpu::current_stream(data.device()), call);
}

void NcclTransport::all_reduce(const Array& data, Reduce op) {
  launch("all_reduce", data, data.size(), [&](nccl::Endpoint& to, gpu::StreamHandle stream) {
    return to.all_reduce(data.raw_data(), data.raw_data(), count_of(data.size()), data.dtype(), op, stream);
  });
}

void NcclTransport::reduce(const Array& data, int root, Reduce op) {
  launch("reduce", data, data.size(), [&](nccl::Endpoint& to, gpu::StreamHandle stream) {
    return to.reduce(data.raw_data(), data.raw_data(), count_of(data.size()), data.dtype(), op, root, stream);
  });
}

void NcclTransport::broadcast(const Array& data, int root) {
  launch("broadcast", data, data.size(), [&](nccl::Endpoint& to, gpu::StreamHandle stream) {
    return to.broadcast(data.raw_data(), data.raw_data(), count_of(data.size()), data.dtype(), root, stream);
  });
}

void NcclTransport::reduce_scatter(const Array& in, const Array& out, Reduce op) {
  launch("reduce_scatter", out, out.size(), [&](nccl::Endpoint& to, gpu::StreamHandle stream) {
    return to.reduce_scatter(in.raw_data(), out.raw_data(), count_of(out.size()), in.dtype(), op, stream);
  });
}

void NcclTransport::all_gather(const Array& in, const Array& out) {
  launch("all_gather", in, in.size(), [&](nccl::Endpoint& to, gpu::StreamHandle stream) {
    return to.all_gather(in.raw_data(), out.raw_data(), count_of(in.size()), in.dtype(), stream);
  });
}

// NCCL has messages between two ranks, also of a rank to itself, and groups of them.

void NcclTransport::gather(const Array& in, const Array& out, int root) {
  launch("gather", in, in.size(), [&](nccl::Endpoint& to, gpu::StreamHandle stream) {
    return grouped([&](const auto& note) {
      note(to.send(in.raw_data(), count_of(in.size()), in.dtype(), root, stream));
      for (int r = 0; r < owner().size() && owner().rank() == root; ++r) {
        note(to.recv(part(out, in.size(), r), count_of(in.size()), in.dtype(), r, stream));
      }
    });
  });
}

void NcclTransport::scatter(const Array& in, const Array& out, int root) {
  launch("scatter", out, out.size(), [&](nccl::Endpoint& to, gpu::StreamHandle stream) {
    return grouped([&](const auto& note) {
      for (int r = 0; r < owner().size() && owner().rank() == root; ++r) {
        note(to.send(part(in, out.size(), r), count_of(out.size()), out.dtype(), r, stream));
      }
      note(to.recv(out.raw_data(), count_of(out.size()), out.dtype(), root, stream));
    });
  });
}

void NcclTransport::all_to_all(const Array& in, const Array& out) {
  const std::int64_t count = in.size() / owner().size();
  launch("all_to_all", in, in.size(), [&](nccl::Endpoint& to, gpu::StreamHandle stream) {
    return grouped([&](const auto& note) {
      for (int r = 0; r < owner().size(); ++r) {
        note(to.send(part(in, count, r), count_of(count), in.dtype(), r, stream));
        note(to.recv(part(out, count, r), count_of(count), in.dtype(), r, stream));
      }
    });
  });
}

std::shared_ptr<void> NcclTransport::register_memory(const Array& data) {
  void* const handle = connection_->register_memory(data.raw_data(), data.bytes());
  if (!handle) return nullptr;
  return {handle, [connection = connection_, data](void* registered) { connection->deregister_memory(registered); }};
}

}  // namespace rensa
