#include "core/optimizers/make_optimizer.h"

#include <array>

#include "core/error.h"
#include "core/optimizers/adam.h"
#include "core/optimizers/momentum_sgd.h"
#include "core/optimizers/sgd.h"

namespace rensa {
namespace {

using Setting = std::optional<double> OptimizerOptions::*;

/// A setting by its name, and where it goes in the options of one optimizer.
template <class Options>
struct Taken {
  Setting given;
  double Options::*place;
};

constexpr std::array<std::pair<const char*, Setting>, 7> kSettings = {{
    {"lr", &OptimizerOptions::lr},
    {"momentum", &OptimizerOptions::momentum},
    {"beta1", &OptimizerOptions::beta1},
    {"beta2", &OptimizerOptions::beta2},
    {"eps", &OptimizerOptions::eps},
    {"eta", &OptimizerOptions::eta},
    {"weight_decay_rate", &OptimizerOptions::weight_decay_rate},
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

struct Entry {
  const char* name;
  std::unique_ptr<Optimizer> (*make)(std::string_view name, const OptimizerOptions& given);
};
constexpr Entry kOptimizers[] = {{"sgd", make_sgd},
                                 {"momentum_sgd", make_momentum<MomentumSgd>},
                                 {"nesterov_ag", make_momentum<NesterovAg>},
                                 {"adam", make_adam},
                                 {"adamw", make_adamw}};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(std::string_view name, const OptimizerOptions& options) {
  std::string names;
  for (const Entry& entry : kOptimizers) {
    if (name == entry.name) return entry.make(name, options);
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw ValueError("optimizer: expected one of ", names, ", found \"", name, "\".");
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kOptimizers) names.emplace_back(entry.name);
  return names;
}

}  // namespace rensa
