#include "core/kernels/cuda/blas.h"

#include <cublasLt.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <source_location>

#include "core/device/gpu/precision.h"
#include "core/kernels/cuda/launch.h"

namespace rensa::cuda {
namespace {

constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;  ///< what NVIDIA recommends for Hopper

void check(cublasStatus_t status, const char* call,
           const std::source_location& where = std::source_location::current()) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw DeviceError(call, ": ", cublasLtGetStatusString(status), " (at ", where.file_name(), ":", where.line(), ").");
}

/// One for each device: cuBLASLt's handles may be used by several threads.
cublasLtHandle_t handle_of(int device) {
  static std::mutex mutex;
  static std::map<int, cublasLtHandle_t> handles;
  const std::lock_guard lock(mutex);
  cublasLtHandle_t& handle = handles[device];
  if (!handle) check(cublasLtCreate(&handle), "cublasLtCreate");
  return handle;
}

cudaDataType_t type_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat16:
      return CUDA_R_16F;
    case Dtype::kBFloat16:
      return CUDA_R_16BF;
    case Dtype::kFloat32:
      return CUDA_R_32F;
    case Dtype::kFloat64:
      return CUDA_R_64F;
    default:
      throw DtypeError("product: computes in float32, float64, float16 and bfloat16, found ", dtype,
                       ". Convert with cast(x, Dtype::kFloat32).");
  }
}

cublasComputeType_t compute_type(Dtype dtype) {
  if (dtype == Dtype::kFloat64) return CUBLAS_COMPUTE_64F;
  return dtype == Dtype::kFloat32 && gpu::allows_tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

/// The description of a product; freed with it.
class Description {
 public:
  Description(cublasComputeType_t compute, cudaDataType_t scale) {
    check(cublasLtMatmulDescCreate(&desc_, compute, scale), "cublasLtMatmulDescCreate");
  }
  Description(const Description&) = delete;
  Description& operator=(const Description&) = delete;
  ~Description() { cublasLtMatmulDescDestroy(desc_); }
  template <class T>
  void set(cublasLtMatmulDescAttributes_t what, const T& value) {
    check(cublasLtMatmulDescSetAttribute(desc_, what, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
  }
  cublasLtMatmulDesc_t get() const { return desc_; }

 private:
  cublasLtMatmulDesc_t desc_ = nullptr;
};

/// Rows of memory become cuBLAS's columns: a matrix is described as its transpose.
struct Stored {
  cublasOperation_t operation;  ///< of the description, to get the transpose of the matrix
  std::int64_t rows, columns, leading;
  explicit Stored(const Matrices& m) {
    const bool by_rows = m.column_stride == 1 && (m.row_stride >= m.columns || m.rows == 1);
    operation = by_rows ? CUBLAS_OP_N : CUBLAS_OP_T;
    rows = by_rows ? m.columns : m.rows;
    columns = by_rows ? m.rows : m.columns;
    leading =
        std::max({by_rows ? (m.rows == 1 ? m.columns : m.row_stride) : (m.columns == 1 ? m.rows : m.column_stride),
                  rows, std::int64_t{1}});
  }
};

class MatrixLayout {
 public:
  MatrixLayout(const Matrices& m, const Stored& s, std::int64_t batch) {
    check(cublasLtMatrixLayoutCreate(&layout_, type_of(m.dtype), static_cast<std::uint64_t>(s.rows),
                                     static_cast<std::uint64_t>(s.columns), s.leading),
          "cublasLtMatrixLayoutCreate");
    if (batch == 1) return;
    set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<std::int32_t>(batch));
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, m.batch_stride);
  }
  MatrixLayout(const MatrixLayout&) = delete;
  MatrixLayout& operator=(const MatrixLayout&) = delete;
  ~MatrixLayout() { cublasLtMatrixLayoutDestroy(layout_); }
  cublasLtMatrixLayout_t get() const { return layout_; }

 private:
  template <class T>
  void set(cublasLtMatrixLayoutAttribute_t what, const T& value) {
    check(cublasLtMatrixLayoutSetAttribute(layout_, what, &value, sizeof value), "cublasLtMatrixLayoutSetAttribute");
  }
  cublasLtMatrixLayout_t layout_ = nullptr;
};

std::uint32_t alignment_of(const void* data) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  return static_cast<std::uint32_t>(std::min<std::uintptr_t>(256, address & (~address + 1)));
}

/// Everything that cuBLASLt's choice of an algorithm depends on.
using Key = std::array<std::int64_t, 22>;

/// Answers of cuBLASLt's heuristics, which take longer than a small product.
class Algorithms {
 public:
  template <class Ask>
  std::optional<cublasLtMatmulAlgo_t> find(const Key& key, const Ask& ask) {
    const std::lock_guard lock(mutex_);
    const auto known = answers_.find(key);
    if (known != answers_.end()) return known->second;
    return answers_[key] = ask();
  }

 private:
  std::mutex mutex_;
  std::map<Key, std::optional<cublasLtMatmulAlgo_t>> answers_;
};
Algorithms& algorithms() {
  static Algorithms* const instance = new Algorithms;
  return *instance;
}

struct Pointers {
  const void *a, *b;
  void* c;
};

