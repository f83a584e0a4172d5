#pragma once

// The routines of LAPACK that are used here, by their Fortran names: Debian's OpenBLAS has no lapacke.h.
extern "C" {
#define RENSA_LAPACK(T, p)                                                                                          \
  void p##getrf_(const int* m, const int* n, T* a, const int* lda, int* pivots, int* info);                         \
  void p##getri_(const int* n, T* a, const int* lda, const int* pivots, T* work, const int* lwork, int* info);      \
  void p##gesv_(const int* n, const int* nrhs, T* a, const int* lda, int* pivots, T* b, const int* ldb, int* info); \
  void p##potrf_(const char* uplo, const int* n, T* a, const int* lda, int* info);                                  \
  void p##geqrf_(const int* m, const int* n, T* a, const int* lda, T* tau, T* work, const int* lwork, int* info);   \
  void p##orgqr_(const int* m, const int* n, const int* k, T* a, const int* lda, const T* tau, T* work,             \
                 const int* lwork, int* info);                                                                      \
  void p##gesdd_(const char* jobz, const int* m, const int* n, T* a, const int* lda, T* s, T* u, const int* ldu,    \
                 T* vt, const int* ldvt, T* work, const int* lwork, int* iwork, int* info);                         \
  void p##syevd_(const char* jobz, const char* uplo, const int* n, T* a, const int* lda, T* w, T* work,             \
                 const int* lwork, int* iwork, const int* liwork, int* info);
RENSA_LAPACK(float, s)
RENSA_LAPACK(double, d)
#undef RENSA_LAPACK
}

namespace rensa::lapack {

// The same, called by the element's type.

#define RENSA_LAPACK(routine)            \
  template <class... A>                  \
  void routine(float, A... arguments) {  \
    s##routine##_(arguments...);         \
  }                                      \
  template <class... A>                  \
  void routine(double, A... arguments) { \
    d##routine##_(arguments...);         \
  }
RENSA_LAPACK(getrf)
RENSA_LAPACK(getri)
RENSA_LAPACK(gesv)
RENSA_LAPACK(potrf)
RENSA_LAPACK(geqrf)
RENSA_LAPACK(orgqr)
RENSA_LAPACK(gesdd)
RENSA_LAPACK(syevd)
#undef RENSA_LAPACK

}  // namespace rensa::lapack
