#include "comm/shm/process_group.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "comm/watchdog/watchdog.h"
#include "core/error.h"

namespace rensa::shm {
namespace {

constexpr std::size_t kPage = 4096;

std::size_t in_pages(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

/// Cores that this process may run on.
int own_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  return sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
}

/// What Open MPI's own waits were asked to do: who starts the job knows of others on these cores, other jobs or hosts
/// that are emulated, say.
bool waits_are_to_yield() {
  const char* const asked = std::getenv("OMPI_MCA_mpi_yield_when_idle");
  return asked && std::string_view(asked) != "0" && std::string_view(asked) != "false";
}

/// Whether the ranks have fewer cores than they are; they must not spin then. `comm` is theirs.
bool cores_are_short(Communicator& comm) {
  // ranks bound to cores of their own have one each; unbound ones share them all
  Array cores = full({1}, own_cores(), Dtype::kInt32);
  comm.all_reduce(cores, Reduce::kMax);
  const int shared = cores.item<int>();
  return shared > 1 ? shared < comm.size() : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)) < comm.size();
}

}  // namespace

std::unique_ptr<Group> ProcessGroup::create(std::unique_ptr<Communicator>& transport) {
  const auto size = static_cast<std::size_t>(transport->size());
  const std::size_t bytes = in_pages(Meeting::board_bytes(transport->size())) + size * 2 * kStagingBytes;
  auto segment = Segment::create(*transport, bytes);
  if (!segment) return nullptr;
  return std::unique_ptr<Group>(new ProcessGroup(std::move(transport), std::move(segment)));
}

ProcessGroup::ProcessGroup(std::unique_ptr<Communicator> transport, std::shared_ptr<Segment> segment)
    : transport_(std::move(transport)),
      segment_(std::move(segment)),
      staging_(segment_->data() + in_pages(Meeting::board_bytes(transport_->size()))),
      meeting_(segment_->data(), transport_->rank(), transport_->size(),
               {.limit_s = transport_->timeout_s() + kWatchdogFirst_s,
                .yields = cores_are_short(*transport_) || waits_are_to_yield()}),
      peers_(*transport_) {}

std::byte* ProcessGroup::staging(int r, int parity) {
  return staging_ + static_cast<std::size_t>(2 * r + parity) * kStagingBytes;
}

void ProcessGroup::pull(int r, const Address& from, std::size_t offset, void* to, std::size_t bytes) {
  const std::byte* const here =
      r == place().rank ? reinterpret_cast<const std::byte*>(from.address) : Segment::reach(from);
  if (!here) return peers_.read(r, from.address + offset, to, bytes);
  if (here + offset != to) std::memcpy(to, here + offset, bytes);
}

Array ProcessGroup::allocate(std::int64_t count, Dtype dtype) {
  const std::size_t mine = in_pages(static_cast<std::size_t>(count) * item_size(dtype));
  auto segment = Segment::create(*transport_, mine * static_cast<std::size_t>(transport_->size()));
  if (!segment) return zeros({count}, dtype);
  std::byte* const data = segment->data() + static_cast<std::size_t>(transport_->rank()) * mine;
  const Array array = Array::wrap(data, {count}, dtype, {}, [segment] {});
  array.fill(0);  // touched by its rank first, so that the pages are near
  return array;
}

std::unique_ptr<Group> ProcessGroup::split(int color, int key) {
  auto part = transport_->split(color, key);
  if (!part) return nullptr;
  auto group = create(part);
  if (!group)
    throw CommError(
        "the processes of this node could share memory before, and now cannot: out of descriptors or memory?");
  return group;
}

void ProcessGroup::abort(int status) { transport_->abort("the job is ended", status); }

}  // namespace rensa::shm
