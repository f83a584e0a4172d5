#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comm/calls/call_log.h"
#include "comm/calls/reduce.h"
#include "comm/communicators/communicator_config.h"
#include "comm/work.h"
#include "core/array/array.h"

namespace rensa {

class CommunicationThread;
class GpuMessages;
class GpuTransport;
class Watch;

/// How a communicator carries arrays on GPUs. Those of the host always take its own way.
enum class GpuWay {
  kComposed,  ///< it is made of others, which see to that
  kHost,      ///< its own calls: MPI's, with addresses on the device where the library takes them, by way of the host
              ///< otherwise
  kStaged,    ///< its own calls, always by way of pinned memory of the host
  kNccl,      ///< NCCL
  kQuickest   ///< NCCL where all ranks have it and a GPU each, its own calls otherwise
};

/// Where a rank is: its number among all, among those of its node ("intra"), and its node's number ("inter").
struct RankPlace {
  int rank = 0, size = 1;
  int intra_rank = 0, intra_size = 1;
  int inter_rank = 0, inter_size = 1;
  bool nodes_are_equal = true;  ///< every node has the same number of ranks
};

inline constexpr int kAnySource = -1;  ///< takes the next message of any rank
inline constexpr int kAnyTag = -1;     ///< takes the next message with any tag that a program may give: 0 and up
/// That of the messages which calls of the library are made of. They travel apart from the program's: no other tag
/// takes them, whichever was sent first.
inline constexpr int kLibraryTag = -2;

/// Bytes that a rank has sent, and how they were addressed.
struct Message {
  std::string bytes;
  int source = 0, tag = 0;
};

/// A fixed group of ranks (processes, or threads of one process) that move arrays among each other. It knows nothing of
/// models or files.
///
/// Every rank makes the same calls in the same order; a rank that skips one leaves the others waiting. In one call the
/// arrays are of equal size and dtype on all ranks (comm/array_messages.h carries arrays of any shape). Arrays that are
/// not contiguous are carried through a copy. float16 and bfloat16 are summed in float32 and rounded once, or once a
/// node and once between nodes where a node's sum travels ("hierarchical", "two_dimensional", "auto"). The public calls
/// check what one rank can check; a transport overrides the private do_*, is given contiguous arrays, and may assume
/// size() > 1.
///
/// Threads: one thread at a time. start() runs calls on a thread of its own; another thread needs a communicator of its
/// own: split(0, rank()).
///
/// Arrays on GPUs are carried in order with the current stream of their device (core/device/gpu/stream.h). Where NCCL
/// does it, the call returns when it is in the stream and the host waits for nothing; what goes wrong later is thrown
/// by a later call (docs/nccl.md). The first such call makes NCCL's communicator. A rank uses one GPU.
///
/// All calls throw CommError if a rank is lost or makes another call, ShapeError and DtypeError for arrays that cannot
/// be carried.
class Communicator {
 public:
  virtual ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  virtual std::string_view name() const = 0;            ///< "naive", "flat", "hierarchical", "self" …
  int rank() const { return place_.rank; }              ///< this rank's number among all, from 0
  int size() const { return place_.size; }              ///< how many ranks there are
  int intra_rank() const { return place_.intra_rank; }  ///< this rank's number among those of its node
  int intra_size() const { return place_.intra_size; }  ///< how many ranks this node has
  int inter_rank() const { return place_.inter_rank; }  ///< this node's number
  int inter_size() const { return place_.inter_size; }  ///< how many nodes there are
  const RankPlace& place() const { return place_; }     ///< all of these at once
  /// How long a rank waits for the others before it gives up: create_communicator's option, handed down by split().
  double timeout_s() const { return timeout_s_; }

