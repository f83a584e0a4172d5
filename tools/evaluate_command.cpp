#include "tools/evaluate_command.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "comm/compute_threads.h"
#include "comm/job.h"
#include "core/autograd/inference_mode.h"
#include "core/error.h"
#include "core/functions/softmax_cross_entropy.h"
#include "tools/json_line.h"
#include "tools/options/wrong_usage.h"
#include "tools/train/model_setup.h"
#include "tools/train/picture_problems.h"
#include "tools/train/training_data.h"
#include "tools/trained_network.h"
#include "trainer/iterators/multithread_iterator.h"

namespace rensa::tools {
namespace {

constexpr const char* kUsage =
    "usage: rensa evaluate --config FILE --snapshot_file FILE [--key value …]\n\n"
    "Judges a trained network on the validation pictures: top-1, top-5, each class,\n"
    "and the confusion matrix. Data and network are described by the keys of\n"
    "`rensa train`; the configuration of the training serves.";

/// Counts over all samples and ranks.
struct Judgement {
  std::int64_t classes;
  Array confusion;  ///< (classes, classes): rows are the truth, columns the answer
  Array sums;       ///< samples, right in the first 5, sum of losses

  explicit Judgement(std::int64_t count)
      : classes(count), confusion(zeros({count, count}, Dtype::kFloat64)), sums(zeros({3}, Dtype::kFloat64)) {}

  double count(std::int64_t truth, std::int64_t answer) const {
    return confusion.data<double>()[truth * classes + answer];
  }
  double of_class(std::int64_t truth) const {
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += count(truth, c);
    return sum;
  }
  double samples() const { return sums.data<double>()[0]; }
  double right() const {
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += count(c, c);
    return sum;
  }
};

Judgement judge(const TrainOptions& o, const std::string& snapshot, const TrainingData& data, Communicator& comm) {
  const auto classes = static_cast<std::int64_t>(data.class_names.size());
  const auto network = load_trained_network(o, snapshot, data.input, classes);
  network->to(prepared_device(o, comm));
  const Dtype dtype = network->parameters().front()->dtype();
  const auto iterator = make_iterator(data.validation,
                                      {.batch_size = static_cast<std::int64_t>(o.val_batchsize) * comm.size(),
                                       .repeat = false,
                                       .shuffle = false,
                                       .seed = o.seed,
                                       .rank = comm.rank(),
                                       .size = comm.size()},
                                      {.threads = o.loaderjob});
  Judgement result(classes);
  const InferenceMode scope;
  while (const std::optional<Batch> batch = iterator->next()) {
    if (batch->size() == 0) continue;
    const Variable y = (*network)(batch->x().to(network->device()).to(dtype));
    // first: it refuses labels that are no class, which the counts below would take for places in memory
    const double loss =
        functions::softmax_cross_entropy(y, batch->t(), {.label_smoothing = o.label_smoothing}).item<double>();
    const Array scores = y.array().to(Device{}).to(Dtype::kFloat32).contiguous();
    const std::vector<std::int64_t> truth = to_vector<std::int64_t>(batch->t());
    double* sums = result.sums.data<double>();
    for (std::size_t i = 0; i < truth.size(); ++i) {
      const auto order = ranked_classes(scores.data<float>() + static_cast<std::int64_t>(i) * classes, classes);
      ++result.confusion.data<double>()[truth[i] * classes + order[0]];
      const auto first = order.begin(), last = order.begin() + std::min<std::int64_t>(5, classes);
      sums[1] += std::find(first, last, truth[i]) != last ? 1 : 0;
    }
    sums[0] += static_cast<double>(batch->size());
    sums[2] += loss * static_cast<double>(batch->size());
  }
  comm.all_reduce(result.confusion);
  comm.all_reduce(result.sums);
  if (result.samples() == 0) throw FileError(o.data, ": there are no validation pictures that can be read.");
  return result;
}

nlohmann::json as_json(const Judgement& j, const TrainingData& data, std::int64_t left_out) {
  nlohmann::json classes = nlohmann::json::array(), confusion = nlohmann::json::array();
  for (std::int64_t c = 0; c < j.classes; ++c) {
    const double count = j.of_class(c);
    classes.push_back({{"name", data.class_names[static_cast<std::size_t>(c)]},
                       {"samples", static_cast<std::int64_t>(count)},
                       {"accuracy", count > 0 ? nlohmann::json(j.count(c, c) / count) : nlohmann::json()}});
    nlohmann::json row = nlohmann::json::array();
    for (std::int64_t answer = 0; answer < j.classes; ++answer)
      row.push_back(static_cast<std::int64_t>(j.count(c, answer)));
    confusion.push_back(row);
  }
  return {{"samples", static_cast<std::int64_t>(j.samples())},
          {"left_out", left_out},
          {"loss", j.sums.data<double>()[2] / j.samples()},
          {"top1", j.right() / j.samples()},
          {"top5", j.sums.data<double>()[1] / j.samples()},
          {"classes", classes},
          {"confusion", confusion}};
}

void print(const nlohmann::json& result, std::ostream& out) {
  out << "samples " << result["samples"] << ", loss " << result["loss"].get<double>() << ", top-1 "
      << result["top1"].get<double>() << ", top-5 " << result["top5"].get<double>() << "\n\n";
  std::size_t width = 8;
  for (const auto& c : result["classes"]) width = std::max(width, c["name"].get<std::string>().size() + 1);
  out << "truth \\ answer, and the share that is right\n";
  for (std::size_t row = 0; row < result["classes"].size(); ++row) {
    const auto& c = result["classes"][row];
    out << std::left << std::setw(static_cast<int>(width)) << c["name"].get<std::string>() << std::right;
    for (const auto& count : result["confusion"][row]) out << std::setw(7) << count.get<std::int64_t>();
    out << std::setw(10) << std::setprecision(4) << (c["accuracy"].is_null() ? 0.0 : c["accuracy"].get<double>())
        << '\n';
  }
}

/// Results are on standard output, and what is to be said about them on standard error.
void log_to_stderr() {
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()));
}

