#include "core/optimizers/make_optimizer.h"

#include <array>

#include "core/error.h"
#include "core/optimizers/adam.h"
#include "core/optimizers/adaptive.h"
#include "core/optimizers/bounded_adam.h"
#include "core/optimizers/layerwise.h"
#include "core/optimizers/momentum_sgd.h"
#include "core/optimizers/sgd.h"

namespace rensa {
namespace {

using Setting = std::optional<double> OptimizerOptions::*;

/// A setting by its name, and where it goes in the options of one optimizer.
template <class Options>
struct Taken {
  Setting given;
  double Options::* place;
};

constexpr std::array<std::pair<const char*, Setting>, 15> kSettings = {{
    {"lr", &OptimizerOptions::lr},
    {"momentum", &OptimizerOptions::momentum},
    {"alpha", &OptimizerOptions::alpha},
    {"beta", &OptimizerOptions::beta},
    {"beta1", &OptimizerOptions::beta1},
    {"beta2", &OptimizerOptions::beta2},
    {"rho", &OptimizerOptions::rho},
    {"eps", &OptimizerOptions::eps},
    {"eta", &OptimizerOptions::eta},
    {"gamma", &OptimizerOptions::gamma},
    {"final_lr", &OptimizerOptions::final_lr},
    {"weight_decay_rate", &OptimizerOptions::weight_decay_rate},
    {"rmsprop_lr", &OptimizerOptions::rmsprop_lr},
    {"centre", &OptimizerOptions::centre},
    {"period", &OptimizerOptions::period},
}};

template <class O, class Options>
std::unique_ptr<Optimizer> make(std::string_view name, const OptimizerOptions& given,
                                std::initializer_list<Taken<Options>> taken) {
  Options options;
  options.common = given.common;
  for (const Taken<Options>& entry : taken) options.*entry.place = (given.*entry.given).value_or(options.*entry.place);
  for (const auto& [setting, member] : kSettings) {
    bool known = false;
    for (const Taken<Options>& entry : taken) known = known || entry.given == member;
    if (!known && given.*member) throw ValueError(name, ": there is no setting \"", setting, "\" of this optimizer.");
  }
  return std::make_unique<O>(options);
}

using Given = OptimizerOptions;

std::unique_ptr<Optimizer> make_sgd(std::string_view name, const Given& given) {
  return make<Sgd, SgdOptions>(name, given, {{&Given::lr, &SgdOptions::lr}});
}

template <class O>
std::unique_ptr<Optimizer> make_momentum(std::string_view name, const Given& given) {
  using Options = MomentumSgdOptions;
  return make<O, Options>(name, given, {{&Given::lr, &Options::lr}, {&Given::momentum, &Options::momentum}});
}

std::unique_ptr<Optimizer> make_adam(std::string_view name, const Given& given) {
  using Options = AdamOptions;
  return make<Adam, Options>(name, given,
                             {{&Given::lr, &Options::lr},
                              {&Given::beta1, &Options::beta1},
                              {&Given::beta2, &Options::beta2},
                              {&Given::eps, &Options::eps},
                              {&Given::eta, &Options::eta}});
}

std::unique_ptr<Optimizer> make_adamw(std::string_view name, const Given& given) {
  using Options = AdamOptions;
  return make<AdamW, Options>(name, given,
                              {{&Given::lr, &Options::lr},
                               {&Given::beta1, &Options::beta1},
                               {&Given::beta2, &Options::beta2},
                               {&Given::eps, &Options::eps},
                               {&Given::eta, &Options::eta},
                               {&Given::weight_decay_rate, &Options::weight_decay_rate}});
}

std::unique_ptr<Optimizer> make_adagrad(std::string_view name, const Given& given) {
  using O = AdaGradOptions;
  return make<AdaGrad, O>(name, given, {{&Given::lr, &O::lr}, {&Given::eps, &O::eps}});
}

std::unique_ptr<Optimizer> make_adadelta(std::string_view name, const Given& given) {
  using O = AdaDeltaOptions;
  return make<AdaDelta, O>(name, given, {{&Given::lr, &O::lr}, {&Given::rho, &O::rho}, {&Given::eps, &O::eps}});
}

std::unique_ptr<Optimizer> make_rmsprop(std::string_view name, const Given& given) {
  using O = RmsPropOptions;
  return make<RmsProp, O>(name, given, {{&Given::lr, &O::lr}, {&Given::alpha, &O::alpha}, {&Given::eps, &O::eps}});
}

std::unique_ptr<Optimizer> make_rmsprop_graves(std::string_view name, const Given& given) {
  using O = RmsPropGravesOptions;
  return make<RmsPropGraves, O>(
      name, given,
      {{&Given::lr, &O::lr}, {&Given::alpha, &O::alpha}, {&Given::momentum, &O::momentum}, {&Given::eps, &O::eps}});
}

std::unique_ptr<Optimizer> make_rmsprop_warmup(std::string_view name, const Given& given) {
  using O = RmsPropWarmupOptions;
  return make<RmsPropWarmup, O>(name, given,
                                {{&Given::lr, &O::lr},
                                 {&Given::momentum, &O::momentum},
                                 {&Given::alpha, &O::alpha},
                                 {&Given::eps, &O::eps},
                                 {&Given::rmsprop_lr, &O::rmsprop_lr},
                                 {&Given::centre, &O::centre},
                                 {&Given::period, &O::period}});
}

std::unique_ptr<Optimizer> make_smorms3(std::string_view name, const Given& given) {
  using O = Smorms3Options;
  return make<Smorms3, O>(name, given, {{&Given::lr, &O::lr}, {&Given::eps, &O::eps}});
}

std::unique_ptr<Optimizer> make_msvag(std::string_view name, const Given& given) {
  using O = MsvagOptions;
  return make<Msvag, O>(name, given,
                        {{&Given::lr, &O::lr},
                         {&Given::beta, &O::beta},
                         {&Given::eta, &O::eta},
                         {&Given::weight_decay_rate, &O::weight_decay_rate}});
}

template <class Rule>
std::unique_ptr<Optimizer> make_bounded(std::string_view name, const Given& given) {
  using O = BoundedAdamOptions;
  return make<Rule, O>(name, given,
                       {{&Given::lr, &O::lr},
                        {&Given::beta1, &O::beta1},
                        {&Given::beta2, &O::beta2},
                        {&Given::eps, &O::eps},
                        {&Given::eta, &O::eta},
                        {&Given::final_lr, &O::final_lr},
                        {&Given::gamma, &O::gamma},
                        {&Given::weight_decay_rate, &O::weight_decay_rate}});
}

template <class Rule, class O>
std::unique_ptr<Optimizer> make_rectified(std::string_view name, const Given& given) {
  return make<Rule, O>(name, given,
                       {{&Given::lr, &O::lr},
                        {&Given::beta1, &O::beta1},
                        {&Given::beta2, &O::beta2},
                        {&Given::eps, &O::eps},
                        {&Given::weight_decay_rate, &O::weight_decay_rate}});
}

std::unique_ptr<Optimizer> make_lion(std::string_view name, const Given& given) {
  using O = LionOptions;
  return make<Lion, O>(name, given,
                       {{&Given::lr, &O::lr},
                        {&Given::beta1, &O::beta1},
                        {&Given::beta2, &O::beta2},
                        {&Given::weight_decay_rate, &O::weight_decay_rate}});
}

template <class Rule>
std::unique_ptr<Optimizer> make_lars(std::string_view name, const Given& given) {
  using O = LarsOptions;
  return make<Rule, O>(name, given,
                       {{&Given::lr, &O::lr},
                        {&Given::momentum, &O::momentum},
                        {&Given::eta, &O::trust},
                        {&Given::eps, &O::eps},
                        {&Given::weight_decay_rate, &O::weight_decay_rate}});
}

std::unique_ptr<Optimizer> make_adafactor(std::string_view name, const Given& given) {
  using O = AdafactorOptions;
  return make<Adafactor, O>(name, given, {{&Given::lr, &O::lr}, {&Given::weight_decay_rate, &O::weight_decay_rate}});
}

std::unique_ptr<Optimizer> make_corrected_momentum(std::string_view name, const Given& given) {
  using O = CorrectedMomentumSgdOptions;
  return make<CorrectedMomentumSgd, O>(name, given, {{&Given::lr, &O::lr}, {&Given::momentum, &O::momentum}});
}

struct Entry {
  const char* name;
  std::unique_ptr<Optimizer> (*make)(std::string_view name, const OptimizerOptions& given);
};
constexpr Entry kOptimizers[] = {{"sgd", make_sgd},
                                 {"momentum_sgd", make_momentum<MomentumSgd>},
                                 {"corrected_momentum_sgd", make_corrected_momentum},
                                 {"nesterov_ag", make_momentum<NesterovAg>},
                                 {"adagrad", make_adagrad},
                                 {"adadelta", make_adadelta},
                                 {"rmsprop", make_rmsprop},
                                 {"rmsprop_graves", make_rmsprop_graves},
                                 {"rmsprop_warmup", make_rmsprop_warmup},
                                 {"smorms3", make_smorms3},
                                 {"msvag", make_msvag},
                                 {"adam", make_adam},
                                 {"adamw", make_adamw},
                                 {"amsgrad", make_bounded<AmsGrad>},
                                 {"adabound", make_bounded<AdaBound>},
                                 {"amsbound", make_bounded<AmsBound>},
                                 {"radam", make_rectified<RAdam, RAdamOptions>},
                                 {"lamb", make_rectified<Lamb, LambOptions>},
                                 {"lars", make_lars<Lars>},
                                 {"corrected_lars", make_lars<CorrectedLars>},
                                 {"lion", make_lion},
                                 {"adafactor", make_adafactor}};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(std::string_view name, const OptimizerOptions& options) {
  for (const Entry& entry : kOptimizers) {
    if (name == entry.name) return entry.make(name, options);
  }
  throw ValueError("optimizer: expected one of ", detail::list(optimizer_names()), ", found \"", name, "\".");
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kOptimizers) names.emplace_back(entry.name);
  return names;
}

}  // namespace rensa
