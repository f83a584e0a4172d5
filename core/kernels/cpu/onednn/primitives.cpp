#include "core/kernels/cpu/onednn/primitives.h"

#include "core/error.h"
#include "core/kernels/cpu/onednn/descriptors.h"
#include "core/kernels/cpu/onednn/instructions.h"

namespace rensa::onednn {

using dnnl::memory;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

memory::data_type data_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat32:
      return memory::data_type::f32;
    case Dtype::kBFloat16:
      return memory::data_type::bf16;
    case Dtype::kFloat16:
      return memory::data_type::f16;
    default:
      throw DtypeError("oneDNN: multiplies float32, float16 and bfloat16, found ", dtype, ".");
  }
}

bool computes(Dtype dtype) {
  static const bool bfloat16 = has_instructions(dnnl::cpu_isa::avx512_core_bf16), float16 = has_float16();
  return dtype == Dtype::kFloat32 || (dtype == Dtype::kBFloat16 && bfloat16) || (dtype == Dtype::kFloat16 && float16);
}

memory as_memory(const memory::desc& desc, const Array& array) { return {desc, engine(), array.raw_data()}; }

Array bytes_for(const memory::desc& desc) { return empty({static_cast<std::int64_t>(desc.get_size())}, Dtype::kUInt8); }

dnnl::primitive_attr own_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

void execute(const dnnl::primitive& primitive, std::unordered_map<int, memory> arguments,
             const memory::desc& scratchpad) {
  const Array scratch = bytes_for(scratchpad);
  if (scratch.size() > 0) arguments.emplace(DNNL_ARG_SCRATCHPAD, as_memory(scratchpad, scratch));
  dnnl::stream stream(engine());
  primitive.execute(stream, arguments);
  stream.wait();
}

}  // namespace rensa::onednn
