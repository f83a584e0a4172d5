#include "core/serializers/hdf5.h"

#include "core/error.h"

namespace rensa {
namespace {

[[noreturn]] void refuse(const std::string& path) {
  throw FileError(path, ": Rensa was built without libhdf5. Install libhdf5-dev and build it again, or use .npz.");
}

}  // namespace

struct Hdf5Writer::File {};

Hdf5Writer::Hdf5Writer(const std::string& path) { refuse(path); }
Hdf5Writer::~Hdf5Writer() = default;
void Hdf5Writer::operator()(std::string_view, std::int64_t&) {}
void Hdf5Writer::operator()(std::string_view, double&) {}
void Hdf5Writer::operator()(std::string_view, bool&) {}
void Hdf5Writer::operator()(std::string_view, std::string&) {}
void Hdf5Writer::operator()(std::string_view, Array&) {}
Serializer& Hdf5Writer::child(std::string_view) { return *this; }
void Hdf5Writer::save() {}

Hdf5Reader::Hdf5Reader(const std::string& path, const std::string& prefix) : FileReader(nullptr, prefix) {
  refuse(path);
}

}  // namespace rensa
