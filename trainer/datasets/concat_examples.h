#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "trainer/datasets/dataset.h"

namespace rensa {

/// What fills up samples of different shapes to one: a number for all fields of a sample, or one for each of them.
///
///   Padding{}                 nothing: samples have to be of one shape
///   Padding(0)                0 in every field
///   Padding{0, -1}            0 in the first field, -1 in the second
///   Padding{0, std::nullopt}  0 in the first field; the second one is of one shape
class Padding {
 public:
  Padding() = default;
  Padding(double value) : everywhere_(value) {}  // NOLINT(google-explicit-constructor): it is a value
  Padding(std::initializer_list<std::optional<double>> values) : each_(values) {}
  /// For numbers of fields that are known when the program runs.
  explicit Padding(std::vector<std::optional<double>> values) : each_(std::move(values)) {}

  bool any() const { return everywhere_.has_value() || !each_.empty(); }  ///< whether a field may be padded
  /// What fills a field of samples that have so many; none: it is not padded. Throws ValueError if there are values for
  /// another number of fields.
  std::optional<double> of(std::size_t field, std::size_t fields) const;

 private:
  std::optional<double> everywhere_;
  std::vector<std::optional<double>> each_;
};

/// Samples as the arrays of a batch: each field with a new first axis, on `device`. Chainer's concat_examples.
///
/// A padded field has the longest extent among the samples along each axis, and the padding behind what is shorter.
/// Which elements are samples' is said by further fields that come after the samples' own: of each padded field that
/// has an axis, in the order of the fields, how long the first axis was, (samples) int64 on the host. Samples
/// {words (length), class ()} with Padding(-1) give {words (n, longest), classes (n), lengths (n)}.
///
/// Throws ValueError if there are no samples. Throws ShapeError if shapes differ without padding, or in their number of
/// axes, or samples differ in their number of fields; DtypeError if types differ. Each names the sample and the field.
std::vector<Array> concat_examples(std::span<const Example> samples, const Padding& padding = {}, Device device = {});

/// The fields of concat_examples() with no samples in them; those of a sample have the shapes of `fields`.
std::vector<Array> no_examples(std::span<const FieldSpec> fields, const Padding& padding);

/// The samples of a padded field without their padding, as views: row i of `field` up to lengths[i]. What goes into
/// NStepRnn, or into an EmbedId before it.
///
///   for (const Array& words : without_padding(batch.x(), batch.fields[2])) xs.push_back(embed(words));
///
/// Throws ShapeError unless lengths is (n) int64 and each one fits.
std::vector<Array> without_padding(const Array& field, const Array& lengths);

}  // namespace rensa
