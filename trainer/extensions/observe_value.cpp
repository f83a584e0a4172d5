#include "trainer/extensions/observe_value.h"

#include "core/serializers/serializer.h"
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
  if (!serializer.is_loading() && trainer.comm().size() > 1) {
    const Array all = array(std::vector<double>{sums[0], sums[1]}, {2});
    trainer.comm().all_reduce(all);
    sums[0] = all.data<double>()[0];
    sums[1] = all.data<double>()[1];
  }
  serializer("_numerator", sums[0]);
  serializer("_denominator", sums[1]);
  if (!serializer.is_loading()) return;
  const bool first = trainer.comm().rank() == 0;  // the file has the sums of all ranks: rank 0 goes on with them
  numerator_ = first ? sums[0] : 0;
  denominator_ = first ? sums[1] : 0;
}

}  // namespace rensa
