#include "comm/shm/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>

namespace rensa::shm {
namespace {

/// The segments that this process has mapped.
struct Mapped {
  std::mutex mutex;
  std::map<const std::byte*, const Segment*> by_address;
  std::map<std::uint64_t, const Segment*> by_id;
};
Mapped& mapped() {
  static Mapped* const instance = new Mapped;  // arrays in segments may outlive every other static object
  return *instance;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

int make_memory(std::size_t bytes) {
  const int fd = memfd_create("rensa", MFD_CLOEXEC);
  if (fd >= 0 && ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

std::byte* map_memory(int fd, std::size_t bytes) {
  if (fd < 0) return nullptr;
  void* const data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return nullptr;
  madvise(data, bytes, MADV_HUGEPAGE);  // a hint
  return static_cast<std::byte*>(data);
}

}  // namespace

std::shared_ptr<Segment> Segment::create(Communicator& comm, std::size_t bytes) {
  static std::atomic<std::int64_t> made = 0;
  const bool makes = comm.rank() == 0;
  Array told = zeros({3}, Dtype::kInt64);  // process, descriptor, number
  auto* const words = told.data<std::int64_t>();
  if (makes) {
    words[0] = getpid();
    words[1] = make_memory(bytes);
    words[2] = ++made;
  }
  comm.broadcast(told, 0);
  const std::string path = "/proc/" + std::to_string(words[0]) + "/fd/" + std::to_string(words[1]);
  const Descriptor fd(makes ? static_cast<int>(words[1]) : open(path.c_str(), O_RDWR | O_CLOEXEC));
  std::byte* const data = map_memory(fd.get(), bytes);
  const auto id = static_cast<std::uint64_t>(words[0]) << 32 | static_cast<std::uint64_t>(words[2]);
  std::shared_ptr<Segment> segment;
  if (data) {
    // Another container may have a process of the same number: the first rank's word proves that it is the same memory.
    if (makes) *reinterpret_cast<std::uint64_t*>(data) = id;
    segment.reset(new Segment(id, data, bytes));
  }
  comm.barrier();
  Array all_have_it = full({1}, data && *reinterpret_cast<std::uint64_t*>(data) == id ? 1 : 0, Dtype::kInt32);
  comm.all_reduce(all_have_it, Reduce::kMin);
  if (all_have_it.item<int>() == 0) return nullptr;
  if (makes) *reinterpret_cast<std::uint64_t*>(data) = 0;
  comm.barrier();
  return segment;
}

Segment::Segment(std::uint64_t id, std::byte* data, std::size_t bytes) : id_(id), data_(data), bytes_(bytes) {
  const std::lock_guard lock(mapped().mutex);
  mapped().by_address[data_] = this;
  mapped().by_id[id_] = this;
}

Segment::~Segment() {
  {
    const std::lock_guard lock(mapped().mutex);
    mapped().by_address.erase(data_);
    mapped().by_id.erase(id_);
  }
  munmap(data_, bytes_);
}

Address Segment::publish(const void* data, std::size_t bytes) {
  const auto* const at = static_cast<const std::byte*>(data);
  Address address{.address = reinterpret_cast<std::uintptr_t>(data)};
  const std::lock_guard lock(mapped().mutex);
  const auto next = mapped().by_address.upper_bound(at);
  if (next == mapped().by_address.begin()) return address;
  const Segment& segment = *std::prev(next)->second;
  if (at + bytes > segment.data_ + segment.bytes_) return address;
  address.segment = segment.id_;
  address.offset = static_cast<std::uint64_t>(at - segment.data_);
  return address;
}

std::byte* Segment::reach(const Address& address) {
  if (address.segment == 0) return nullptr;
  const std::lock_guard lock(mapped().mutex);
  const auto found = mapped().by_id.find(address.segment);
  return found == mapped().by_id.end() ? nullptr : found->second->data_ + address.offset;
}

}  // namespace rensa::shm
