#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/array/array.h"

namespace rensa {

enum class Reduce { kSum, kMax, kMin };

/// Where a rank is: its number among all, among those of its node ("intra"), and its node's number ("inter").
struct RankPlace {
  int rank = 0, size = 1;
  int intra_rank = 0, intra_size = 1;
  int inter_rank = 0, inter_size = 1;
};

/// A fixed group of ranks (processes, or threads of one process) that move arrays among each other. It knows nothing of
/// models or files.
///
/// Every rank makes the same calls in the same order; a rank that skips one leaves the others waiting. Arrays are
/// contiguous and, in one call, of equal size and dtype on all ranks. The public calls check what one rank can check; a
/// transport overrides the private do_* and may assume size() > 1.
///
/// Threads: one thread at a time. A thread of its own needs a communicator of its own: split(0, rank()).
///
/// All calls throw CommError if a rank is lost, ShapeError and DtypeError for arrays that cannot be carried.
class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  virtual std::string_view name() const = 0;  ///< "naive", "flat", "shm", "self" …
  int rank() const { return place_.rank; }
  int size() const { return place_.size; }
  int intra_rank() const { return place_.intra_rank; }
  int intra_size() const { return place_.intra_size; }
  int inter_rank() const { return place_.inter_rank; }
  int inter_size() const { return place_.inter_size; }
  const RankPlace& place() const { return place_; }

  /// Replaces `data` on every rank with the elementwise reduction over all ranks: the same bits on each.
  void all_reduce(const Array& data, Reduce op = Reduce::kSum);
  /// Copies root's `data` to every rank's.
  void broadcast(const Array& data, int root);
  /// `in` has size() equal parts; `out` becomes the reduction of every rank's part number rank().
  void reduce_scatter(const Array& in, const Array& out, Reduce op = Reduce::kSum);
  /// `out` becomes every rank's `in`, in order of ranks.
  void all_gather(const Array& in, const Array& out);
  /// The same on root only; elsewhere `out` may be no array.
  void gather(const Array& in, const Array& out, int root);
  /// `out` becomes part number rank() of root's `in`; elsewhere `in` may be no array.
  void scatter(const Array& in, const Array& out, int root);
  /// Part p of `in` goes to rank p, into its part number rank().
  void all_to_all(const Array& in, const Array& out);
  void send(const Array& data, int destination, int tag = 0);
  void recv(const Array& data, int source, int tag = 0);
  void barrier();

  /// Messages of any length, such as serialized objects.
  std::string broadcast_bytes(std::string bytes, int root);
  std::vector<std::string> all_gather_bytes(const std::string& bytes);

  /// A new communicator of the ranks that gave the same colour, numbered by (key, rank). A negative colour takes no part
  /// and gets null.
  std::unique_ptr<Communicator> split(int color, int key);

  /// Ends the job on all ranks, with this rank, its host and `reason` named on standard error. Does not return.
  [[noreturn]] void abort(const std::string& reason, int status = 1);

 protected:
  explicit Communicator(const RankPlace& place) : place_(place) {}

 private:
  virtual void do_all_reduce(const Array& data, Reduce op) = 0;
  virtual void do_broadcast(const Array& data, int root) = 0;
  virtual void do_reduce_scatter(const Array& in, const Array& out, Reduce op) = 0;
  virtual void do_all_gather(const Array& in, const Array& out) = 0;
  virtual void do_gather(const Array& in, const Array& out, int root) = 0;
  virtual void do_scatter(const Array& in, const Array& out, int root) = 0;
  virtual void do_all_to_all(const Array& in, const Array& out) = 0;
  virtual void do_send(const Array& data, int destination, int tag) = 0;
  virtual void do_recv(const Array& data, int source, int tag) = 0;
  virtual void do_barrier() = 0;
  virtual std::unique_ptr<Communicator> do_split(int color, int key) = 0;
  [[noreturn]] virtual void do_abort(int status) = 0;

  void check_array(const char* call, const Array& data) const;
  void check_parts(const char* call, const Array& whole, const Array& part) const;
  void check_rank(const char* call, int rank) const;

  RankPlace place_;
};

/// "rank 1 of 4 on node7": how messages name a rank.
std::string rank_description(const Communicator& comm);

}  // namespace rensa
