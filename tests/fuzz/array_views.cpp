// Takes random views and indices of random arrays, writes through them, and compares with a model of plain lists
// (array_model.h). What the model refuses must be refused with an Error, and nothing outside of the elements may be
// read or written, which the sanitizers watch.
//   array_views SECONDS SEED            0 seconds: 20,000 arrays
#include <algorithm>
#include <chrono>
#include <exception>
#include <iostream>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>

#include "core/device/allocator.h"
#include "core/error.h"
#include "tests/fuzz/array_model.h"

namespace rensa::fuzz {
namespace {

constexpr std::int64_t kMostElements = 5000;  ///< that are compared one by one
constexpr std::size_t kMemory = std::size_t{64} << 20;
constexpr Dtype kDtypes[] = {Dtype::kUInt8,   Dtype::kInt8,     Dtype::kInt32,   Dtype::kInt64,
                             Dtype::kFloat16, Dtype::kBFloat16, Dtype::kFloat32, Dtype::kFloat64};

Dims dims(const Numbers& numbers) { return Dims(std::span(numbers.data(), numbers.size())); }

class Fuzzer {
 public:
  explicit Fuzzer(std::uint64_t seed) : random_(seed) {}

  /// One array, and up to seven views of it, each of the one before.
  void run() {
    said_.str("");
    Numbers shape(below(5));
    for (auto& n : shape) n = static_cast<std::int64_t>(below(4));
    const Dtype dtype = kDtypes[below(std::size(kDtypes))];
    const auto item = static_cast<std::int64_t>(item_size(dtype));
    model_ = {shape, std::vector<double>(static_cast<std::size_t>(*count(shape, item))), item};
    std::iota(model_.elements.begin(), model_.elements.end(), 1.);
    x_ = array<double>(model_.elements, dims(shape)).to(dtype);
    said_ << x_.dtype() << ' ' << x_.shape();
    compare(x_, model_);
    for (std::size_t n = below(8); n > 0; --n) step();
    write();
    make();
  }

  std::string said() const { return said_.str(); }  ///< what was done last
  std::size_t done() const { return done_; }        ///< operations
  std::size_t taken() const { return taken_; }      ///< of them, those that were not refused

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  bool once_in(std::size_t n) { return below(n) == 0; }
  /// Mostly small, now and then any number at all or one at the end of the range.
  std::int64_t number() {
    if (!once_in(12)) return static_cast<std::int64_t>(below(9)) - 4;
    if (once_in(3)) return std::numeric_limits<std::int64_t>::min() + static_cast<std::int64_t>(below(3));
    if (once_in(2)) return std::numeric_limits<std::int64_t>::max() - static_cast<std::int64_t>(below(3));
    return static_cast<std::int64_t>(random_()) >> below(64);
  }
  Numbers some_numbers(std::size_t most) {
    Numbers result(below(most + 1));
    for (auto& n : result) n = number();
    return result;
  }
  Slice slice() {
    Slice result{.step = once_in(3) ? number() : 1};
    if (!once_in(3)) result.start = number();
    if (!once_in(3)) result.stop = number();
    return result;
  }
  int axis() { return static_cast<int>(std::clamp<std::int64_t>(number(), -20, 20)); }

  /// Sizes that may hold this model's elements: some of its own joined or split.
  Numbers other_shape() {
    Numbers shape = model_.shape;
    for (std::size_t n = below(3); n > 0 && !shape.empty(); --n) {
      const auto at = shape.begin() + static_cast<std::ptrdiff_t>(below(shape.size()));
      if (at + 1 != shape.end() && once_in(2)) {
        at[1] *= at[0];
        shape.erase(at);
      } else if (shape.size() < static_cast<std::size_t>(kMaxDims)) {
        const std::int64_t divisor = *at % 2 == 0 ? 2 : 1;
        *at /= divisor;
        shape.insert(at, divisor);
      }
    }
    if (!shape.empty() && once_in(3)) shape[below(shape.size())] = number();
    return shape;
  }

