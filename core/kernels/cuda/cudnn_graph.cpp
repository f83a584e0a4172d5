#include "core/kernels/cuda/cudnn_graph.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/array/array.h"
#include "core/kernels/cuda/cudnn.h"

namespace rensa::cuda {
namespace {

void require(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char detail[512] = "";
  cudnnGetLastErrorString(detail, sizeof detail);
  throw GraphRefused(std::string(call) + ": " + cudnnGetErrorString(status) + ". " + detail);
}

}  // namespace

GraphDescriptor::GraphDescriptor(cudnnBackendDescriptorType_t type) {
  require(cudnnBackendCreateDescriptor(type, &descriptor_), "cudnnBackendCreateDescriptor");
}
GraphDescriptor::GraphDescriptor(GraphDescriptor&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
GraphDescriptor& GraphDescriptor::operator=(GraphDescriptor&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}
GraphDescriptor::~GraphDescriptor() {
  if (descriptor_) cudnnBackendDestroyDescriptor(descriptor_);
}

void GraphDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                          const void* values) {
  require(cudnnBackendSetAttribute(descriptor_, name, type, count, values), "cudnnBackendSetAttribute");
}
void GraphDescriptor::set(cudnnBackendAttributeName_t name, const GraphDescriptor& value) {
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.descriptor_);
}
void GraphDescriptor::finalize() { require(cudnnBackendFinalize(descriptor_), "cudnnBackendFinalize"); }

int OperationGraph::add_tensor(const GraphTensor& form, Kind kind) {
  GraphDescriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const auto number = static_cast<std::int64_t>(tensors_.size()) + 1, alignment = std::int64_t{16};
  const bool yes = true;
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &form.type);
  tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, form.dims.data());
  tensor.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, form.strides.data());
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &number);
  tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
  if (kind == Kind::kResult) tensor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &yes);
  if (kind == Kind::kNumber) tensor.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1, &yes);
  tensor.finalize();
  tensors_.push_back(std::move(tensor));
  return static_cast<int>(tensors_.size()) - 1;
}

GraphDescriptor& OperationGraph::add_operation(cudnnBackendDescriptorType_t type) {
  return operations_.emplace_back(type);
}

void OperationGraph::pointwise(cudnnPointwiseMode_t mode, cudnnDataType_t compute, const std::vector<int>& inputs,
                               int output) {
  GraphDescriptor& how = parts_.emplace_back(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  how.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  how.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &compute);
  how.finalize();
  GraphDescriptor& operation = add_operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how);
  constexpr cudnnBackendAttributeName_t kInputs[] = {
      CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, CUDNN_ATTR_OPERATION_POINTWISE_TDESC};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    operation.set(kInputs[i], tensors_[static_cast<std::size_t>(inputs[i])]);
  }
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, tensors_[static_cast<std::size_t>(output)]);
  operation.finalize();
}

void OperationGraph::index(int x, std::int64_t axis, int output) {
  constexpr cudnnPointwiseMode_t kMode = CUDNN_POINTWISE_GEN_INDEX;
  constexpr cudnnDataType_t kCompute = CUDNN_DATA_INT32;
  GraphDescriptor& how = parts_.emplace_back(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  how.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &kMode);
  how.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &kCompute);
  how.set(CUDNN_ATTR_POINTWISE_AXIS, CUDNN_TYPE_INT64, 1, &axis);
  how.finalize();
  GraphDescriptor& operation = add_operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, tensors_[static_cast<std::size_t>(x)]);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, tensors_[static_cast<std::size_t>(output)]);
  operation.finalize();
}

void OperationGraph::matmul(int a, int b, int c) {
  constexpr cudnnDataType_t kCompute = CUDNN_DATA_FLOAT;
  GraphDescriptor& how = parts_.emplace_back(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  how.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &kCompute);
  how.finalize();
  GraphDescriptor& operation = add_operation(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, tensors_[static_cast<std::size_t>(a)]);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, tensors_[static_cast<std::size_t>(b)]);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, tensors_[static_cast<std::size_t>(c)]);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, how);
  operation.finalize();
}

