// Dates such as "3 march 1998" or "nov 27, 2011" to "1998-03-03": an encoder, a decoder and attention from one to the
// other.
//   mpirun -n 4 seq2seq [STEPS]
// Data-parallel: every rank makes up dates of its own, and a step is over those of all.
// Dates are made up, others than the training's judge, whole answers count. 1500 steps get above 0.95 of them right.
// Source of the attention: Luong, Pham, Manning, "Effective approaches to attention-based neural machine translation",
// 2015.
#include <rensa/comm/communicators/create_communicator.h>
#include <rensa/comm/distributed_optimizer.h>
#include <rensa/core/array/array.h>
#include <rensa/core/autograd/config.h>
#include <rensa/core/functions/activation.h>
#include <rensa/core/functions/attention.h>
#include <rensa/core/functions/ordering.h>
#include <rensa/core/functions/shape.h>
#include <rensa/core/functions/softmax_cross_entropy.h>
#include <rensa/core/links/connection.h>
#include <rensa/core/links/recurrent.h>
#include <rensa/core/optimizers/adam.h>

#include <array>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace {

namespace F = rensa::functions;

constexpr std::int64_t kBatch = 64, kUnits = 64, kSource = 20, kTarget = 10;
const std::string kCharacters = " abcdefghijklmnopqrstuvwxyz0123456789,-^";  // ^ starts an answer
constexpr std::array kMonths = {"january", "february", "march",     "april",   "may",      "june",
                                "july",    "august",   "september", "october", "november", "december"};

struct Date {
  std::string written, normal;
};

Date make_up(rensa::RandomStream& random) {
  const auto year = 1950 + random.below(100), month = random.below(12), day = 1 + random.below(28);
  const std::string name = kMonths[month], brief = name.substr(0, 3);
  std::ostringstream written, normal;
  switch (random.below(4)) {
    case 0:
      written << day << ' ' << name << ' ' << year;
      break;
    case 1:
      written << brief << ' ' << day << ", " << year;
      break;
    case 2:
      written << name << ' ' << day << ", " << year;
      break;
    default:
      written << day << '-' << brief << '-' << year;
  }
  normal << year << '-' << std::setfill('0') << std::setw(2) << month + 1 << '-' << std::setw(2) << day;
  return {written.str(), normal.str()};
}

/// Texts as (length, count) codes, filled up with blanks.
rensa::Array codes(const std::vector<std::string>& texts, std::int64_t length) {
  const auto count = static_cast<std::int64_t>(texts.size());
  std::vector<std::int64_t> all;
  for (std::int64_t t = 0; t < length; ++t) {
    for (const std::string& text : texts) {
      const auto at = static_cast<std::size_t>(t);
      all.push_back(static_cast<std::int64_t>(kCharacters.find(at < text.size() ? text[at] : ' ')));
    }
  }
  return rensa::array(all, {length, count});
}

struct Model : rensa::Link {
  const std::int64_t characters = static_cast<std::int64_t>(kCharacters.size());
  rensa::EmbedId embed{{.in = characters, .out = kUnits}};
  rensa::Lstm encoder{{.in = kUnits, .out = kUnits}}, backwards{{.in = kUnits, .out = kUnits}},
      decoder{{.in = kUnits, .out = 2 * kUnits}};
  rensa::Linear mix{{.in = 4 * kUnits, .out = kUnits}}, out{{.in = kUnits, .out = characters}};
  rensa::Variable memory;  ///< (batch, kSource, 2 kUnits): what the encoder says of every place

