#include "comm/gpu/direct_transport.h"

#include "core/device/gpu/stream.h"
#include "core/kernels/memory.h"

namespace rensa {
namespace {

/// MPI knows no streams: what is to be sent must be there, and nobody may still be using what is written to.
void wait_for_stream(const Array& data) { gpu::current_stream(data.device()).synchronize(); }

bool sums_here(const Array& data, Reduce op) {
  return is_floating(data.dtype()) && (op == Reduce::kSum || op == Reduce::kMean);
}

Array first_elements(const Array& data, std::int64_t count) {
  return data.reshape({data.size()}).slice(0, {.stop = count});
}

}  // namespace

/// A reduce-scatter and an all-gather of parts of equal size, the last ones filled up.
void DirectTransport::all_reduce(const Array& data, Reduce op) {
  if (!sums_here(data, op)) return staged_.all_reduce(data, op);
  const std::int64_t size = owner().size(), part = (data.size() + size - 1) / size;
  const Array parts = zeros({size, part}, data.dtype(), data.device());
  first_elements(parts, data.size()).copy_from(data.reshape({data.size()}));
  const Array mine = parts.select(0, owner().rank());
  reduce_scatter(parts, mine, op);
  all_gather(mine, parts);
  data.copy_from(first_elements(parts, data.size()).reshape(data.shape()));
}

void DirectTransport::reduce(const Array& data, int root, Reduce op) {
  if (!sums_here(data, op)) return staged_.reduce(data, root, op);
  all_reduce(data, op);
}

/// Every rank's part number rank() comes here as it is, is divided (for a mean), and summed in the order of ranks;
/// 16-bit ones in float32, rounded once.
void DirectTransport::reduce_scatter(const Array& in, const Array& out, Reduce op) {
  if (!sums_here(in, op)) return staged_.reduce_scatter(in, out, op);
  const Array received = empty({owner().size(), out.size()}, in.dtype(), in.device());
  all_to_all(in, received);
  const Array terms = is_half(in.dtype()) ? received.to(Dtype::kFloat32) : received;
  if (op == Reduce::kMean) gpu::scale(terms, 1.0 / owner().size());
  const Array sum = terms.select(0, 0);
  for (int r = 1; r < owner().size(); ++r) kernels::accumulate(sum, terms.select(0, r));
  out.copy_from(sum.reshape(out.shape()));
}

void DirectTransport::broadcast(const Array& data, int root) {
  wait_for_stream(data);
  host_broadcast(data, root);
}

void DirectTransport::all_gather(const Array& in, const Array& out) {
  // In its place before MPI looks at any of it: a copy on the device may be under way when the call that made it
  // returns.
  const Array mine = out.reshape({owner().size(), in.size()}).select(0, owner().rank()).reshape(in.shape());
  if (mine.raw_data() != in.raw_data()) mine.copy_from(in);
  wait_for_stream(out);
  host_all_gather(mine, out);
}

void DirectTransport::gather(const Array& in, const Array& out, int root) {
  wait_for_stream(in);
  host_gather(in, out, root);
}

void DirectTransport::scatter(const Array& in, const Array& out, int root) {
  wait_for_stream(out);
  host_scatter(in, out, root);
}

void DirectTransport::all_to_all(const Array& in, const Array& out) {
  wait_for_stream(out);
  host_all_to_all(in, out);
}

void DirectMessages::send(const Array& data, int destination, int tag) {
  wait_for_stream(data);
  host_send(data, destination, tag);
}

void DirectMessages::recv(const Array& data, int source, int tag) {
  wait_for_stream(data);
  host_recv(data, source, tag);
}

}  // namespace rensa
