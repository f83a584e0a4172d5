#pragma once

#include <string>
#include <vector>

#include "core/links/link.h"

namespace rensa {

// A model's parameters and persistent values alone, in a file whose name says its format:
//   .safetensors  under PyTorch's names and layouts: torchvision's, for the networks of core/models that it has; of
//                 vision transformers timm's names load, too
//   .h5, .hdf5    Chainer's HDF5, if Rensa was built with libhdf5
//   all others    Chainer's npz
// Loading tells npz from HDF5 by the first bytes, so that Chainer's files may have any name, and takes the model out of
// a trainer's snapshot.

/// PyTorch's name of a value: "layer1/0/bn1/avg_mean" is "layer1.0.bn1.running_mean". "/" becomes "."; W, gamma:
/// weight; b, beta: bias; avg_mean, avg_var, N: running_mean, running_var, num_batches_tracked. `beside_weight`: it is
/// a gamma in a link that has a W too, or a beta beside a b, and keeps its name (SpectralNormalization has such a
/// gamma).
std::string torch_name(const std::string& path, bool beside_weight = false);

/// timm's name of a vision transformer's value, given torchvision's: "encoder.layers.encoder_layer_3.ln_1.weight" is
/// "blocks.3.norm1.weight". Files with timm's names are recognised and load; those written have torchvision's.
std::string timm_name(const std::string& torch_name);

/// Options of load_weights().
struct WeightOptions {
  /// Take values of another floating dtype too. bfloat16 takes float32 in any case from formats that have no bfloat16.
  bool convert = false;
  bool partial = false;  ///< take what fits and leave the rest as it is
};
/// Loads the file into `model` and returns what differs, a line each ("fc/W: (1000, 512) in the file, (5, 512) in the
/// network"). Unless it is partial, any difference is refused with a FileError that lists all of them, and the model is
/// as it was. Keys of the file may start with "predictor/" where the model's do not, and the other way round.
std::vector<std::string> load_weights(Link& model, const std::string& path, const WeightOptions& options = {});

/// Throws FileError; ValueError for a parameter without a shape in a .safetensors file.
void save_weights(Link& model, const std::string& path);

}  // namespace rensa