  /// Runs `act`, which must fail with an Error where there is no model and only there.
  template <class Act>
  bool refuses_as(bool expected, const Act& act) {
    ++done_;
    try {
      act();
    } catch (const Error& error) {
      if (!expected) throw std::runtime_error(std::string("refused what is right: ") + error.what());
      return true;
    }
    if (expected) throw std::runtime_error("took what must be refused");
    ++taken_;
    return false;
  }
  void take(const std::optional<Model>& wanted, const std::function<Array()>& view) {
    Array found;
    if (refuses_as(!wanted, [&] { found = view(); })) return;
    if (found.shape() != dims(wanted->shape)) {
      throw std::runtime_error(detail::join("shape ", found.shape(), ", expected ", dims(wanted->shape)));
    }
    for (const std::int64_t n : wanted->shape) {  // of an axis beside one of 0, too
      if (n > kMostElements) return;
    }
    if (*count(wanted->shape, 1) > kMostElements) return;
    compare(found, *wanted);
    x_ = found;
    model_ = *wanted;
  }
  static void compare(const Array& found, const Model& wanted) {
    if (to_vector<double>(found) != wanted.elements) {
      throw std::runtime_error(
          detail::join("found ", found, ", expected ", array<double>(wanted.elements, dims(wanted.shape))));
    }
  }

  void step() {
    switch (below(8)) {
      case 0: {
        Numbers axes(model_.shape.size());
        std::iota(axes.begin(), axes.end(), 0);
        std::shuffle(axes.begin(), axes.end(), random_);
        if (!axes.empty() && once_in(4)) axes[below(axes.size())] = number();
        said_ << ".transpose" << dims(axes);
        return take(transposed(model_, axes), [&] { return x_.transpose(dims(axes)); });
      }
      case 1: {
        const int a = axis();
        const Slice s = slice();
        say(a, s);
        return take(sliced(model_, a, s), [&] { return x_.slice(a, s); });
      }
      case 2: {
        const int a = axis();
        const std::int64_t i = number();
        said_ << ".select(" << a << ", " << i << ')';
        return take(selected(model_, a, i), [&] { return x_.select(a, i); });
      }
      case 3: {
        const int a = axis();
        said_ << ".expand_dims(" << a << ')';
        return take(expanded(model_, a), [&] { return x_.expand_dims(a); });
      }
      case 4: {
        const int a = axis();
        said_ << ".squeeze(" << a << ')';
        return take(squeezed(model_, a), [&] { return x_.squeeze(a); });
      }
      case 5: {
        const Numbers shape = other_shape();
        said_ << ".reshape" << dims(shape);
        return take(reshaped(model_, shape), [&] { return x_.reshape(dims(shape)); });
      }
      case 6: {
        Numbers shape = model_.shape;
        for (auto& n : shape) {
          if (n == 1 && once_in(2)) n = number();
        }
        if (shape.size() < static_cast<std::size_t>(kMaxDims)) shape.insert(shape.begin(), number());
        said_ << ".broadcast_to" << dims(shape);
        return take(broadcast(model_, shape, kMostElements), [&] { return x_.broadcast_to(dims(shape)); });
      }
      default: {
        const auto [index, model] = random_index();
        const auto places = indexed(model_, model);
        std::optional<Model> wanted;
        if (places) {
          wanted = Model{places->shape, {}, model_.item};
          for (const Numbers& place : places->places) wanted->elements.push_back(model_.at(place));
        }
        return take(wanted, [&, items = index] { return get(x_, items); });
      }
    }
  }

