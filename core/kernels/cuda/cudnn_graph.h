#pragma once

#include <cudnn.h>
#include <cudnn_graph.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <vector>

#include "core/device/device.h"

namespace rensa::cuda {

/// cuDNN does not take a graph, or has no kernel for it: another way is to be taken.
struct GraphRefused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A descriptor of cuDNN's graph interface. Every call throws GraphRefused if cuDNN refuses it.
class GraphDescriptor {
 public:
  explicit GraphDescriptor(cudnnBackendDescriptorType_t type);
  GraphDescriptor(GraphDescriptor&& other) noexcept;
  GraphDescriptor& operator=(GraphDescriptor&& other) noexcept;
  ~GraphDescriptor();

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values);
  void set(cudnnBackendAttributeName_t name, const GraphDescriptor& value);
  void finalize();
  cudnnBackendDescriptor_t get() const { return descriptor_; }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

/// Where the elements of a tensor of four axes lie.
struct GraphTensor {
  std::array<std::int64_t, 4> dims, strides;
  cudnnDataType_t type;
};

/// Operations that cuDNN fuses into kernels of its own. Tensors are numbers here: of arrays in memory, of single
/// numbers that are given at each run, and of results that never come to be in memory.
///
///   const int x = graph.memory({…}), factor = graph.number(), y = graph.memory({…});
///   graph.pointwise(CUDNN_POINTWISE_MUL, CUDNN_DATA_FLOAT, {x, factor}, y);
///   graph.compile(device, limit);
///   graph.run(device, {{x, pointer}, {factor, &number}, {y, pointer}});
class OperationGraph {
 public:
  int memory(const GraphTensor& form) { return add_tensor(form, Kind::kMemory); }
  int result(const GraphTensor& form) { return add_tensor(form, Kind::kResult); }
  int number() { return add_tensor({{1, 1, 1, 1}, {1, 1, 1, 1}, CUDNN_DATA_FLOAT}, Kind::kNumber); }  ///< a float

  void pointwise(cudnnPointwiseMode_t mode, cudnnDataType_t compute, const std::vector<int>& inputs, int output);
  /// The index of each element along an axis of x.
  void index(int x, std::int64_t axis, int output);
  void matmul(int a, int b, int c);
  void reduce(cudnnReduceTensorOp_t operation, int x, int y);
  void reshape(int x, int y);  ///< the same elements under other dims

  /// Asks cuDNN's heuristics and takes their first plan that can be made, whose workspace is at most `limit_bytes`.
  void compile(Device device, std::int64_t limit_bytes);
  /// In the current stream of the device, on the thread that compiled it.
  void run(Device device, const std::map<int, const void*>& tensors) const;

 private:
  enum class Kind { kMemory, kResult, kNumber };
  int add_tensor(const GraphTensor& form, Kind kind);
  GraphDescriptor& add_operation(cudnnBackendDescriptorType_t type);
  bool take_plan(cudnnHandle_t handle, GraphDescriptor config, std::int64_t limit_bytes);

  std::vector<GraphDescriptor> tensors_, parts_, operations_;
  std::optional<GraphDescriptor> graph_, config_, plan_;
  std::int64_t workspace_bytes_ = 0;
};

}  // namespace rensa::cuda
