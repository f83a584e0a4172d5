#include "core/distributions/independent.h"

#include "core/distributions/divergence.h"
#include "core/error.h"
#include "core/functions/reduction.h"

namespace rensa::distributions {

Independent::Independent(std::shared_ptr<const Distribution> one, int parts) : each(std::move(one)), axes(parts) {
  if (axes < 0 || axes > each->batch_shape().ndim()) {
    throw ShapeError("Independent: ", each->name(), "'s batch is ", each->batch_shape(), ", which has not ", axes,
                     " axes.");
  }
}

Shape Independent::batch_shape() const {
  Shape shape = each->batch_shape();
  for (int i = 0; i < axes; ++i) shape.erase(shape.ndim() - 1);
  return shape;
}

Shape Independent::event_shape() const {
  const Shape batch = each->batch_shape();
  Shape shape;
  for (int i = batch.ndim() - axes; i < batch.ndim(); ++i) shape.push_back(batch[i]);
  for (const std::int64_t size : each->event_shape()) shape.push_back(size);
  return shape;
}

Variable Independent::summed(const Variable& x) const {
  if (axes == 0) return x;
  Dims last;
  for (int i = 1; i <= axes; ++i) last.push_back(-i);
  return functions::sum(x, last);
}

namespace {

const KlRule<Independent> kl_independent([](const Independent& p, const Independent& q) {
  if (p.axes != q.axes) {
    throw ShapeError("kl_divergence: one Independent takes ", p.axes, " axes as parts of a value, the other ", q.axes,
                     ".");
  }
  return p.summed(kl_divergence(*p.each, *q.each));
});

}  // namespace
}  // namespace rensa::distributions
