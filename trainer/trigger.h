#pragma once

#include <cstdint>
#include <string>

namespace rensa {

class Serializer;
class Updater;

enum class Unit { kIteration, kEpoch };

/// Fires every `period` iterations or epochs. It remembers nothing: whether it fires follows from where the updater
/// stands, so that a resumed run goes on as if it had not stopped.
struct Trigger {
  double period = 1;
  Unit unit = Unit::kEpoch;

  bool operator()(const Updater& updater) const;
  /// Chainer's keys, for its readers; nothing of it is needed to go on.
  void serialize(Serializer& serializer, const Updater& updater) const;
};

/// "5 epochs", "100 iterations", "0.5 epoch". Throws ValueError for anything else.
Trigger parse_trigger(const std::string& text);

}  // namespace rensa
