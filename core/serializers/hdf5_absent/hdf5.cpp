#include "core/serializers/hdf5.h"

#include "core/error.h"

namespace rensa {
namespace {

[[noreturn]] void refuse(const std::string& path) {
  throw FileError(path, ": Rensa was built without libhdf5. Install libhdf5-dev and build it again, or use .npz.");
}

}  // namespace

struct Hdf5Writer::File {};
struct Hdf5Reader::File {};

Hdf5Writer::Hdf5Writer(const std::string& path) { refuse(path); }
Hdf5Writer::~Hdf5Writer() = default;
void Hdf5Writer::operator()(std::string_view, std::int64_t&) {}
void Hdf5Writer::operator()(std::string_view, double&) {}
void Hdf5Writer::operator()(std::string_view, bool&) {}
void Hdf5Writer::operator()(std::string_view, std::string&) {}
void Hdf5Writer::operator()(std::string_view, Array&) {}
Serializer& Hdf5Writer::child(std::string_view) { return *this; }
void Hdf5Writer::save() {}

Hdf5Reader::Hdf5Reader(const std::string& path, const std::string&) { refuse(path); }
Hdf5Reader::~Hdf5Reader() = default;
void Hdf5Reader::operator()(std::string_view, std::int64_t&) {}
void Hdf5Reader::operator()(std::string_view, double&) {}
void Hdf5Reader::operator()(std::string_view, bool&) {}
void Hdf5Reader::operator()(std::string_view, std::string&) {}
void Hdf5Reader::operator()(std::string_view, Array&) {}
bool Hdf5Reader::has(std::string_view) const { return false; }
Serializer& Hdf5Reader::child(std::string_view) { return *this; }
std::vector<std::string> Hdf5Reader::keys() const { return {}; }
Array Hdf5Reader::array(std::string_view) const { return {}; }

}  // namespace rensa
