#pragma once

// RENSA_FORMULA before a function: nvcc compiles it for the host and for GPUs, other compilers see nothing.
#if defined(__CUDACC__)
#define RENSA_FORMULA __host__ __device__
#else
#define RENSA_FORMULA
#endif
