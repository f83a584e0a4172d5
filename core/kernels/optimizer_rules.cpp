#include "core/kernels/optimizer_rules.h"

namespace rensa::kernels {

constinit UpdateRule corrected_momentum_update("corrected_momentum_update");
constinit UpdateRule adagrad_update("adagrad_update");
constinit UpdateRule adadelta_update("adadelta_update");
constinit UpdateRule rmsprop_update("rmsprop_update");
constinit UpdateRule rmsprop_graves_update("rmsprop_graves_update");
constinit UpdateRule rmsprop_warmup_update("rmsprop_warmup_update");
constinit UpdateRule smorms3_update("smorms3_update");
constinit UpdateRule msvag_update("msvag_update");
constinit UpdateRule bounded_adam_update("bounded_adam_update");
constinit UpdateRule amsbound_update("amsbound_update");
constinit UpdateRule rectified_adam_update("rectified_adam_update");
constinit UpdateRule lion_update("lion_update");
constinit Kernel<std::array<double, 2>(const Array&, const Array&, const Array&, const Array&, const RuleNumbers&,
                                       const GradientIntake&)>
    lamb_moments("lamb_moments");
constinit Kernel<void(const Array&, const Array&, const Array&, double, const RuleNumbers&)> lamb_apply("lamb_apply");
constinit Kernel<void(const Array&, const Array&, const Array&, const Array&, const Array&, const AdafactorStep&,
                      const GradientIntake&)>
    adafactor_update("adafactor_update");
constinit Kernel<void(const Array&, const Array&, double)> average_update("average_update");

}  // namespace rensa::kernels
