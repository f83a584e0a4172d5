#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace rensa {

/// What the MPI library says of itself.
struct MpiFacts {
  std::string library;       ///< its own words, first line: "Open MPI v4.1.4, …"; empty: built without MPI
  std::string thread_level;  ///< "MPI_THREAD_MULTIPLE" and so on; empty: built without MPI
  bool has_all_threads = true;
  std::string cuda_aware = "unknown";  ///< "yes", "no", or "unknown": the library has no way to ask
};

/// What the ranks of MPI_COMM_WORLD tell each other while it is not known yet whether anything else works: for `rensa
/// doctor`. Uses MPI on the calling thread alone and at any thread level. Without MPI there is one rank.
class RollCall {
 public:
  RollCall();  ///< starts MPI unless the program has

  int rank() const { return rank_; }  ///< this rank's number among all
  int size() const { return size_; }  ///< how many ranks there are
  MpiFacts mpi() const;               ///< what the MPI library says of itself

  // Calls on all ranks together.
  std::vector<std::string> all_gather(const std::string& mine) const;  ///< every rank's text, in the order of ranks
  /// Every rank sends `bytes` to the next one: traffic that shows which interfaces are used.
  void pass_around(std::size_t bytes) const;

  /// How this rank's clock stands to rank 0's.
  struct ClockReading {
    double ahead_s = 0;        ///< this rank's wall clock minus rank 0's
    double uncertainty_s = 0;  ///< half of the quickest answer
  };
  /// Source: Cristian, "Probabilistic clock synchronization", 1989: the quickest of several questions bounds the error.
  ClockReading compare_clocks() const;

 private:
  int rank_ = 0, size_ = 1;
};

}  // namespace rensa