void OperationGraph::reduce(cudnnReduceTensorOp_t reduction, int x, int y) {
  constexpr cudnnDataType_t kCompute = CUDNN_DATA_FLOAT;
  GraphDescriptor& how = parts_.emplace_back(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  how.set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &kCompute);
  how.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1, &reduction);
  how.finalize();
  GraphDescriptor& operation = add_operation(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, how);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, tensors_[static_cast<std::size_t>(x)]);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, tensors_[static_cast<std::size_t>(y)]);
  operation.finalize();
}

void OperationGraph::reshape(int x, int y) {
  GraphDescriptor& operation = add_operation(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, tensors_[static_cast<std::size_t>(x)]);
  operation.set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, tensors_[static_cast<std::size_t>(y)]);
  operation.finalize();
}

bool OperationGraph::take_plan(cudnnHandle_t handle, GraphDescriptor config, std::int64_t limit_bytes) {
  try {
    GraphDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    plan.finalize();
    std::int64_t count = 0, bytes = 0;
    require(cudnnBackendGetAttribute(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                                     &bytes),
            "cudnnBackendGetAttribute");
    if (bytes > limit_bytes) return false;
    workspace_bytes_ = bytes;
    config_ = std::move(config);
    plan_ = std::move(plan);
    return true;
  } catch (const GraphRefused&) {  // of several candidates
    return false;
  }
}

void OperationGraph::compile(Device device, std::int64_t limit_bytes) {
  cudnnHandle_t handle = cudnn_handle(device);
  std::vector<cudnnBackendDescriptor_t> operations;
  for (const GraphDescriptor& operation : operations_) operations.push_back(operation.get());
  graph_.emplace(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph_->set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
  graph_->set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
              static_cast<std::int64_t>(operations.size()), operations.data());
  graph_->finalize();
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    std::vector<GraphDescriptor> configs;
    try {
      GraphDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
      heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, *graph_);
      heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
      heuristics.finalize();
      std::int64_t count = 0;
      require(cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                       0, &count, nullptr),
              "cudnnBackendGetAttribute");
      std::vector<cudnnBackendDescriptor_t> places;
      for (std::int64_t i = 0; i < count; ++i) {
        places.push_back(configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).get());
      }
      if (count == 0) continue;
      std::int64_t filled = 0;
      require(cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                       count, &filled, places.data()),
              "cudnnBackendGetAttribute");
      configs.erase(configs.begin() + static_cast<std::ptrdiff_t>(filled), configs.end());
    } catch (const GraphRefused&) {  // of this mode
      continue;
    }
    for (GraphDescriptor& config : configs) {
      if (take_plan(handle, std::move(config), limit_bytes)) return;
    }
  }
  throw GraphRefused("no engine of cuDNN takes this graph");
}

void OperationGraph::run(Device device, const std::map<int, const void*>& tensors) const {
  const cudnnHandle_t handle = cudnn_handle(device);
  std::vector<std::int64_t> numbers;
  std::vector<void*> pointers;
  for (const auto& [tensor, pointer] : tensors) {
    numbers.push_back(tensor + 1);
    pointers.push_back(const_cast<void*>(pointer));  // cuDNN takes inputs and outputs alike
  }
  const Array workspace = empty({std::max<std::int64_t>(workspace_bytes_, 1)}, Dtype::kUInt8, device);
  void* const space = workspace.raw_data();
  const auto count = static_cast<std::int64_t>(numbers.size());
  try {
    GraphDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count, numbers.data());
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, count, pointers.data());
    pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &space);
    pack.finalize();
    require(cudnnBackendExecute(handle, plan_->get(), pack.get()), "cudnnBackendExecute");
  } catch (const GraphRefused& refused) {  // too late for another way
    throw DeviceError(refused.what(), " (a compiled graph of cuDNN)");
  }
}

}  // namespace rensa::cuda
