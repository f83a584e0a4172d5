// Writes a network's scores for given samples, and its weights under another format's names.
//   logits ARCH WEIGHTS INPUT.npz OUTPUT.npz [WEIGHTS_OUT]       x (batch, …) in, y (batch, classes) out
#include <exception>
#include <iostream>

#include "core/autograd/config.h"
#include "core/error.h"
#include "core/models/model.h"
#include "core/serializers/npz.h"
#include "core/serializers/weights.h"

namespace {

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4) throw rensa::ValueError("usage: logits ARCH WEIGHTS INPUT.npz OUTPUT.npz [WEIGHTS_OUT]");
  const rensa::Array x = rensa::NpzReader(arguments[2]).array("x");
  rensa::Shape sample = x.shape();
  sample.erase(0);
  const auto network = rensa::models::make_model(arguments[0], {.input = sample, .classes = 1000, .eps = 1e-5});
  rensa::load_weights(*network, arguments[1]);
  const rensa::ConfigScope scope({.train = false, .enable_backprop = false});
  rensa::Array y = (*network)(x).array();
  rensa::NpzWriter writer;
  writer("y", y);
  writer.save(arguments[3]);
  if (arguments.size() > 4) rensa::save_weights(*network, arguments[4]);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try { return run({argv + 1, argv + argc}); } catch (const std::exception& error) {
  std::cerr << "logits: " << error.what() << '\n';
  return 1;
}
