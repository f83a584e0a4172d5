#include "core/kernels/math.h"

namespace rensa::kernels {

constinit Kernel<Array(const Array&)> exp("exp");
constinit Kernel<Array(const Array&)> log("log");
constinit Kernel<Array(const Array&)> sqrt("sqrt");
constinit Kernel<Array(const Array&)> abs("abs");
constinit Kernel<Array(const Array&, const Array&)> abs_grad("abs_grad");
constinit Kernel<Array(const Array&, const Array&)> maximum("maximum");
constinit Kernel<Array(const Array&, const Array&)> minimum("minimum");
constinit Kernel<Array(const Array&, const Array&)> not_less("not_less");
constinit Kernel<Array(const Array&, double, double)> clip("clip");
constinit Kernel<Array(const Array&, const Array&, double, double)> clip_grad("clip_grad");
constinit Kernel<Array(const Array&, const Array&)> arctan2("arctan2"), fmod("fmod"), zeta("zeta");

constinit Differentiable sin("sin"), cos("cos"), tan("tan"), arcsin("arcsin"), arccos("arccos"), arctan("arctan"),
    sinh("sinh"), cosh("cosh"), arcsinh("arcsinh"), arccosh("arccosh"), arctanh("arctanh");
constinit Differentiable expm1("expm1"), log1p("log1p"), log2("log2"), log10("log10"), rsqrt("rsqrt");
constinit Differentiable floor("floor"), ceil("ceil"), fix("fix"), sign("sign");
constinit Differentiable erf("erf"), erfc("erfc"), erfcx("erfcx"), erfinv("erfinv"), erfcinv("erfcinv"), ndtr("ndtr"),
    ndtri("ndtri"), log_ndtr("log_ndtr"), lgamma("lgamma"), polygamma("polygamma");

}  // namespace rensa::kernels
