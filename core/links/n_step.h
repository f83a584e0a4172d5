#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/functions/lstm_sequence.h"
#include "core/links/link.h"

namespace rensa {

/// What the cells are; kTanh and kRelu are plain ones with that activation.
enum class NStepKind { kLstm, kGru, kTanh, kRelu };

/// Options of NStepRnn.
struct NStepOptions {
  int layers;
  std::int64_t in, out;  ///< features of x, units of each direction
  double dropout = 0;    ///< between the layers
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_W = init::lecun_normal();  ///< of each w
  Initializer initial_b = init::zeros();
};

/// Recurrent layers over whole sequences of different lengths, without padding: Chainer's NStepLSTM, NStepBiLSTM,
/// NStepGRU, NStepBiGRU, NStepRNNTanh … Keys: <layer × directions + direction>/w0 …, b0 … (8 of each for LSTM, 6 for
/// GRU, 2 for plain ones), w (out, in), b (out).
class NStepRnn : public Link {
 public:
  NStepRnn(NStepKind kind, bool bidirectional, const NStepOptions& options);

  /// Last states and all outputs.
  struct Result {
    Variable h;    ///< (layers × directions, batch, out)
    Variable c;    ///< the same of the cells; LSTM only
    Variables ys;  ///< for each sequence (length, out × directions)
  };
  /// Sequences (length, in) in any order, of which some or all may be empty; h and c in their order, or no variables:
  /// zeros. An LSTM runs as functions::lstm_sequence.
  Result operator()(const Variable& h, const Variable& c, const Variables& xs);

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<NStepRnn>(kind_, directions_ == 2, options_); }

 private:
  struct Weights : Link {
    std::vector<std::unique_ptr<Parameter>> w, b;
    Weights(int count, std::int64_t in, const NStepOptions& options);
  };
  functions::NStepWeights weights() const;
  functions::NStepResult run(const Variable& h, const Variables& steps) const;  ///< all but the LSTM
  functions::LstmRows run_rows(const Variable& h, const Variable& c, const Variables& xs,
                               const std::vector<std::int64_t>& order, Variables& ys) const;

  const NStepKind kind_;
  const int directions_;
  const NStepOptions options_;
  std::vector<std::unique_ptr<Weights>> weights_;
};

/// Chainer's NStepLSTM, NStepBiLSTM and so on; bi: in both directions.
/// @{
std::unique_ptr<NStepRnn> n_step_lstm(const NStepOptions& options);
std::unique_ptr<NStepRnn> n_step_bilstm(const NStepOptions& options);
std::unique_ptr<NStepRnn> n_step_gru(const NStepOptions& options);
std::unique_ptr<NStepRnn> n_step_bigru(const NStepOptions& options);
std::unique_ptr<NStepRnn> n_step_rnn_tanh(const NStepOptions& options);
std::unique_ptr<NStepRnn> n_step_birnn_tanh(const NStepOptions& options);
std::unique_ptr<NStepRnn> n_step_rnn_relu(const NStepOptions& options);
std::unique_ptr<NStepRnn> n_step_birnn_relu(const NStepOptions& options);
/// @}

}  // namespace rensa
