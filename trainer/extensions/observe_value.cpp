#include "trainer/extensions/observe_value.h"

#include "core/serializers/serializer.h"
#include "trainer/rank_0_sums.h"
#include "trainer/trainer.h"

namespace rensa {

void ObserveValue::operator()(Trainer& trainer) { trainer.observation()[key_] = {value_(trainer), 1}; }

MicroAverage::MicroAverage(std::string numerator, std::string denominator, std::string result, const Trigger& trigger)
    : numerator_key_(std::move(numerator)),
      denominator_key_(std::move(denominator)),
      result_(std::move(result)),
      trigger_(trigger) {}

void MicroAverage::observe(Trainer& trainer) {
  const auto numerator = trainer.observation().find(numerator_key_),
             denominator = trainer.observation().find(denominator_key_);
  if (numerator == trainer.observation().end() || denominator == trainer.observation().end()) return;
  numerator_ += numerator->second.value();
  denominator_ += denominator->second.value();
}

void MicroAverage::operator()(Trainer& trainer) {
  if (denominator_ != 0) trainer.observation()[result_] = {numerator_ / denominator_, denominator_};
  numerator_ = denominator_ = 0;
}

void MicroAverage::serialize(Serializer& serializer, Trainer& trainer) {
  double sums[] = {numerator_, denominator_};
  if (!serializer.is_loading()) move_sums_to_rank_0(trainer.comm(), sums);
  serializer("_numerator", sums[0]);
  serializer("_denominator", sums[1]);
  const bool first = trainer.comm().rank() == 0;  // the file has the sums of all ranks
  numerator_ = first ? sums[0] : 0;
  denominator_ = first ? sums[1] : 0;
}

}  // namespace rensa
