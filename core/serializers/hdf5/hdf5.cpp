#include "core/serializers/hdf5.h"

#define H5_USE_110_API  // libhdf5 1.10 and 1.14 both offer it
#include <hdf5.h>

#include <algorithm>
#include <filesystem>
#include <mutex>

#include "core/error.h"
#include "core/serializers/child_prefix.h"
#include "core/serializers/file_replacement.h"
#include "core/serializers/storable.h"

namespace rensa {
namespace {

constexpr unsigned kGzipLevel = 4;
constexpr std::int64_t kChunkElements = 1 << 18;
constexpr hsize_t kMostPacked = 1032;  ///< bytes that one byte of gzip may stand for
constexpr hsize_t kSmall = 1 << 16;    ///< bytes that need no storage to be believed

/// A handle of libhdf5 with the function that closes it.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }  // NOLINT(google-explicit-constructor): stands for the id in every call
  bool is_open() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// libhdf5 keeps one global state unless it was built thread-safe, and prints its errors unless told not to.
std::unique_lock<std::mutex> one_at_a_time() {
  static std::mutex mutex;
  std::unique_lock lock(mutex);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  return lock;
}

/// The type of the elements in memory; bool and float16 are bytes and made here, as h5py does.
Handle memory_type(Dtype dtype) {
  const auto copy = [](hid_t type) { return H5Tcopy(type); };
  switch (dtype) {
    case Dtype::kBool: {
      const hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
      const std::int8_t no = 0, yes = 1;
      H5Tenum_insert(type, "FALSE", &no);
      H5Tenum_insert(type, "TRUE", &yes);
      return {type, H5Tclose};
    }
    case Dtype::kFloat16: {
      const hid_t type = copy(H5T_IEEE_F32LE);
      H5Tset_fields(type, 15, 10, 5, 0, 10);
      H5Tset_size(type, 2);
      H5Tset_ebias(type, 15);
      return {type, H5Tclose};
    }
    case Dtype::kUInt8:
      return {copy(H5T_NATIVE_UINT8), H5Tclose};
    case Dtype::kInt8:
      return {copy(H5T_NATIVE_INT8), H5Tclose};
    case Dtype::kInt32:
      return {copy(H5T_NATIVE_INT32), H5Tclose};
    case Dtype::kInt64:
      return {copy(H5T_NATIVE_INT64), H5Tclose};
    case Dtype::kFloat64:
      return {copy(H5T_NATIVE_DOUBLE), H5Tclose};
    default:
      return {copy(H5T_NATIVE_FLOAT), H5Tclose};
  }
}

Dtype dtype_of(hid_t type, const std::string& what) {
  const std::size_t size = H5Tget_size(type);
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_FLOAT && (size == 2 || size == 4 || size == 8)) {
    return size == 2 ? Dtype::kFloat16 : size == 4 ? Dtype::kFloat32 : Dtype::kFloat64;
  }
  if (kind == H5T_ENUM && size == 1) return Dtype::kBool;
  if (kind == H5T_INTEGER) {
    const bool is_signed = H5Tget_sign(type) != H5T_SGN_NONE;
    if (size == 1) return is_signed ? Dtype::kInt8 : Dtype::kUInt8;
    if (size == 2 || (size == 4 && is_signed)) return Dtype::kInt32;
    if (size == 4 || (size == 8 && is_signed)) return Dtype::kInt64;
  }
  throw FileError(what,
                  ": has an element type that Rensa does not have. Expected whole numbers, floating ones or bool.");
}

}  // namespace

// Writing

struct Hdf5Writer::File {
  std::string path;
  FileReplacement replacement;
  std::unique_ptr<Handle> handle;

