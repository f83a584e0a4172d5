#include "trainer/iterators/multithread_iterator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>

#include "core/device/random.h"
#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "trainer/datasets/image_folder.h"
#include "trainer/images/jpeg_writer.h"
#include "trainer/iterators/serial_iterator.h"

namespace rensa {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Samples of random numbers, some slow, so that threads overtake each other.
struct Noise : Dataset {
  explicit Noise(std::int64_t samples) : count(samples) {}
  std::int64_t size() const override { return count; }
  Example get(std::int64_t i, const SampleContext& context) const override {
    RandomStream random(context.seed, Purpose::kUser, static_cast<std::uint64_t>(context.epoch),
                        static_cast<std::uint64_t>(i));
    if (i % 5 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random.below(300)));
    return {array<double>({random.uniform(), static_cast<double>(i)})};
  }
  std::int64_t count;
};

struct Failing : Noise {
  using Noise::Noise;
  Example get(std::int64_t i, const SampleContext& context) const override {
    if (i == 7 || i == 6) throw ValueError("sample ", i, " is broken");
    return Noise::get(i, context);
  }
};

using Batches = std::vector<std::pair<std::vector<std::int64_t>, std::vector<double>>>;

Batches take(Iterator& iterator, int count) {
  Batches batches;
  for (int i = 0; i < count; ++i) {
    const std::optional<Batch> batch = iterator.next();
    if (!batch) break;
    batches.emplace_back(batch->indices, to_vector<double>(batch->x()));
  }
  return batches;
}

TEST(MultithreadIteratorTest, ThreadsChangeNeitherOrderNorContents) {
  const auto dataset = std::make_shared<Noise>(53);
  const IteratorOptions options{.batch_size = 12, .seed = 6};
  SerialIterator serial(dataset, options);
  const Batches want = take(serial, 20);
  for (int threads : {1, 2, 4}) {
    for (int prefetch : {1, 3}) {
      MultithreadIterator iterator(dataset, options, {.threads = threads, .prefetch = prefetch});
      EXPECT_EQ(take(iterator, 20), want) << threads << " threads";
      EXPECT_EQ(iterator.epoch(), serial.epoch());
      EXPECT_EQ(iterator.epoch_detail(), serial.epoch_detail());
      EXPECT_EQ(iterator.previous_epoch_detail(), serial.previous_epoch_detail());
    }
  }
}

TEST(MultithreadIteratorTest, DecodedPicturesAreEqualBitForBit) {
  const rensa::testing::ScratchFolder scratch;
  std::filesystem::create_directories(scratch / "a");
  RandomStream random(1, Purpose::kUser);
  for (int i = 0; i < 6; ++i) {
    images::Image image(50 + 7 * i, 90 - 5 * i);
    for (std::size_t k = 0; k < image.bytes(); ++k) image.row(0)[k] = static_cast<std::uint8_t>(random.below(256));
    images::write_jpeg(scratch / ("a/" + std::to_string(i) + ".jpg"), image);
  }
  ImageFolderOptions options;
  options.crop.size = 24;
  const auto dataset = std::make_shared<ImageFolder>(scratch.path().string(), options);
  std::vector<std::vector<float>> want;
  for (int threads : {0, 1, 2, 4}) {
    const auto iterator = make_iterator(dataset, {.batch_size = 4, .seed = 1}, {.threads = threads});
    for (std::size_t step = 0; step < 6; ++step) {
      const Batch batch = iterator->next().value();
      EXPECT_TRUE(batch.x().is_channels_last());
      const std::vector<float> x = to_vector<float>(batch.x());
      if (threads == 0) want.push_back(x);
      EXPECT_EQ(x, want[step]);
    }
  }
}

TEST(MultithreadIteratorTest, StateIsThatOfTheBatchGivenNotOfThoseReadAhead) {
  MultithreadIterator iterator(std::make_shared<Noise>(10), {.batch_size = 4}, {.threads = 2, .prefetch = 4});
  EXPECT_FALSE(iterator.previous_epoch_detail().has_value());
  iterator.next();
  EXPECT_EQ(iterator.current_position(), 4);
  EXPECT_EQ(iterator.epoch(), 0);
  EXPECT_DOUBLE_EQ(iterator.epoch_detail(), 0.4);
  EXPECT_DOUBLE_EQ(iterator.previous_epoch_detail().value(), 0.0);
}

TEST(MultithreadIteratorTest, GoesOnInTheMiddleOfAnEpoch) {
  const auto dataset = std::make_shared<Noise>(29);
  const IteratorOptions options{.batch_size = 6, .seed = 8};
  MultithreadIterator iterator(dataset, options, {.threads = 2});
  take(iterator, 7);
  const IteratorState saved = iterator.state();
  const Batches want = take(iterator, 12);
  MultithreadIterator other(dataset, options, {.threads = 3, .prefetch = 1});
  take(other, 2);
  other.restore(saved);
  EXPECT_EQ(take(other, 12), want);
}

/// Keeps values by name, as a snapshot file does.
class MemorySerializer final : public Serializer {
 public:
  bool is_loading() const override { return loading; }
  void operator()(std::string_view name, std::int64_t& value) override { keep(integers, name, value); }
  void operator()(std::string_view name, double& value) override { keep(doubles, name, value); }
  void operator()(std::string_view name, bool& value) override { keep(booleans, name, value); }
  void operator()(std::string_view name, std::string& value) override { keep(strings, name, value); }
  void operator()(std::string_view name, Array& value) override { keep(arrays, name, value); }
  bool has(std::string_view name) const override { return !loading || arrays.contains(std::string(name)); }
  Serializer& child(std::string_view) override { return *this; }