  /// Replaces `data` on every rank with the elementwise reduction over all ranks: the same bits on each.
  void all_reduce(const Array& data, Reduce op = Reduce::kSum);
  /// The same on root only; what the others' `data` holds afterwards is not said.
  void reduce(const Array& data, int root = 0, Reduce op = Reduce::kSum);
  /// Copies root's `data` to every rank's.
  void broadcast(const Array& data, int root = 0);
  /// `in` has size() equal parts; `out` becomes the reduction of every rank's part number rank(). It may be that part.
  void reduce_scatter(const Array& in, const Array& out, Reduce op = Reduce::kSum);
  /// `out` becomes every rank's `in`, in order of ranks. `in` may be this rank's part of `out`.
  void all_gather(const Array& in, const Array& out);
  /// The same on root only; elsewhere `out` may be no array.
  void gather(const Array& in, const Array& out, int root = 0);
  /// `out` becomes part number rank() of root's `in`; elsewhere `in` may be no array.
  void scatter(const Array& in, const Array& out, int root = 0);
  /// Part p of `in` goes to rank p, into its part number rank(). The arrays do not overlap.
  void all_to_all(const Array& in, const Array& out);
  /// One message to one rank, which must ask for it with recv() of the same shape and dtype; returns when `data` may
  /// be written again: a long one may wait for its recv. Tags are 0 and up; collectives between a send and its recv do
  /// not mix with it.
  void send(const Array& data, int destination, int tag = 0);
  /// Waits for the message of `source` with that tag and writes it into `data`. Throws CommError that names both sides
  /// if it is of another size or dtype; where both lie on the host, or both on GPUs, the message is gone then and the
  /// next one can be received. Where NCCL carries messages, one side on a GPU and the other on the host is an error,
  /// and what follows may be lost.
  void recv(const Array& data, int source, int tag = 0);
  /// send() without waiting: `data` is not written before the result is done. A message started before another send to
  /// that rank, started or not, arrives before it.
  Work start_send(const Array& data, int destination, int tag = 0);
  /// recv() without waiting: `data` is neither read nor written before the result is done; wait() throws what recv()
  /// would. Receives that could take the same message get theirs in the order in which they were called, started or
  /// not. Neither call asks anything of other ranks, and every rank of a ring may start its recv first. The messages go
  /// on by themselves, and mix with those of send() and recv() freely. When the communicator goes, it waits for sends
  /// as wait() would, and gives up receives that have found no message. Both calls are for arrays on the host:
  /// DeviceError for others (see start()).
  Work start_recv(const Array& data, int source, int tag = 0);
  void barrier();  ///< returns when every rank has called it

  /// Messages of any length, such as serialized objects (comm/objects.h).
  std::string broadcast_bytes(std::string bytes, int root = 0);
  /// Every rank's bytes, in the order of ranks; lengths may differ.
  std::vector<std::string> all_gather_bytes(const std::string& bytes);
  std::vector<std::string> gather_bytes(const std::string& bytes, int root = 0);  ///< empty except on root
  void send_bytes(const std::string& bytes, int destination, int tag = 0);        ///< one message to one rank
  /// Waits for a message; the result says who sent it, and with which tag.
  Message recv_bytes(int source = kAnySource, int tag = kAnyTag);

  /// Runs `call` on a thread of this communicator's own, on a communicator of its own, after the calls started before:
  ///   Work work = comm.start([x](Communicator& c) { c.all_reduce(x); });  …  work.wait();
  /// A call on all ranks together, in one order. The communicator waits for it before it goes.
  ///
  /// The first start() on a communicator is a collective call, which makes the thread's communicator: all ranks make
  /// it, also those that have nothing to do. One call runs at a time, so that messages between two ranks are better
  /// started with start_send() and start_recv(). Those between GPUs are not: in a ring even ranks send first and odd
  /// ones receive, in one start() or several.
  ///
  /// `device` is where the call's arrays lie. On a GPU the call goes into a stream of high priority, behind what is in
  /// the current stream now; wait() then makes the current stream wait, not the host.
  Work start(std::function<void(Communicator&)> call, Device device = {});

  /// `count` elements, zeros, that the ranks of the node can address: what lies there is reduced in place, without
  /// copies. A call on all ranks together, with equal counts. Ordinary memory where the ranks cannot share any.
  Array allocate_shared(std::int64_t count, Dtype dtype);

  /// How arrays on GPUs move from now on, alike on all ranks; split() hands it down.
  void carry_gpu_arrays(GpuWay way);
  /// Where this rank's arrays on GPUs lie: with the first that was carried; before that, on the GPU of its number on
  /// the node.
  Device gpu() const;
  /// Whether calls for arrays on `device` return at once, whatever other ranks do: those that NCCL makes. A call on all
  /// ranks together.
  bool only_enqueues(Device device);
  /// Whether its own calls take addresses on GPUs.
  virtual bool takes_gpu_memory() const { return false; }
  /// Tells NCCL, where it carries arrays on that GPU, that this memory will be sent and received often (a gradient
  /// arena), so that others may reach it directly. It keeps the memory until the result goes. A call on all ranks
  /// together.
  std::shared_ptr<void> register_memory(const Array& data);