  explicit File(const std::string& target) : path(target), replacement(target) {
    const auto lock = one_at_a_time();
    handle = std::make_unique<Handle>(H5Fcreate(replacement.path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                                      H5Fclose);
    if (!handle->is_open()) throw FileError(path, ": cannot be written.");
  }
  void write(const std::string& key, hid_t type, const Shape* shape, const void* data) {
    const auto lock = one_at_a_time();
    std::vector<hsize_t> sizes;
    if (shape) sizes.assign(shape->begin(), shape->end());
    const Handle space(!shape          ? H5Screate(H5S_NULL)
                       : sizes.empty() ? H5Screate(H5S_SCALAR)
                                       : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                       H5Sclose);
    const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose), creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links, 1);
    const std::int64_t count = shape ? total_size(*shape) : 0;
    if (count > 1 && !sizes.empty()) {
      std::vector<hsize_t> chunk = sizes;
      for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
        std::int64_t elements = 1;
        for (const hsize_t size : chunk) elements *= static_cast<std::int64_t>(size);
        if (elements <= kChunkElements) break;
        chunk[axis] = std::max<hsize_t>(1, chunk[axis] * kChunkElements / static_cast<hsize_t>(elements));
      }
      H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
      H5Pset_deflate(creation, kGzipLevel);
    }
    const Handle set(H5Dcreate2(*handle, key.c_str(), type, space, links, creation, H5P_DEFAULT), H5Dclose);
    const bool done = set.is_open() && (count == 0 || H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    if (!done) throw FileError(path, ": ", key, ": cannot be written. Is the disk full, or the name taken?");
  }
};

Hdf5Writer::Hdf5Writer(const std::string& path) : file_(std::make_shared<File>(path)) {}
Hdf5Writer::Hdf5Writer(std::shared_ptr<File> file, std::string prefix)
    : file_(std::move(file)), prefix_(std::move(prefix)) {}
Hdf5Writer::~Hdf5Writer() = default;

void Hdf5Writer::operator()(std::string_view name, std::int64_t& value) {
  const Shape scalar;
  file_->write(prefix_ + std::string(name), memory_type(Dtype::kInt64), &scalar, &value);
}
void Hdf5Writer::operator()(std::string_view name, double& value) {
  const Shape scalar;
  file_->write(prefix_ + std::string(name), memory_type(Dtype::kFloat64), &scalar, &value);
}
void Hdf5Writer::operator()(std::string_view name, bool& value) {
  const Shape scalar;
  const std::int8_t byte = value ? 1 : 0;
  file_->write(prefix_ + std::string(name), memory_type(Dtype::kBool), &scalar, &byte);
}
void Hdf5Writer::operator()(std::string_view name, std::string& value) {
  const Shape scalar;
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  const char* text = value.c_str();
  file_->write(prefix_ + std::string(name), type, &scalar, &text);
}
void Hdf5Writer::operator()(std::string_view name, Array& value) {
  const std::string key = prefix_ + std::string(name);
  if (!value) return file_->write(key, memory_type(Dtype::kFloat32), nullptr, nullptr);
  const Array stored = storable(value, /*has_bfloat16=*/false);
  file_->write(key, memory_type(stored.dtype()), &stored.shape(), stored.raw_data());
}
Serializer& Hdf5Writer::child(std::string_view name) {
  auto& child = children_[std::string(name)];
  if (!child) child.reset(new Hdf5Writer(file_, child_prefix(prefix_, name)));
  return *child;
}
void Hdf5Writer::save() {
  {
    const auto lock = one_at_a_time();
    if (H5Fflush(*file_->handle, H5F_SCOPE_GLOBAL) < 0)
      throw FileError(file_->path, ": cannot be written. Is the disk full?");
    file_->handle.reset();
  }
  file_->replacement.commit();
}

// Reading

namespace {

struct Hdf5Values final : FileValues {
  std::unique_ptr<Handle> handle;
  std::vector<std::string> all;  ///< keys, sorted

