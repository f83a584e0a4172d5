#pragma once

#include <cmath>

namespace rensa::formulas {

struct Exp {
  template <class T>
  T operator()(T x) const {
    return std::exp(x);
  }
};
struct Log {
  template <class T>
  T operator()(T x) const {
    return std::log(x);
  }
};
struct Sqrt {
  template <class T>
  T operator()(T x) const {
    return std::sqrt(x);
  }
};
struct Abs {
  template <class T>
  T operator()(T x) const {
    return std::abs(x);
  }
};
/// gy sign(x), 0 at 0.
struct AbsGrad {
  template <class T>
  T operator()(T x, T gy) const {
    return x > 0 ? gy : x < 0 ? -gy : x == 0 ? T(0) : x;
  }
};

// A number that is none goes through: it must not be hidden.

struct Maximum {
  template <class T>
  T operator()(T a, T b) const {
    return a >= b || a != a ? a : b;
  }
};
struct Minimum {
  template <class T>
  T operator()(T a, T b) const {
    return a <= b || a != a ? a : b;
  }
};
/// 1 where a >= b.
struct NotLess {
  template <class T>
  T operator()(T a, T b) const {
    return a >= b ? T(1) : T(0);
  }
};
struct Clip {
  double low, high;
  template <class T>
  T operator()(T x) const {
    const T a = static_cast<T>(low), b = static_cast<T>(high);
    return x < a ? a : x > b ? b : x;
  }
};
/// gy where low <= x <= high, else 0.
struct ClipGrad {
  double low, high;
  template <class T>
  T operator()(T x, T gy) const {
    return x < static_cast<T>(low) || x > static_cast<T>(high) ? T(0) : gy;
  }
};

}  // namespace rensa::formulas