  /// A new communicator of the ranks that gave the same colour, numbered by (key, rank). A negative colour takes no
  /// part and gets null.
  std::unique_ptr<Communicator> split(int color, int key);
  /// A new communicator of the ranks of this node, which read and write each other's memory where the system lets them.
  std::unique_ptr<Communicator> split_by_node();

  /// Ends the job on all ranks, with this rank, its host and `reason` named on standard error. Does not return.
  /// Buffered standard output is written first.
  [[noreturn]] void abort(const std::string& reason, int status = 1);

  /// Settings that may change, alike on all ranks; split() hands them down.
  CommunicatorConfig& config() { return config_; }
  const CommunicatorConfig& config() const { return config_; }  ///< the settings as they are

  /// What "auto" has chosen for which size, as text for logs and checkpoints; empty for communicators without a choice.
  virtual std::string choice() const { return {}; }
  /// Goes on with a choice that another run made. False if it does not suit this cluster; then nothing changes. A call
  /// on all ranks together, with one text.
  virtual bool adopt_choice(const std::string& /*choice*/) { return false; }

  /// The number, name and size of the calls made so far: what the watchdog compares between ranks.
  const CallLog& calls() const { return *calls_; }
  /// From now on the job's watchdog looks after this communicator and after those that are split from it.
  void watch(std::unique_ptr<Watch> watch);

 protected:
  explicit Communicator(const RankPlace& place, double timeout_s = kDefaultTimeout);
  static constexpr double kDefaultTimeout = 300;
  const std::shared_ptr<CallLog>& call_log() const { return calls_; }

 private:
  friend class BesideHost;

  virtual void do_all_reduce(const Array& data, Reduce op) = 0;
  virtual void do_reduce(const Array& data, int root, Reduce op) = 0;
  virtual void do_broadcast(const Array& data, int root) = 0;
  virtual void do_reduce_scatter(const Array& in, const Array& out, Reduce op) = 0;
  virtual void do_all_gather(const Array& in, const Array& out) = 0;
  virtual void do_gather(const Array& in, const Array& out, int root) = 0;
  virtual void do_scatter(const Array& in, const Array& out, int root) = 0;
  virtual void do_all_to_all(const Array& in, const Array& out) = 0;
  virtual void do_send(const Array& data, int destination, int tag) = 0;
  virtual void do_recv(const Array& data, int source, int tag) = 0;
  virtual std::string do_broadcast_bytes(std::string bytes, int root);
  virtual Work do_start_send(const Array& data, int destination, int tag) = 0;
  virtual Work do_start_recv(const Array& data, int source, int tag) = 0;  ///< which may have gaps
  virtual void do_send_bytes(const std::string& bytes, int destination, int tag) = 0;
  virtual Message do_recv_bytes(int source, int tag) = 0;
  virtual void do_barrier() = 0;
  virtual Array do_allocate_shared(std::int64_t count, Dtype dtype);
  virtual std::unique_ptr<Communicator> do_split(int color, int key) = 0;
  virtual std::unique_ptr<Communicator> do_split_by_node();
  [[noreturn]] virtual void do_abort(int status) = 0;
  virtual bool do_only_enqueues(Device) { return false; }
  virtual std::shared_ptr<void> do_register_memory(const Array&) { return nullptr; }

  bool goes_by_host(const Array& data) const {
    return data.device().kind == DeviceKind::kCpu || gpu_way_ == GpuWay::kComposed;
  }
  GpuTransport& gpu_transport(Device device);
  GpuMessages& gpu_messages();
  /// split() as a part of the call of that name.
  std::unique_ptr<Communicator> split_in(std::string_view call, int color, int key);
  void hand_down(Communicator& part) const;

  RankPlace place_;
  double timeout_s_;
  CommunicatorConfig config_;
  std::shared_ptr<CallLog> calls_ = std::make_shared<CallLog>();  ///< shared with what start_recv() and its like give
  std::unique_ptr<Watch> watch_;                                  ///< null: nobody watches
  GpuWay gpu_way_ = GpuWay::kHost;
  std::optional<Device> gpu_;
  std::unique_ptr<GpuTransport> gpu_transport_;  ///< from the first use, as what follows
  std::unique_ptr<GpuMessages> gpu_messages_;
  std::unique_ptr<CommunicationThread> thread_;  ///< of start()
};

/// "rank 1 of 4 on node7": how messages name a rank.
std::string rank_description(const Communicator& comm);

}  // namespace rensa