  explicit Hdf5Values(const std::string& file) : FileValues(file) {
    if (!std::filesystem::is_regular_file(path)) throw FileError(path, ": there is no such file.");
    const auto lock = one_at_a_time();
    handle = std::make_unique<Handle>(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (!handle->is_open()) throw FileError(path, ": is not a whole HDF5 file.");
    const auto visit = [](hid_t, const char* key, const H5O_info_t* info, void* list) -> herr_t {
      if (info->type == H5O_TYPE_DATASET) static_cast<std::vector<std::string>*>(list)->emplace_back(key);
      return 0;
    };
    if (H5Ovisit(*handle, H5_INDEX_NAME, H5_ITER_INC, visit, &all) < 0) throw FileError(path, ": cannot be listed.");
    std::sort(all.begin(), all.end());
  }
  std::vector<std::string> keys() const override { return all; }
  bool contains(const std::string& key) const override { return std::binary_search(all.begin(), all.end(), key); }
  /// Without elements: h5py's form of None.
  bool is_none(const std::string& key) const override {
    const auto lock = one_at_a_time();
    const Handle set = open(key);
    const Handle space(H5Dget_space(set), H5Sclose);
    return H5Sget_simple_extent_type(space) == H5S_NULL;
  }
  Array array(const std::string& key) const override;
  std::string text(const std::string& key) const override;

 private:
  Handle open(const std::string& key) const {
    const hid_t set = H5Dopen2(*handle, key.c_str(), H5P_DEFAULT);
    if (set < 0) throw FileError(what(key), ": cannot be opened.");
    return {set, H5Dclose};
  }
  std::string what(const std::string& key) const { return path + ": " + key; }
};

Array Hdf5Values::array(const std::string& key) const {
  const auto lock = one_at_a_time();
  const Handle set = open(key);
  const Handle space(H5Dget_space(set), H5Sclose), stored(H5Dget_type(set), H5Tclose);
  const int axes = H5Sget_simple_extent_ndims(space);
  if (H5Sget_simple_extent_type(space) == H5S_NULL) throw FileError(what(key), ": holds nothing, expected numbers.");
  if (axes < 0 || axes > kMaxDims)
    throw FileError(what(key), ": has ", axes, " axes, expected at most ", kMaxDims, ".");
  std::vector<hsize_t> sizes(static_cast<std::size_t>(axes));
  H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  const Dtype dtype = dtype_of(stored, what(key));
  // A dataset may claim any size and store little of it: gzip packs a thousand bytes into one, and no more.
  const hsize_t most = (H5Dget_storage_size(set) * kMostPacked + kSmall) / item_size(dtype);
  hsize_t count = 1;
  Shape shape;
  for (const hsize_t size : sizes) {
    if (size > 0 && count > most / size)
      throw FileError(what(key), ": claims more elements than the file holds bytes for.");
    count *= size;
    shape.push_back(static_cast<std::int64_t>(size));
  }
  Array values = empty(shape, dtype);
  if (count > 0 && H5Dread(set, memory_type(dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.raw_data()) < 0) {
    throw FileError(what(key), ": cannot be read.");
  }
  return values;
}

std::string Hdf5Values::text(const std::string& key) const {
  const auto lock = one_at_a_time();
  const Handle set = open(key);
  const Handle space(H5Dget_space(set), H5Sclose), stored(H5Dget_type(set), H5Tclose);
  if (H5Tget_class(stored) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1) {
    throw FileError(what(key), ": is not a single text.");
  }
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_cset(type, H5Tget_cset(stored));
  if (H5Tis_variable_str(stored) > 0) {
    H5Tset_size(type, H5T_VARIABLE);
    char* text = nullptr;
    if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &text) < 0) throw FileError(what(key), ": cannot be read.");
    std::string value = text ? text : "";
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, &text);
    return value;
  }
  const std::size_t size = H5Tget_size(stored);
  if (size > H5Dget_storage_size(set) * kMostPacked + kSmall)
    throw FileError(what(key), ": claims more than the file holds.");
  H5Tset_size(type, size + 1);
  std::string text(size + 1, '\0');
  if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()) < 0)
    throw FileError(what(key), ": cannot be read.");
  return text.c_str();
}

}  // namespace

Hdf5Reader::Hdf5Reader(const std::string& path, const std::string& prefix)
    : FileReader(std::make_shared<Hdf5Values>(path), prefix) {}

}  // namespace rensa
