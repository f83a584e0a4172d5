#include "core/functions/evaluation.h"

#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/functions/ordering.h"

namespace rensa::functions {
namespace {

/// y (batch, classes, …) and t (batch, …); axes of size 1 may follow y's.
bool has_a_label_each(const Shape& y, const Shape& t) {
  if (t.ndim() < 1 || t.ndim() >= y.ndim() || y[0] != t[0]) return false;
  for (int axis = 2; axis < y.ndim(); ++axis) {
    if (y[axis] != (axis <= t.ndim() ? t[axis - 1] : 1)) return false;
  }
  return true;
}

}  // namespace

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

ClassificationSummary classification_summary(const Array& y, const Array& t, double beta, std::int64_t ignore_label,
                                             std::optional<std::int64_t> label_num) {
  if (!has_a_label_each(y.shape(), t.shape())) {
    throw ShapeError("classification_summary: expected y (batch, classes, …) and t (batch, …), found ", y.shape(),
                     " and ", t.shape(), ".");
  }
  if (!(beta > 0)) throw ValueError("classification_summary: beta is ", beta, ", expected a number above 0.");
  const std::int64_t classes = label_num.value_or(y.shape()[1]);
  if (classes < 0) throw ValueError("classification_summary: label_num is ", classes, ", expected 0 or more.");
  const std::vector<std::int64_t> guesses =
      y.size() == 0 ? std::vector<std::int64_t>{} : to_vector<std::int64_t>(argmax(y, 1));
  const std::vector<std::int64_t> labels = to_vector<std::int64_t>(t);
  ClassificationSummary s{zeros({classes}, Dtype::kFloat64), zeros({classes}, Dtype::kFloat64),
                          zeros({classes}, Dtype::kFloat64), zeros({classes}, Dtype::kInt64)};
  std::vector<double> guessed(static_cast<std::size_t>(classes)), right(guessed.size());
  for (std::size_t i = 0; i < guesses.size(); ++i) {
    if (labels[i] == ignore_label) continue;
    if (labels[i] < 0 || labels[i] >= classes) {
      throw ValueError("classification_summary: label ", i, " is ", labels[i], ", expected 0 to ", classes - 1,
                       " or the ignored label ", ignore_label, ".");
    }
    ++s.support.data<std::int64_t>()[labels[i]];
    if (guesses[i] < classes) ++guessed[static_cast<std::size_t>(guesses[i])];
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

Array precision(const Array& y, const Array& t, std::int64_t ignore_label, std::optional<std::int64_t> label_num) {
  return classification_summary(y, t, 1, ignore_label, label_num).precision;
}
Array recall(const Array& y, const Array& t, std::int64_t ignore_label, std::optional<std::int64_t> label_num) {
  return classification_summary(y, t, 1, ignore_label, label_num).recall;
}
Array fbeta_score(const Array& y, const Array& t, double beta, std::int64_t ignore_label,
                  std::optional<std::int64_t> label_num) {
  return classification_summary(y, t, beta, ignore_label, label_num).fbeta;
}
Array f1_score(const Array& y, const Array& t, std::int64_t ignore_label, std::optional<std::int64_t> label_num) {
  return classification_summary(y, t, 1, ignore_label, label_num).fbeta;
}

Array r2_scores(const Array& y, const Array& t) {
  if (y.shape() != t.shape() || y.ndim() < 1)
    throw ShapeError("r2_score: expected equal shapes of (batch, …), found ", y.shape(), " and ", t.shape(), ".");
  const std::vector<double> found = to_vector<double>(y), wanted = to_vector<double>(t);
  Shape shape = t.shape();
  shape.erase(0);
  Array scores = zeros(shape, Dtype::kFloat64);
  const auto columns = static_cast<std::size_t>(scores.size());
  for (std::size_t column = 0; column < columns; ++column) {
    double mean = 0, missed = 0, varied = 0;
    for (std::size_t i = column; i < wanted.size(); i += columns) {
      mean += wanted[i] / static_cast<double>(t.shape()[0]);
    }
    for (std::size_t i = column; i < wanted.size(); i += columns) {
      missed += (wanted[i] - found[i]) * (wanted[i] - found[i]);
      varied += (wanted[i] - mean) * (wanted[i] - mean);
    }
    scores.data<double>()[column] = varied == 0 ? 0 : 1 - missed / varied;
  }
  return scores;
}

double r2_score(const Array& y, const Array& t) {
  const std::vector<double> scores = to_vector<double>(r2_scores(y, t));
  const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
  return scores.empty() ? 0 : sum / static_cast<double>(scores.size());
}

}  // namespace rensa::functions
