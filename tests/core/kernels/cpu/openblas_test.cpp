#include "core/kernels/cpu/openblas.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/kernels/cpu/gemm.h"

namespace rensa::cpu {
namespace {

class OpenBlasKernels : public testing::Test {
 protected:
  void SetUp() override {
    if (openblas_kernels().empty()) GTEST_SKIP() << "another BLAS than OpenBLAS";
#ifdef __x86_64__
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
#endif
      GTEST_SKIP() << "a processor without AVX2, for which OpenBLAS's oldest kernels may be the right ones";
    if (std::getenv("OPENBLAS_CORETYPE")) GTEST_SKIP() << "OPENBLAS_CORETYPE names kernels";
    before_ = openblas_kernels();
  }
  void TearDown() override {
    if (!before_.empty()) take_openblas_kernels(before_.c_str());
  }

  std::string before_;
};

TEST_F(OpenBlasKernels, OfThisProcessorAreTakenBeforeMain) { EXPECT_NE(before_, "Prescott"); }

TEST_F(OpenBlasKernels, OldestAreReplacedAndMultiply) {
  take_openblas_kernels("Prescott");
  ASSERT_EQ(openblas_kernels(), "Prescott");
  EXPECT_TRUE(replace_oldest_openblas_kernels());
  EXPECT_NE(openblas_kernels(), "Prescott");
  EXPECT_EQ(std::getenv("OPENBLAS_CORETYPE"), nullptr);
  constexpr std::int64_t kSize = 65;
  const std::vector<double> ones(kSize * kSize, 1.0), twos(kSize * kSize, 2.0);
  std::vector<double> product(kSize * kSize);
  gemm(kSize, kSize, kSize, 1.0, Factor<double>{ones.data(), kSize}, Factor<double>{twos.data(), kSize}, 0.0,
       product.data(), kSize);
  EXPECT_EQ(product, std::vector<double>(kSize * kSize, 2.0 * kSize));
}

TEST_F(OpenBlasKernels, ChosenByOpenBlasAndByTheUserStand) {
  take_openblas_kernels("Haswell");
  EXPECT_FALSE(replace_oldest_openblas_kernels());
  EXPECT_EQ(openblas_kernels(), "Haswell");
  take_openblas_kernels("Prescott");
  setenv("OPENBLAS_CORETYPE", "Prescott", 1);
  EXPECT_FALSE(replace_oldest_openblas_kernels());
  unsetenv("OPENBLAS_CORETYPE");
  EXPECT_EQ(openblas_kernels(), "Prescott");
}

}  // namespace
}  // namespace rensa::cpu
