#include "core/kernels/cpu/openblas.h"

#include <cblas.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/kernels/cpu/gemm.h"

extern "C" {
[[gnu::weak]] char* openblas_get_corename();
[[gnu::weak]] void gotoblas_dynamic_quit();
[[gnu::weak]] void gotoblas_dynamic_init();
}

namespace rensa::cpu {
namespace {

/// OpenBLAS chooses again under OPENBLAS_CORETYPE = name; the variable is gone afterwards.
void take_kernels(const std::string& name) {
  setenv("OPENBLAS_CORETYPE", name.c_str(), 1);
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  unsetenv("OPENBLAS_CORETYPE");
}

class OpenBlasKernels : public testing::Test {
 protected:
  void SetUp() override {
    if (!openblas_get_corename || !gotoblas_dynamic_quit || !gotoblas_dynamic_init)
      GTEST_SKIP() << "another BLAS than OpenBLAS";
#ifdef __x86_64__
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
#endif
      GTEST_SKIP() << "a processor without AVX2, for which OpenBLAS's oldest kernels may be the right ones";
    if (std::getenv("OPENBLAS_CORETYPE")) GTEST_SKIP() << "OPENBLAS_CORETYPE names kernels";
    before_ = openblas_get_corename();
  }
  void TearDown() override {
    if (!before_.empty()) take_kernels(before_);
  }

  std::string before_;
};

TEST_F(OpenBlasKernels, OfThisProcessorAreTakenBeforeMain) { EXPECT_NE(before_, "Prescott"); }

TEST_F(OpenBlasKernels, OldestAreReplacedAndMultiply) {
  take_kernels("Prescott");
  ASSERT_STREQ(openblas_get_corename(), "Prescott");
  EXPECT_TRUE(replace_oldest_openblas_kernels());
  EXPECT_STRNE(openblas_get_corename(), "Prescott");
  EXPECT_EQ(std::getenv("OPENBLAS_CORETYPE"), nullptr);
  constexpr std::int64_t kSize = 65;
  const std::vector<double> ones(kSize * kSize, 1.0), twos(kSize * kSize, 2.0);
  std::vector<double> product(kSize * kSize);
  gemm(kSize, kSize, kSize, 1.0, Factor<double>{ones.data(), kSize}, Factor<double>{twos.data(), kSize}, 0.0,
       product.data(), kSize);
  EXPECT_EQ(product, std::vector<double>(kSize * kSize, 2.0 * kSize));
}

TEST_F(OpenBlasKernels, ChosenByOpenBlasAndByTheUserStand) {
  take_kernels("Haswell");
  EXPECT_FALSE(replace_oldest_openblas_kernels());
  EXPECT_STREQ(openblas_get_corename(), "Haswell");
  take_kernels("Prescott");
  setenv("OPENBLAS_CORETYPE", "Prescott", 1);
  EXPECT_FALSE(replace_oldest_openblas_kernels());
  unsetenv("OPENBLAS_CORETYPE");
  EXPECT_STREQ(openblas_get_corename(), "Prescott");
}

}  // namespace
}  // namespace rensa::cpu
