// Four threads ask one network about pictures, each inside an inference scope of its own.
//   inference [SNAPSHOT]     of `rensa train --arch resnet18 --width 16` on ten classes; without it the weights are
//   random
#include <rensa/core/autograd/gradient_check.h>
#include <rensa/core/autograd/inference_mode.h>
#include <rensa/core/functions/softmax.h>
#include <rensa/core/models/resnet.h>
#include <rensa/core/serializers/npz.h>

#include <iostream>
#include <thread>
#include <vector>

namespace {

constexpr int kThreads = 4, kPictures = 3;

/// The probability of the first class for each picture of one thread.
std::vector<float> ask(rensa::models::ResNet& network, std::uint64_t seed) {
  std::vector<float> answers;
  const rensa::InferenceMode scope;  // batch normalization is folded into the weights once, for all pictures below
  for (int i = 0; i < kPictures; ++i) {
    const rensa::Array picture = rensa::random_array({1, 3, 64, 64}, seed + std::uint64_t(i), rensa::Dtype::kFloat32);
    const rensa::Variable p = rensa::functions::softmax(network(picture));
    answers.push_back(p.array().select(0, 0).select(0, 0).item<float>());
  }
  return answers;
}

}  // namespace

int main(int argc, char** argv) try {
  const auto network = rensa::models::resnet18({.classes = 10, .width = 16});
  if (argc > 1) {
    rensa::NpzReader snapshot(argv[1], "updater/model:main/predictor/");
    network->serialize(snapshot);
  }
  std::vector<std::vector<float>> answers(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    threads.emplace_back([&, i] { answers[i] = ask(*network, 100 * i); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& of_thread : answers) {
    for (const float p : of_thread) std::cout << p << ' ';
    std::cout << '\n';
  }
} catch (const std::exception& error) {
  std::cerr << "inference: " << error.what() << '\n';
  return 1;
}
