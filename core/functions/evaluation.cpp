#include "core/functions/evaluation.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/functions/ordering.h"

namespace rensa::functions {

double binary_accuracy(const Array& y, const Array& t) {
  if (y.shape() != t.shape())
    throw ShapeError("binary_accuracy: expected equal shapes, found ", y.shape(), " and ", t.shape(), ".");
  const std::vector<double> scores = to_vector<double>(y);
  const std::vector<std::int64_t> labels = to_vector<std::int64_t>(t);
  std::int64_t right = 0, counted = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == -1) continue;
    ++counted;
    right += (scores[i] >= 0) == (labels[i] == 1);
  }
  return counted == 0 ? 0 : static_cast<double>(right) / static_cast<double>(counted);
}

ClassificationSummary classification_summary(const Array& y, const Array& t, double beta,
                                             std::optional<std::int64_t> ignore_label) {
  if (y.ndim() != 2 || t.shape() != Shape{y.shape()[0]}) {
    throw ShapeError("classification_summary: expected y (batch, classes) and t (batch), found ", y.shape(), " and ",
                     t.shape(), ".");
  }
  if (!(beta > 0)) throw ValueError("classification_summary: beta is ", beta, ", expected a number above 0.");
  const std::int64_t classes = y.shape()[1];
  const std::vector<std::int64_t> guesses =
      y.size() == 0 ? std::vector<std::int64_t>{} : to_vector<std::int64_t>(argmax(y, 1));
  const std::vector<std::int64_t> labels = to_vector<std::int64_t>(t);
  ClassificationSummary s{zeros({classes}, Dtype::kFloat64), zeros({classes}, Dtype::kFloat64),
                          zeros({classes}, Dtype::kFloat64), zeros({classes}, Dtype::kInt64)};
  std::vector<double> guessed(static_cast<std::size_t>(classes)), right(guessed.size());
  for (std::size_t i = 0; i < guesses.size(); ++i) {
    if (ignore_label && labels[i] == *ignore_label) continue;
    if (labels[i] < 0 || labels[i] >= classes) {
      throw ValueError("classification_summary: label ", i, " is ", labels[i], ", expected 0 to ", classes - 1,
                       " or the ignored label.");
    }
    ++s.support.data<std::int64_t>()[labels[i]];
    ++guessed[static_cast<std::size_t>(guesses[i])];
    right[static_cast<std::size_t>(labels[i])] += guesses[i] == labels[i];
  }
  for (std::int64_t c = 0; c < classes; ++c) {
    const auto at = static_cast<std::size_t>(c);
    const double there = static_cast<double>(s.support.data<std::int64_t>()[c]);
    const double p = guessed[at] > 0 ? right[at] / guessed[at] : 0, r = there > 0 ? right[at] / there : 0;
    const double bottom = beta * beta * p + r;
    s.precision.data<double>()[c] = p;
    s.recall.data<double>()[c] = r;
    s.fbeta.data<double>()[c] = bottom > 0 ? (1 + beta * beta) * p * r / bottom : 0;
  }
  return s;
}

Array precision(const Array& y, const Array& t, std::optional<std::int64_t> ignore_label) {
  return classification_summary(y, t, 1, ignore_label).precision;
}
Array recall(const Array& y, const Array& t, std::optional<std::int64_t> ignore_label) {
  return classification_summary(y, t, 1, ignore_label).recall;
}
Array fbeta_score(const Array& y, const Array& t, double beta, std::optional<std::int64_t> ignore_label) {
  return classification_summary(y, t, beta, ignore_label).fbeta;
}
Array f1_score(const Array& y, const Array& t, std::optional<std::int64_t> ignore_label) {
  return classification_summary(y, t, 1, ignore_label).fbeta;
}

double r2_score(const Array& y, const Array& t) {
  if (y.shape() != t.shape())
    throw ShapeError("r2_score: expected equal shapes, found ", y.shape(), " and ", t.shape(), ".");
  const std::vector<double> found = to_vector<double>(y), wanted = to_vector<double>(t);
  double mean = 0, missed = 0, varied = 0;
  for (const double v : wanted) mean += v / static_cast<double>(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    missed += (wanted[i] - found[i]) * (wanted[i] - found[i]);
    varied += (wanted[i] - mean) * (wanted[i] - mean);
  }
  return varied == 0 ? 0 : 1 - missed / varied;
}

}  // namespace rensa::functions