void evaluate(const TrainOptions& o, const std::string& given, const std::string& json_file, Communicator& comm) {
  set_compute_threads(comm, o.threads);
  const auto warn = [](const std::string& damage) { spdlog::warn("snapshot_file: {}", damage); };
  const std::string snapshot = find_snapshot(given, comm, warn);
  PictureProblems problems(comm);
  const TrainingData data = open_training_data(o, problems.report());
  const Judgement judgement = judge(o, snapshot, data, comm);
  problems.log_totals();
  if (comm.rank() != 0) return;
  const std::int64_t left_out = data.validation->size() - static_cast<std::int64_t>(judgement.samples());
  const nlohmann::json result = as_json(judgement, data, left_out);
  print(result, std::cout);
  if (json_file.empty()) return;
  std::ofstream file(json_file);
  file << json_text(result, 2) << '\n';
  if (!file.flush()) throw FileError(json_file, ": cannot be written.");
}

}  // namespace

int evaluate_command(int argc, char** argv) {
  TrainOptions options;
  std::string snapshot, json_file;
  OptionTable table(kUsage);
  table.add("snapshot_file", snapshot, "snapshot of the training, or its folder (the newest)");
  table.add("json", json_file, "file for the same numbers as JSON");
  add_train_options(table, options);
  try {
    if (!table.parse(argc, argv, std::cout)) return 0;
    require_snapshot(snapshot);
    check_combinations(options);
    options.augment_on = "host";  // a training's configuration may say otherwise
  } catch (const Error& error) {
    return wrong_usage("evaluate", error);
  }
  log_to_stderr();
  return run_job(communicator_options(options),
                 [&](Communicator& comm) { evaluate(options, snapshot, json_file, comm); });
}

}  // namespace rensa::tools
