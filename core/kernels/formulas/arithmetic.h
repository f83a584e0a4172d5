#pragma once

#include <cmath>

#include "core/kernels/formulas/annotation.h"

namespace rensa::formulas {

// One element of each operation, for every compiler and device.

struct Add {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return a + b;
  }
};
struct Sub {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return a - b;
  }
};
struct Mul {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return a * b;
  }
};
struct Div {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return a / b;
  }
};
struct Pow {
  template <class T>
  RENSA_FORMULA T operator()(T a, T b) const {
    return std::pow(a, b);
  }
};

// With a number: it is rounded to the element's type first.

struct AddNumber {
  double number;
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return x + static_cast<T>(number);
  }
};
struct MulNumber {
  double number;
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return x * static_cast<T>(number);
  }
};
struct DivNumber {
  double number;
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return x / static_cast<T>(number);
  }
};
struct NumberDividedBy {
  double number;
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return static_cast<T>(number) / x;
  }
};
struct PowNumber {
  double number;
  template <class T>
  RENSA_FORMULA T operator()(T x) const {
    return number == 2 ? x * x : std::pow(x, static_cast<T>(number));
  }
};

}  // namespace rensa::formulas