  Model() {
    add("embed", embed);
    add("encoder", encoder);
    add("backwards", backwards);
    add("decoder", decoder);
    add("mix", mix);
    add("out", out);
  }
  void read(const rensa::Array& source) {
    for (rensa::Lstm* lstm : {&encoder, &backwards, &decoder}) lstm->reset_state();
    const rensa::Variable x = embed(source);
    const auto turned = [](const rensa::Variable& v) {
      return F::slice(v, 0, {.start = std::nullopt, .stop = std::nullopt, .step = -1});
    };
    const rensa::Variable both = F::concat({encoder.sequence(x), turned(backwards.sequence(turned(x)))}, 2);
    memory = F::transpose(both, {1, 0, 2});
    decoder.set_state(F::concat({encoder.c(), backwards.c()}, 1), F::concat({encoder.h(), backwards.h()}, 1));
  }
  /// Scores (steps batch, characters) of what follows each of `before` (steps, batch).
  rensa::Variable write(const rensa::Array& before) {
    const rensa::Variable h = F::transpose(decoder.sequence(embed(before)), {1, 0, 2});
    const rensa::Variable seen = F::scaled_dot_product_attention(h, memory, memory);
    const rensa::Variable mixed = F::tanh(mix(F::concat({h, seen}, 2), 2));
    return out(F::reshape(F::transpose(mixed, {1, 0, 2}), {before.size(), kUnits}));
  }
  std::vector<std::string> answer(const rensa::Array& source) {
    read(source);
    std::vector<std::string> answers(static_cast<std::size_t>(source.shape()[1]));
    std::vector<std::string> last(answers.size(), "^");
    for (std::int64_t t = 0; t < kTarget; ++t) {
      const std::vector<std::int64_t> best =
          rensa::to_vector<std::int64_t>(F::argmax(write(codes(last, 1)).array(), 1));
      for (std::size_t i = 0; i < answers.size(); ++i) {
        last[i] = kCharacters[static_cast<std::size_t>(best[i])];
        answers[i] += last[i];
      }
    }
    return answers;
  }
};

}  // namespace

int main(int argc, char** argv) try {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 1500;
  if (argc > 2 || steps < 1) throw std::runtime_error("usage: seq2seq [STEPS], 1 or more");
  const auto comm = rensa::create_communicator();
  Model model;
  rensa::DistributedOptimizer optimizer(rensa::Adam({.lr = 0.003, .common = {.clip_norm = 5}}), *comm);
  optimizer.setup(model);
  rensa::RandomStream random(1, rensa::Purpose::kSynthetic, /*step=*/0, static_cast<std::uint64_t>(comm->rank()));
  rensa::RandomStream others(2, rensa::Purpose::kSynthetic);
  for (int step = 1; step <= steps; ++step) {
    std::vector<std::string> sources, before, targets;
    for (std::int64_t i = 0; i < kBatch; ++i) {
      const Date date = make_up(random);
      sources.push_back(date.written);
      targets.push_back(date.normal);
      before.push_back(std::string("^").append(date.normal, 0, kTarget - 1));
    }
    model.read(codes(sources, kSource));
    const rensa::Variable loss = F::softmax_cross_entropy(model.write(codes(before, kTarget)),
                                                          codes(targets, kTarget).reshape({kTarget * kBatch}));
    loss.backward();
    optimizer.update();
    if (step % 250 == 0 && comm->rank() == 0)
      std::cout << "step " << step << " loss " << loss.item<double>() << std::endl;
  }
  if (comm->rank() != 0) return 0;
  const rensa::ConfigScope scope({.train = false, .enable_backprop = false});
  std::vector<Date> judged;
  std::vector<std::string> sources;
  for (int i = 0; i < 500; ++i) sources.push_back(judged.emplace_back(make_up(others)).written);
  const std::vector<std::string> answers = model.answer(codes(sources, kSource));
  double right = 0;
  for (std::size_t i = 0; i < judged.size(); ++i) right += answers[i] == judged[i].normal ? 1 : 0;
  std::cout << judged[0].written << " -> " << answers[0] << "\nright " << right / static_cast<double>(judged.size())
            << '\n';
} catch (const std::exception& error) {
  std::cerr << "seq2seq: " << error.what() << '\n';
  return 1;
}
