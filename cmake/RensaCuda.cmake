# The GPU back end is two plug-ins, librensa_cuda and librensa_nccl, which rensa_core opens at run time: the programs
# start without a driver, and pay nothing for CUDA's libraries until a GPU is asked for.
set(RENSA_CUDA_FOUND FALSE)
file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS
     core/device/cuda/*.cpp core/device/cuda/*.cu core/kernels/cuda/*.cpp core/kernels/cuda/*.cu)
file(GLOB_RECURSE nccl_sources CONFIGURE_DEPENDS comm/nccl/*.cpp comm/nccl/*.cu)
if(NOT RENSA_WITH_CUDA OR NOT cuda_sources)
  return()
endif()

include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(NOT RENSA_WITH_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "rensa: RENSA_WITH_CUDA is ON, but no CUDA compiler was found. Set CUDACXX to nvcc's path.")
  endif()
  return()
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES ${RENSA_CUDA_ARCHITECTURES})
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
set(RENSA_CUDA_FOUND TRUE)
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc 12 and later can, and compiles as C++17
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()

# rensa_add_plugin(NAME SOURCES...): librensa_NAME.so beside the libraries, where open_plugin() looks for it. CUDA's headers
# have warnings of their own.
function(rensa_add_plugin name)
  add_library(rensa_${name} MODULE ${ARGN})
  target_include_directories(rensa_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_include_directories(rensa_${name} SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
  target_compile_features(rensa_${name} PRIVATE cxx_std_20)
  target_compile_definitions(rensa_${name} PRIVATE RENSA_VERSION="${PROJECT_VERSION}")
  target_compile_options(rensa_${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow>
    $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr --extended-lambda -Xcompiler=-Wall>
    $<$<BOOL:${RENSA_WARNINGS_AS_ERRORS}>:$<IF:$<COMPILE_LANGUAGE:CUDA>,-Werror=all-warnings,-Werror>>)
  set_target_properties(rensa_${name} PROPERTIES INSTALL_RPATH "$ORIGIN;${CUDAToolkit_LIBRARY_DIR}")
  install(TARGETS rensa_${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

find_library(RENSA_CUDNN cudnn HINTS ${CUDAToolkit_LIBRARY_DIR})
find_path(RENSA_CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
if(NOT RENSA_CUDNN OR NOT RENSA_CUDNN_INCLUDE)
  if(NOT RENSA_WITH_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "rensa: RENSA_WITH_CUDA is ON, but cuDNN was not found beside CUDA. Set RENSA_CUDNN to the library "
                        "and RENSA_CUDNN_INCLUDE to the folder of cudnn.h.")
  endif()
  message(STATUS "rensa: built without CUDA, because cuDNN was not found beside it")
  set(RENSA_CUDA_FOUND FALSE)
  return()
endif()
rensa_add_plugin(cuda ${cuda_sources})
target_include_directories(rensa_cuda SYSTEM PRIVATE ${RENSA_CUDNN_INCLUDE})
target_link_libraries(rensa_cuda PRIVATE rensa_core CUDA::cudart CUDA::cublasLt ${RENSA_CUDNN})

find_library(RENSA_NCCL nccl HINTS ${CUDAToolkit_LIBRARY_DIR})
find_path(RENSA_NCCL_INCLUDE nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
if(RENSA_NCCL AND RENSA_NCCL_INCLUDE)
  rensa_add_plugin(nccl ${nccl_sources})
  target_include_directories(rensa_nccl SYSTEM PRIVATE ${RENSA_NCCL_INCLUDE})
  target_link_libraries(rensa_nccl PRIVATE rensa_comm rensa_core CUDA::cudart ${RENSA_NCCL})
else()
  message(STATUS "rensa: built without NCCL, because it was not found beside CUDA; arrays on GPUs go through MPI")
endif()
mark_as_advanced(RENSA_NCCL RENSA_NCCL_INCLUDE)