  /// An index and what the model calls it.
  std::pair<Index, std::vector<ItemModel>> random_index() {
    Index index;
    std::vector<ItemModel> model;
    const auto both = [&](const auto& item) {
      index.push_back(item);
      model.push_back(item);
    };
    said_ << '[';
    for (std::size_t n = below(5), axis = 0; n > 0; --n, ++axis) {
      switch (below(7)) {
        case 0: {
          const std::int64_t i = number();
          both(i);
          said_ << i << ", ";
          break;
        }
        case 1:
          both(NewAxis{});
          said_ << "new, ";
          break;
        case 2:
          both(Ellipsis{});
          said_ << "..., ";
          break;
        case 3: {  // the truth about some axes, mostly of the sizes that are there
          Model values;
          for (std::size_t i = axis; i < model_.shape.size() && values.shape.size() < 1 + below(2); ++i)
            values.shape.push_back(once_in(10) ? static_cast<std::int64_t>(below(4)) : model_.shape[i]);
          for (std::int64_t i = 0; i < *count(values.shape, 1); ++i)
            values.elements.push_back(static_cast<double>(below(2)));
          add_array(index, model, {true, values}, Dtype::kBool);
          break;
        }
        case 4: {
          Model values;
          for (std::size_t i = below(3); i > 0; --i) values.shape.push_back(static_cast<std::int64_t>(below(4)));
          for (std::int64_t i = 0; i < *count(values.shape, 1); ++i)
            values.elements.push_back(static_cast<double>(below(once_in(10) ? 9 : 2)) - (once_in(3) ? 1 : 0));
          add_array(index, model, {false, values}, once_in(2) ? Dtype::kInt32 : Dtype::kInt64);
          break;
        }
        default: {
          const Slice s = slice();
          both(s);
          say(0, s);
        }
      }
    }
    said_ << ']';
    return {index, model};
  }
  void add_array(Index& index, std::vector<ItemModel>& model, IndexModel values, Dtype dtype) {
    index.push_back(array<double>(values.values.elements, dims(values.values.shape)).to(dtype));
    said_ << std::get<Array>(index.back()) << ", ";
    model.push_back(std::move(values));
  }

  /// x[index] = values of a copy: no two places of a copy are one.
  void write() {
    const auto [index, model] = random_index();
    said_ << " = ";
    const auto places = indexed(model_, model);
    const Array target = once_in(2) ? x_.copy() : x_.transpose().copy().transpose();
    const Array value = full({}, 77, x_.dtype());
    Model wanted = model_;
    if (refuses_as(!places, [&, items = index] { set(target, items, value); })) return;
    for (const Numbers& place : places->places) wanted.elements[wanted.number(place)] = 77;
    compare(target, wanted);
  }

  /// Arrays of any sizes, with a limit to their memory; and arrays that wrap memory.
  void make() {
    const Numbers shape = some_numbers(4);
    said_ << " empty" << dims(shape);
    const auto size = count(shape, sizeof(double));
    const auto bytes = size ? static_cast<std::size_t>(*size) * sizeof(double) : 0;
    ++done_;
    try {
      const Array made = empty(dims(shape), Dtype::kFloat64);
      if (!size || bytes > kMemory) throw std::runtime_error("made an array that its memory cannot hold");
      if (bytes < kMemory / 16) made.fill(1);
      ++taken_;
    } catch (const Error&) {
      if (size && bytes < kMemory / 16) throw;
    }
    double element = 0;
    refuses_as(!size, [&] { Array::wrap(&element, dims(shape), Dtype::kFloat64); });
  }

  void say(int axis, const Slice& s) {
    const auto end = [&](const std::optional<std::int64_t>& n) { return n ? std::to_string(*n) : ""; };
    said_ << ".slice(" << axis << ", " << end(s.start) << ':' << end(s.stop) << ':' << s.step << ')';
  }

  std::mt19937_64 random_;
  Array x_;
  Model model_;
  std::ostringstream said_;
  std::size_t done_ = 0, taken_ = 0;
};

}  // namespace
}  // namespace rensa::fuzz

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: array_views SECONDS SEED\n";
    return 2;
  }
  const double seconds = std::stod(argv[1]);
  rensa::allocator({}).set_limit(rensa::fuzz::kMemory);
  rensa::fuzz::Fuzzer fuzzer(std::stoull(argv[2]));
  const auto start = std::chrono::steady_clock::now();
  try {
    do {
      for (int i = 0; i < 20'000; ++i) fuzzer.run();
    } while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds);
  } catch (const std::exception& error) {
    std::cerr << "array_views: " << fuzzer.said() << ": " << error.what() << '\n';
    return 1;
  }
  std::cout << fuzzer.done() << " operations, " << fuzzer.taken() << " of them taken\n";
  return 0;
}
