#pragma once

#include <cereal/archives/portable_binary.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "comm/communicators/communicator.h"

namespace rensa {

// Objects of any type that cereal can serialize (https://uscilab.github.io/cereal): numbers, and with the headers
// <cereal/types/…> strings, containers, pointers; types of your own with a member serialize(archive). Of any size.
// Objects come from ranks of the same job: bytes from elsewhere are not to be read with these.

namespace detail {

template <class T>
std::string to_bytes(const T& object) {
  std::ostringstream out(std::ios::binary);
  cereal::PortableBinaryOutputArchive archive(out);
  archive(object);
  return std::move(out).str();
}

template <class T>
T from_bytes(std::string bytes) {
  std::istringstream in(std::move(bytes), std::ios::binary);
  cereal::PortableBinaryInputArchive archive(in);
  T object{};
  archive(object);
  return object;
}

}  // namespace detail

/// An object, and how it was addressed.
template <class T>
struct Received {
  T object;
  int source, tag;
};

/// Sends what cereal makes of `object`: one with serialize(), or of the standard library (include cereal/types/...).
template <class T>
void send_object(Communicator& comm, const T& object, int destination, int tag = 0) {
  comm.send_bytes(detail::to_bytes(object), destination, tag);
}

/// The next object with that source and tag, in the order they were sent.
template <class T>
Received<T> recv_object(Communicator& comm, int source = kAnySource, int tag = kAnyTag) {
  Message message = comm.recv_bytes(source, tag);
  return {detail::from_bytes<T>(std::move(message.bytes)), message.source, message.tag};
}

/// Root's object on every rank; elsewhere `object` is not looked at.
template <class T>
T broadcast_object(Communicator& comm, const T& object, int root = 0) {
  if (comm.rank() != root) return detail::from_bytes<T>(comm.broadcast_bytes({}, root));
  if (comm.size() > 1) comm.broadcast_bytes(detail::to_bytes(object), root);
  return object;
}

/// Every rank's object, in the order of ranks.
template <class T>
std::vector<T> all_gather_objects(Communicator& comm, const T& object) {
  std::vector<T> objects;
  for (std::string& bytes : comm.all_gather_bytes(detail::to_bytes(object))) {
    objects.push_back(detail::from_bytes<T>(std::move(bytes)));
  }
  return objects;
}

/// Every rank's object on root, in the order of ranks; empty elsewhere.
template <class T>
std::vector<T> gather_objects(Communicator& comm, const T& object, int root = 0) {
  std::vector<T> objects;
  for (std::string& bytes : comm.gather_bytes(detail::to_bytes(object), root)) {
    objects.push_back(detail::from_bytes<T>(std::move(bytes)));
  }
  return objects;
}

/// The sum by operator+ of every rank's object, in the order of ranks, on all of them.
template <class T>
T all_reduce_object(Communicator& comm, const T& object) {
  std::vector<T> objects = all_gather_objects(comm, object);
  T sum = std::move(objects.front());
  for (std::size_t i = 1; i < objects.size(); ++i) sum = sum + objects[i];
  return sum;
}

}  // namespace rensa