  bool loading = false;
  std::map<std::string, std::int64_t> integers;
  std::map<std::string, double> doubles;
  std::map<std::string, bool> booleans;
  std::map<std::string, std::string> strings;
  std::map<std::string, Array> arrays;

 private:
  template <class T>
  void keep(std::map<std::string, T>& values, std::string_view name, T& value) {
    if (loading) {
      value = values.at(std::string(name));
    } else {
      values[std::string(name)] = value;
    }
  }
};

TEST(MultithreadIteratorTest, SerializesUnderChainersKeys) {
  const auto dataset = std::make_shared<Noise>(29);
  const IteratorOptions options{.batch_size = 6, .seed = 8};
  MultithreadIterator iterator(dataset, options, {.threads = 2});
  take(iterator, 7);
  MemorySerializer file;
  iterator.serialize(file);
  EXPECT_EQ(file.integers.at("current_position"), 42 % 29);
  EXPECT_EQ(file.integers.at("epoch"), 1);
  EXPECT_FALSE(file.booleans.at("is_new_epoch"));
  EXPECT_DOUBLE_EQ(file.doubles.at("previous_epoch_detail"), 36.0 / 29);
  EXPECT_EQ(file.arrays.at("order").shape(), (Shape{29}));
  file.loading = true;
  SerialIterator other(dataset, options);
  other.serialize(file);
  EXPECT_EQ(take(other, 9), take(iterator, 9));
}

TEST(MultithreadIteratorTest, ResetStartsAgain) {
  MultithreadIterator iterator(std::make_shared<Noise>(20), {.batch_size = 4}, {.threads = 2});
  const Batches want = take(iterator, 3);
  iterator.reset();
  EXPECT_EQ(take(iterator, 3), want);
}

TEST(MultithreadIteratorTest, ExceptionArrivesWithItsBatch) {
  MultithreadIterator iterator(std::make_shared<Failing>(20), {.batch_size = 4, .shuffle = false},
                               {.threads = 4, .prefetch = 5});
  EXPECT_EQ(iterator.next().value().indices.front(), 0);
  EXPECT_THAT([&] { iterator.next(); }, ThrowsMessage<ValueError>(HasSubstr("sample 6")));  // the first of the two
  EXPECT_EQ(iterator.next().value().indices.front(), 8);
}

TEST(MultithreadIteratorTest, EndsWithoutRepeat) {
  MultithreadIterator iterator(std::make_shared<Noise>(10), {.batch_size = 4, .repeat = false},
                               {.threads = 2, .prefetch = 8});
  EXPECT_EQ(take(iterator, 100).size(), 3u);
  EXPECT_FALSE(iterator.next().has_value());
  EXPECT_EQ(iterator.epoch(), 1);
}

TEST(MultithreadIteratorTest, MayBeDestroyedWhileThreadsLoad) {
  for (int i = 0; i < 20; ++i) {
    MultithreadIterator iterator(std::make_shared<Noise>(1000), {.batch_size = 100}, {.threads = 4, .prefetch = 4});
    if (i % 2 == 0) iterator.next();
  }
}

TEST(MultithreadIteratorTest, LoaderThreadsHaveNoTeam) {
  struct Teams : Dataset {
    std::int64_t size() const override { return 8; }
    Example get(std::int64_t, const SampleContext&) const override {
      return {array<std::int32_t>({omp_get_max_threads()}, {})};
    }
  };
  MultithreadIterator iterator(std::make_shared<Teams>(), {.batch_size = 8}, {.threads = 2});
  EXPECT_THAT(to_vector<std::int32_t>(iterator.next().value().x()), ::testing::Each(1));
}

/// The stacks of a thousand threads, where there is room for a few.
TEST(MultithreadIteratorTest, ThreadsThatTheSystemRefusesAreNamed) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need more addresses than this test leaves";
#endif
  const auto ask = [] {
    std::int64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const auto room = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE)) + (rlim_t{256} << 20);
    const rlimit limit{.rlim_cur = room, .rlim_max = room};
    setrlimit(RLIMIT_AS, &limit);
    try {
      MultithreadIterator(std::make_shared<Noise>(8), {.batch_size = 2}, {.threads = 1000});
    } catch (const ValueError& error) {
      std::cerr << error.what();
      std::_Exit(3);
    }
    std::_Exit(4);
  };
  EXPECT_EXIT(ask(), ::testing::ExitedWithCode(3), "of 1000 loader threads could be started.*loaderjob");
}

TEST(MultithreadIteratorTest, ImpossibleNumbersAreRefused) {
  const auto dataset = std::make_shared<Noise>(4);
  EXPECT_THAT([&] { MultithreadIterator(dataset, {}, {.threads = 0}); },
              ThrowsMessage<ValueError>(HasSubstr("0 loader threads")));
  EXPECT_THAT([&] { MultithreadIterator(dataset, {}, {.prefetch = 0}); },
              ThrowsMessage<ValueError>(HasSubstr("prefetch = 0")));
}

}  // namespace
}  // namespace rensa
