#pragma once

#include <cstdint>
#include <optional>

#include "core/links/linear.h"

namespace rensa {

/// x where x >= 0, W x elsewhere; W has the axes of x from axis 1 on, or none (one number for all).
/// Source: He et al., "Delving deep into rectifiers", 2015.
class PRelu : public UnaryLink {
 public:
  explicit PRelu(const Shape& shape = {}, double start = 0.25, Dtype dtype = Dtype::kFloat32);
  Variable forward(const Variable& x) override;
  Parameter W;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<PRelu>(shape_, start_, dtype_); }

 private:
  const Shape shape_;
  const double start_;
  const Dtype dtype_;
};

/// x sigmoid(beta x); beta has the axes of x from axis 1 on.
/// Source: Ramachandran, Zoph, Le, "Searching for activation functions", 2017.
class Swish : public UnaryLink {
 public:
  explicit Swish(const Shape& shape = {}, double start = 1, Dtype dtype = Dtype::kFloat32);
  Variable forward(const Variable& x) override;
  Parameter beta;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Swish>(shape_, start_, dtype_); }

 private:
  const Shape shape_;
  const double start_;
  const Dtype dtype_;
};

/// Options of Maxout.
struct MaxoutOptions {
  std::int64_t in, out, pool_size;
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_W = init::lecun_normal();
  Initializer initial_b = init::zeros();
};
/// The largest of pool_size linear functions for each output. Keys: linear/W (out pool_size, in), linear/b.
/// Source: Goodfellow et al., "Maxout networks", 2013.
class Maxout : public UnaryLink {
 public:
  explicit Maxout(const MaxoutOptions& options);
  Variable forward(const Variable& x) override;
  Linear linear;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Maxout>(options_); }

 private:
  const MaxoutOptions options_;
};

/// Options of SimplifiedDropconnect.
struct SimplifiedDropconnectOptions {
  std::int64_t in, out;  ///< in: kLazySize for the first batch's
  double ratio = 0.5;    ///< of weights left out, for each sample by itself
  bool bias = true;
  Initializer initial_W = init::lecun_normal();
  Dtype dtype = Dtype::kFloat32;
};
/// A linear layer of which training leaves weights out. See functions::simplified_dropconnect.
class SimplifiedDropconnect : public UnaryLink {
 public:
  explicit SimplifiedDropconnect(const SimplifiedDropconnectOptions& options);
  Variable forward(const Variable& x) override;
  Parameter W, b;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<SimplifiedDropconnect>(options_); }

 private:
  const SimplifiedDropconnectOptions options_;
};

}  // namespace rensa