std::optional<cublasLtMatmulAlgo_t> ask_heuristics(cublasLtHandle_t handle, const Description& desc,
                                                   const MatrixLayout& a, const MatrixLayout& b, const MatrixLayout& c,
                                                   const Pointers& at) {
  cublasLtMatmulPreference_t preference = nullptr;
  check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t what, auto value) {
    cublasLtMatmulPreferenceSetAttribute(preference, what, &value, sizeof value);
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspaceBytes);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(at.a));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(at.b));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(at.c));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(at.c));
  cublasLtMatmulHeuristicResult_t result = {};
  int found = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(handle, desc.get(), a.get(), b.get(), c.get(), c.get(),
                                                               preference, 1, &result, &found);
  cublasLtMatmulPreferenceDestroy(preference);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || found == 0) return std::nullopt;
  check(status, "cublasLtMatmulAlgoGetHeuristic");
  return result.algo;
}

/// False: cuBLASLt has no algorithm for this.
bool try_multiply(const Matrices& a, const Matrices& b, const Matrices& c, double alpha, double beta, const void* bias,
                  Device device) {
  // c = a b by rows is cᵀ = bᵀ aᵀ by columns.
  const Stored left(b), right(a), out(c);
  const Dtype own = a.dtype;
  const cublasComputeType_t compute = compute_type(own);
  const cudaDataType_t scale = own == Dtype::kFloat64 ? CUDA_R_64F : CUDA_R_32F;
  Description desc(compute, scale);
  desc.set(CUBLASLT_MATMUL_DESC_TRANSA, left.operation);
  desc.set(CUBLASLT_MATMUL_DESC_TRANSB, right.operation);
  if (bias) {
    desc.set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    desc.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  }
  const MatrixLayout layout_b(b, left, c.batch), layout_a(a, right, c.batch), layout_c(c, out, c.batch);
  const Pointers at{b.data, a.data, c.data};
  const Key key = {device.index,
                   static_cast<int>(compute),
                   static_cast<int>(own),
                   static_cast<int>(c.dtype),
                   left.operation,
                   right.operation,
                   left.rows,
                   left.columns,
                   left.leading,
                   right.rows,
                   right.columns,
                   right.leading,
                   out.rows,
                   out.columns,
                   out.leading,
                   c.batch,
                   a.batch_stride,
                   b.batch_stride,
                   alignment_of(at.a),
                   alignment_of(at.b),
                   alignment_of(at.c),
                   (bias ? 1 : 0) + (beta != 0 ? 2 : 0)};
  make_current(device.index);
  const cublasLtHandle_t handle = handle_of(device.index);
  const auto algorithm =
      algorithms().find(key, [&] { return ask_heuristics(handle, desc, layout_b, layout_a, layout_c, at); });
  if (!algorithm) return false;
  const Array workspace = empty({static_cast<std::int64_t>(kWorkspaceBytes)}, Dtype::kUInt8, device);
  const float alpha32 = static_cast<float>(alpha), beta32 = static_cast<float>(beta);
  const bool wide = own == Dtype::kFloat64;
  check(cublasLtMatmul(handle, desc.get(), wide ? static_cast<const void*>(&alpha) : &alpha32, at.a, layout_b.get(),
                       at.b, layout_a.get(), wide ? static_cast<const void*>(&beta) : &beta32, at.c, layout_c.get(),
                       at.c, layout_c.get(), &*algorithm, workspace.raw_data(), kWorkspaceBytes,
                       static_cast<cudaStream_t>(gpu::current_stream(device).handle)),
        "cublasLtMatmul");
  return true;
}

bool is_readable(const Array& x) {
  const int last = x.ndim() - 1;
  const std::int64_t rows = x.shape()[last - 1], columns = x.shape()[last], down = x.strides()[last - 1],
                     across = x.strides()[last];
  return ((across == 1 || columns == 1) && (down >= columns || rows == 1)) ||
         ((down == 1 || rows == 1) && (across >= rows || columns == 1));
}

}  // namespace

Matrices Matrices::transposed() const {
  Matrices t = *this;
  std::swap(t.rows, t.columns);
  std::swap(t.row_stride, t.column_stride);
  return t;
}

Operand::Operand(const Array& x) : array(is_readable(x) ? x : x.copy()) {
  const int last = array.ndim() - 1;
  const bool batched = array.ndim() == 3;
  matrices = {.data = array.raw_data(),
              .dtype = array.dtype(),
              .batch = batched ? array.shape()[0] : 1,
              .rows = array.shape()[last - 1],
              .columns = array.shape()[last],
              .row_stride = array.strides()[last - 1],
              .column_stride = array.strides()[last],
              .batch_stride = batched && array.shape()[0] > 1 ? array.strides()[0] : 0};
  if (matrices.columns == 1 && matrices.row_stride != 1)
    matrices.column_stride = 1;  // the stride of one column means nothing
}

Matrices part(const Matrices& all, std::int64_t batch, std::int64_t batches, std::int64_t first, std::int64_t count) {
  Matrices p = all;
  const std::int64_t offset = batch * all.batch_stride + first * all.row_stride;
  p.data = static_cast<std::byte*>(all.data) + offset * static_cast<std::int64_t>(item_size(all.dtype));
  p.batch = batches;
  p.rows = count;
  return p;
}

void multiply(const Matrices& a, const Matrices& b, const Matrices& c, double alpha, double beta, const Array& bias,
              Device device) {
  if (c.rows == 0 || c.columns == 0 || c.batch == 0) return;
  if (try_multiply(a, b, c, alpha, beta, bias ? bias.raw_data() : nullptr, device)) return;
  throw DeviceError("product: cuBLASLt has no algorithm for (", a.rows, ", ", a.columns, ") by (", b.rows, ", ",
                    b.columns, ") in ", a.dtype, bias ? " with a bias" : "", ".");
}

}  // namespace rensa::cuda
