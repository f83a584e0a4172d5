#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/links/linear.h"

namespace rensa {

/// A parameter as a link of its own: called, it gives the parameter. Key: W.
class ParameterLink : public Link {
 public:
  explicit ParameterLink(const Shape& shape, Initializer initializer = init::zeros(), Dtype dtype = Dtype::kFloat32);
  Variable operator()() { return W; }  ///< the parameter
  Parameter W;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<ParameterLink>(shape_, initializer_, dtype_); }

 private:
  const Shape shape_;
  const Initializer initializer_;
  const Dtype dtype_;
};

/// x + b, where b's axes are those of x from `axis` on. See functions::bias.
class Bias : public UnaryLink {
 public:
  explicit Bias(const Shape& shape, int axis = 1, Dtype dtype = Dtype::kFloat32);
  Variable forward(const Variable& x) override;
  Parameter b;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Bias>(shape_, axis_, dtype_); }

 private:
  const Shape shape_;
  const int axis_;
  const Dtype dtype_;
};

/// Options of Scale.
struct ScaleOptions {
  Shape shape;
  int axis = 1;            ///< of x, where W's first axis stands
  bool bias_term = false;  ///< key bias/b
  Dtype dtype = Dtype::kFloat32;
};
/// x W (+ bias/b). W starts at one. See functions::scale.
class Scale : public UnaryLink {
 public:
  explicit Scale(const ScaleOptions& options);
  Variable forward(const Variable& x) override;
  Parameter W;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Scale>(options_); }

 private:
  const ScaleOptions options_;
  std::unique_ptr<Bias> bias_;
};

/// Options of Bilinear.
struct BilinearOptions {
  std::int64_t left, right, out;
  bool linear_terms = true;  ///< V1, V2 and b
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_W = init::lecun_normal();
  Initializer initial_V1 = init::lecun_normal();
  Initializer initial_V2 = init::lecun_normal();
  Initializer initial_b = init::zeros();
};
/// e1ᵀ W e2 (+ e1 V1 + e2 V2 + b). See functions::bilinear.
class Bilinear : public Link {
 public:
  explicit Bilinear(const BilinearOptions& options);
  Variable operator()(const Variable& e1, const Variable& e2);  ///< e1 (batch, left), e2 (batch, right); (batch, out)
  Parameter W, V1, V2, b;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Bilinear>(options_); }

 private:
  const BilinearOptions options_;
};

/// Options of EmbedId.
struct EmbedIdLinkOptions {
  std::int64_t in, out;  ///< class numbers, features
  Initializer initial_W = init::normal(1);
  std::optional<std::int64_t> ignore_label = std::nullopt;  ///< places with this number give zeros
  Dtype dtype = Dtype::kFloat32;
};
/// Rows of W (in, out) by class number: x (…), int32 or int64; (…, out). Throws IndexError for a number outside [0, in)
/// that is not ignored. See functions::embed_id.
class EmbedId : public UnaryLink {
 public:
  explicit EmbedId(const EmbedIdLinkOptions& options);
  using UnaryLink::operator();
  Variable operator()(const Array& x) { return (*this)(Variable(x)); }  ///< numbers of rows, of any shape
  Variable forward(const Variable& x) override;
  Parameter W;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<EmbedId>(options_); }

 private:
  const EmbedIdLinkOptions options_;
};

/// Options of Highway.
struct HighwayOptions {
  std::int64_t size;
  double initial_bt = -1;  ///< bias of the gate: below 0 the link starts by passing x through
  Dtype dtype = Dtype::kFloat32;
  Initializer initial_Wh = init::lecun_normal();  ///< of plain
  Initializer initial_Wt = init::lecun_normal();  ///< of transform
  Initializer initial_bh = init::zeros();
};
/// t relu(plain(x)) + (1 − t) x with t = sigmoid(transform(x)).
/// Source: Srivastava, Greff, Schmidhuber, "Highway networks", 2015.
class Highway : public UnaryLink {
 public:
  explicit Highway(const HighwayOptions& options);
  Variable forward(const Variable& x) override;
  Linear plain, transform;

 protected:
  std::unique_ptr<Link> do_clone() override { return std::make_unique<Highway>(options_); }

 private:
  const HighwayOptions options_;
};

}  // namespace rensa
