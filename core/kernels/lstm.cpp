#include "core/kernels/lstm.h"

namespace rensa::kernels {

constinit Kernel<std::array<Array, 4>(const Array&, const Array&, const Array&, const Array&, const LstmSteps&)>
    lstm_steps("lstm_steps");
constinit Kernel<void(const Array&, const Array&, const Array&, const Array&, const Array&, const Array&, const Array&,
                      const LstmSteps&)>
    lstm_steps_grad("lstm_steps_grad");
constinit Kernel<Array(const Array&, const Array&, const LstmSteps&)> lstm_states_before("lstm_states_before");

}  // namespace rensa::kernels
