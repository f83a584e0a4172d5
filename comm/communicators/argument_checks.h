#pragma once

#include <optional>

#include "comm/communicators/communicator.h"

namespace rensa {

/// What a call of a communicator refuses before anything moves. `call` is the name that the messages give.
struct ArgumentChecks {
  const char* call;
  int rank, size;

  void array(const Array& data) const;                        ///< ValueError for no array
  void on_host(const Array& data) const;                      ///< DeviceError for one on a GPU
  void reduction(const Array& data, Reduce op) const;         ///< DtypeError for what has no such reduction
  void one_device(const Array& a, const Array& b) const;      ///< DeviceError for arrays on two devices
  void parts(const Array& whole, const Array& part) const;    ///< `whole` is size parts like `part`
  void equal_parts(const Array& in, const Array& out) const;  ///< both are size parts
  void member(int other) const;                               ///< ValueError for a rank that does not exist
  void peer(int other) const;                                 ///< and for this rank itself
  void sent_tag(int tag) const;                               ///< ValueError for a negative one
  void asked_tag(int tag) const;                              ///< which may also be kAnyTag
};

/// An argument's elements in one stretch of memory: the array itself, which must outlive this object, or a copy. An
/// output writes the copy back at the end.
class Stretch {
 public:
  /// Whether the call reads the argument, writes it, or does both.
  enum Use { kIn, kOut, kInOut };
  Stretch(const Array& argument, Use use);
  const Array& array() const { return copy_ ? *copy_ : argument_; }  ///< Contiguous; what the call is given
  /// To be called after the call has succeeded.
  void write_back() const;

 private:
  const Array& argument_;
  std::optional<Array> copy_;
  bool writes_back_ = false;
};

}  // namespace rensa
