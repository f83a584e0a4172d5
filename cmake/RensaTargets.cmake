# rensa_compile_options(TARGET): the warnings and flags of every target that is ours.
function(rensa_compile_options target)
  target_compile_options(${target} PRIVATE ${RENSA_COMPILE_OPTIONS} -Wall -Wextra -Wpedantic -Wshadow
                         $<$<BOOL:${RENSA_WARNINGS_AS_ERRORS}>:-Werror>
                         # GCC's collector of garbage finds little below half a gigabyte: a fifth of a test's compilation.
                         $<$<COMPILE_LANG_AND_ID:CXX,GNU>:--param=ggc-min-heapsize=524288>)
  target_compile_definitions(${target} PRIVATE RENSA_VERSION="${PROJECT_VERSION}")
endfunction()

# rensa_precompile_headers(TARGET [HEADER...]): headers that most sources include are read once for the target: a third of
# the time of compilation. ccache keeps objects only of what it can read, and saves more.
set(precompile ON)
if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache")
  set(precompile OFF)
endif()
option(RENSA_PRECOMPILE_HEADERS "Read the headers that most sources include once for each target" ${precompile})
function(rensa_precompile_headers target)
  if(RENSA_PRECOMPILE_HEADERS)
    target_precompile_headers(${target} PRIVATE <algorithm> <chrono> <cmath> <filesystem> <fstream> <functional> <iostream>
                              <map> <memory> <mutex> <optional> <sstream> <string> <thread> <vector> ${ARGN})
  endif()
endfunction()

# rensa_program(TARGET): the same for a program, which under the address sanitizer keeps Open MPI's plug-ins loaded, so that
# the leak report can name them.
function(rensa_program target)
  rensa_compile_options(${target})
  if(RENSA_SANITIZE MATCHES "address")
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/scripts/sanitizers/keep_modules_loaded.cpp)
    target_link_options(${target} PRIVATE -Wl,--export-dynamic-symbol=dlclose)
  endif()
endfunction()

# rensa_sources(OUT FOLDER): the .cpp files below FOLDER, relative to the root, without those of plug-ins and of
# transports that are absent from this build. Absence is another file, never an #if.
function(rensa_sources out folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/(cuda|nccl)/")
  if(dnnl_VERSION VERSION_GREATER_EQUAL 3)
    list(FILTER sources EXCLUDE REGEX "/onednn_v2/")
  else()
    list(FILTER sources EXCLUDE REGEX "/onednn_v3/")
  endif()
  if(TARGET PkgConfig::hdf5)
    list(FILTER sources EXCLUDE REGEX "/hdf5_absent/")
  else()
    list(FILTER sources EXCLUDE REGEX "/hdf5/")
  endif()
  if(RENSA_MPI_FOUND)
    list(FILTER sources EXCLUDE REGEX "/mpi_absent/")
  else()
    list(FILTER sources EXCLUDE REGEX "/mpi/")
  endif()
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

# rensa_add_library(NAME [PUBLIC ...] [PRIVATE ...] [PRECOMPILED ...]): the shared library rensa_NAME (rensa::NAME) of
# the folder NAME with the libraries it is linked to; PRECOMPILED are headers that many of its sources include. A folder
# without sources gives an empty INTERFACE library.
function(rensa_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 link "" "" "PUBLIC;PRIVATE;PRECOMPILED")
  set(target rensa_${name})
  rensa_sources(sources ${name})
  if(sources)
    add_library(${target} SHARED ${sources})
    set(public PUBLIC)
    target_link_libraries(${target} PRIVATE ${link_PRIVATE})
    rensa_compile_options(${target})
    rensa_precompile_headers(${target} ${link_PRECOMPILED})
    # Of the instruction sets that Highway would compile for, one adds nothing that our kernels use to the one below it.
    target_compile_definitions(${target} PRIVATE HWY_DISABLED_TARGETS=HWY_SSE4)
    set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION}
                          SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    # Arithmetic promises nothing about errno or floating-point exceptions, and vectorises better without the promise.
    target_compile_options(${target} PRIVATE -fno-math-errno -fno-trapping-math)
    # A sum over ranks has the same bits whether its terms were scaled before or on the way.
    list(FILTER sources INCLUDE REGEX "direct_reduction")
    set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "-ffp-contract=off"
                                SKIP_PRECOMPILE_HEADERS ON)  # made for other flags
  else()
    add_library(${target} INTERFACE)
    set(public INTERFACE)
  endif()
  add_library(rensa::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} ${public} cxx_std_20)
  # Sources write "core/array/array.h"; users of an installed tree write <rensa/core/array/array.h>.
  target_include_directories(${target} ${public}
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/rensa>)
  target_link_libraries(${target} ${public} ${link_PUBLIC})
endfunction()
