#include "core/kernels/lstm.h"

namespace rensa::kernels {

constinit Kernel<std::array<Array, 4>(const Array&, const Array&, const Array&, const Array&, const LstmSteps&)>
    lstm_steps("lstm_steps");
constinit Kernel<Array(const Array&, const Array&, const Array&, const Array&, const Array&, const Array&, const Array&,
                       const LstmSteps&)>
    lstm_steps_grad("lstm_steps_grad");
constinit Kernel<LstmLayer(const Array&, const Array&, const Array&, const Array&, const Array&, const Array&,
                           const std::vector<std::int64_t>&, bool)>
    lstm_layer("lstm_layer");
constinit Kernel<LstmLayerGrad(const Array&, const Array&, const Array&, const LstmLayer&, const Array&, const Array&,
                               const Array&, const std::vector<std::int64_t>&)>
    lstm_layer_grad("lstm_layer_grad");
constinit Kernel<Array(const Array&, const Array&, const LstmSteps&)> lstm_states_before("lstm_states_before");

}  // namespace rensa::kernels
