#include "trainer/extensions/reestimate_statistics.h"

#include <vector>

#include "core/autograd/config.h"
#include "core/device/random.h"
#include "core/error.h"
#include "core/links/batch_normalization.h"
#include "trainer/extensions/evaluator.h"
#include "trainer/trainer.h"

namespace rensa {
namespace {

std::vector<BatchNormalization*> normalizations(Link& model) {
  std::vector<BatchNormalization*> found;
  for (const Link::NamedLink& named : model.named_links()) {
    if (auto* const link = dynamic_cast<BatchNormalization*>(named.link)) found.push_back(link);
  }
  return found;
}

/// The links take the plain mean over batches; how they averaged before and how many batches they had seen is given
/// back at the end.
class Settings {
 public:
  explicit Settings(const std::vector<BatchNormalization*>& links) : links_(links), random_(random_context()) {
    for (BatchNormalization* link : links_) {
      was_finetuning_.push_back(link->is_finetuning());
      seen_.push_back(*link->N.data<std::int64_t>());
      link->start_finetuning();
    }
  }
  ~Settings() {
    for (std::size_t i = 0; i < links_.size(); ++i) {
      if (!was_finetuning_[i]) links_[i]->stop_finetuning();
      *links_[i]->N.data<std::int64_t>() = seen_[i];
    }
    random_context() = random_;
  }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

 private:
  const std::vector<BatchNormalization*>& links_;
  std::vector<bool> was_finetuning_;
  std::vector<std::int64_t> seen_;
  const RandomContext random_;
};

}  // namespace

ReestimateStatistics::ReestimateStatistics(std::unique_ptr<Iterator> iterator, Link& model,
                                           std::function<void(const Batch&)> forward, int batches)
    : iterator_(std::move(iterator)), model_(model), forward_(std::move(forward)), batches_(batches) {
  if (batches < 1) throw ValueError("ReestimateStatistics: ", batches, " batches; expected at least 1.");
}

void ReestimateStatistics::operator()(Trainer& trainer) {
  const std::vector<BatchNormalization*> links = normalizations(model_);
  if (links.empty()) return;
  const Settings settings(links);
  const ConfigScope scope({.train = true, .enable_backprop = false});
  iterator_->reset();
  for (int i = 0; i < batches_; ++i) {
    const std::optional<Batch> batch = iterator_->next();
    if (!batch) break;
    forward_(*batch);
  }
  average_persistents(model_, trainer.comm());
}

}  // namespace rensa
