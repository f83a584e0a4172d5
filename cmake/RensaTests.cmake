# Tests under ctest. Labels: unit; mpi (1 to 4 ranks); multinode (needs root); gpu (skips, saying so); slow (only
# with scripts/test --all). One ctest entry is one GoogleTest suite; every entry has a time limit.
find_package(GTest REQUIRED)
set(RENSA_TEST_TIMEOUT_S 300 CACHE STRING "Time limit of a test suite, in seconds")
set(RENSA_SLOW_TEST_TIMEOUT_S 1800 CACHE STRING "Time limit of a suite labelled slow, in seconds")
if(RENSA_SANITIZE)
  math(EXPR RENSA_TEST_TIMEOUT_S "${RENSA_TEST_TIMEOUT_S} * 5")
endif()
set(RENSA_TEST_ENVIRONMENT OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1 RENSA_CACHE=off)
# Tests share the processors: OpenMP's threads that spin while they wait would take them from those that work.
list(APPEND RENSA_TEST_ENVIRONMENT OMP_WAIT_POLICY=passive)

# Where the data sets lie, unless the environment says it. Read by ctest, so that RENSA_DATA may change between runs.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_environment.cmake @ONLY CONTENT [[
if(NOT DEFINED ENV{RENSA_DATA})
  set(ENV{RENSA_DATA} "@PROJECT_SOURCE_DIR@/../shared/data")
endif()
]])
set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${PROJECT_BINARY_DIR}/test_environment.cmake)

# Tests spend their time in the libraries: without optimisation of their own they take as long, and compile in half the
# time.
function(rensa_compile_tests target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O0>)
  rensa_precompile_headers(${target} <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp> core/array/array.h)
endfunction()

# rensa_test_executable(TARGET FOLDER LIBRARIES...): all .cpp files below tests/FOLDER, with tests/support beside them. A
# main.cpp of the folder's own takes the place of tests/support/main.cpp.
function(rensa_test_executable target folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} tests/${folder}/*.cpp tests/support/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  if(NOT tests)
    return()
  endif()
  if("tests/${folder}/main.cpp" IN_LIST sources)
    list(REMOVE_ITEM sources tests/support/main.cpp)
  endif()
  add_executable(${target} ${sources})
  rensa_program(${target})
  rensa_compile_tests(${target})
  target_compile_definitions(${target} PRIVATE RENSA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE ${ARGN} OpenMP::OpenMP_CXX Threads::Threads nlohmann_json::nlohmann_json
                        ${CMAKE_DL_LIBS} GTest::gmock GTest::gtest)
endfunction()

# rensa_discover_suites(TARGET PROCESSORS): one ctest entry per suite, which keeps so many processors busy, listed when ctest
# starts. A process per suite, not per case: thousands of cases would otherwise spend more time starting than testing.
function(rensa_discover_suites target processors)
  if(NOT TARGET ${target})
    return()
  endif()
  set(script ${PROJECT_BINARY_DIR}/${target}_suites.cmake)
  file(GENERATE OUTPUT ${script} CONTENT "set(target ${target})
set(executable \"$<TARGET_FILE:${target}>\")
set(source_dir \"${PROJECT_SOURCE_DIR}\")
set(processors ${processors})
set(timeout_s ${RENSA_TEST_TIMEOUT_S})
set(slow_timeout_s ${RENSA_SLOW_TEST_TIMEOUT_S})
set(environment \"${RENSA_TEST_ENVIRONMENT};RENSA_EXECUTABLE=${PROJECT_BINARY_DIR}/rensa\")
include(\"${PROJECT_SOURCE_DIR}/cmake/DiscoverSuites.cmake\")
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script})
endfunction()

# What every communicator is asked, by threads in comm_test and by processes in mpi_test: compiled once.
file(GLOB conformance_sources CONFIGURE_DEPENDS tests/conformance/*.cpp)
add_library(rensa_conformance OBJECT ${conformance_sources})
rensa_compile_options(rensa_conformance)
rensa_compile_tests(rensa_conformance)
target_link_libraries(rensa_conformance PUBLIC rensa_comm rensa_core cereal::cereal GTest::gmock GTest::gtest)

rensa_test_executable(core_test core rensa_core DNNL::dnnl)
rensa_test_executable(comm_test comm rensa_conformance rensa_comm rensa_core hwy::hwy)
rensa_test_executable(trainer_test trainer rensa_trainer rensa_comm rensa_core ZLIB::ZLIB)
rensa_test_executable(tools_test tools ${RENSA_TOOLS_OBJECTS} rensa_trainer rensa_comm rensa_core
                      Boost::program_options spdlog::spdlog)
rensa_discover_suites(core_test 1)
rensa_discover_suites(tools_test 1)
rensa_discover_suites(comm_test 2)  # threads as ranks
rensa_discover_suites(trainer_test 2)

# Suites that fail, pass and are skipped; tests/skips/skips_test.sh looks at what ctest makes of them.
add_executable(skips tests/skips/skips.cpp tests/support/main.cpp)
rensa_program(skips)
target_include_directories(skips PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(skips PRIVATE GTest::gmock GTest::gtest)

# Replaces a file; tests/slow/killed_saves_test.sh kills it on the way.
add_executable(saver tests/saves/saver.cpp)
rensa_program(saver)
target_link_libraries(saver PRIVATE rensa_core)

if(RENSA_MPI_FOUND)
  execute_process(COMMAND ${MPIEXEC_EXECUTABLE} --version OUTPUT_VARIABLE mpiexec_version ERROR_QUIET)
  set(mpiexec_flags "")
  if(mpiexec_version MATCHES "Open MPI|OpenRTE|open-mpi")
    set(mpiexec_flags --oversubscribe --bind-to none)
  elseif(mpiexec_version MATCHES "HYDRA")
    set(mpiexec_flags -bind-to none)
  endif()
  rensa_test_executable(mpi_test mpi rensa_conformance rensa_trainer rensa_comm rensa_core MPI::MPI_CXX)
  if(TARGET mpi_test)
    function(rensa_add_mpi_test name ranks label limit_s filter)
      add_test(NAME ${name} COMMAND ${MPIEXEC_EXECUTABLE} ${mpiexec_flags} ${MPIEXEC_NUMPROC_FLAG} ${ranks}
                                    $<TARGET_FILE:mpi_test> --gtest_brief=1 --gtest_color=no --gtest_filter=${filter})
      set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${limit_s} PROCESSORS ${ranks}
                           ENVIRONMENT "${RENSA_TEST_ENVIRONMENT};OMP_NUM_THREADS=1;OMPI_MCA_mpi_yield_when_idle=1")
    endfunction()
    math(EXPR limit_s "${RENSA_TEST_TIMEOUT_S} * 3")
    foreach(ranks 1 2 3 4)
      rensa_add_mpi_test(mpi_${ranks} ${ranks} mpi ${limit_s} "-*SlowTest.*:*GpuTest.*")
    endforeach()
    # Processes that may share a GPU, as one host and as hosts of two ranks. Skipped, saying why, where all of it is.
    foreach(entry mpi_nccl_2 mpi_nccl_4 mpi_nccl_hosts_4)
      string(REGEX REPLACE ".*_" "" ranks ${entry})
      rensa_add_mpi_test(${entry} ${ranks} gpu ${limit_s} "*GpuTest.*")
      set_property(TEST ${entry} APPEND PROPERTY ENVIRONMENT NCCL_MULTI_RANK_GPU_ENABLE=1)
      if(entry MATCHES "hosts")
        set_property(TEST ${entry} APPEND PROPERTY ENVIRONMENT RENSA_TEST_RANKS_PER_HOST=2)
      endif()
      set_property(TEST ${entry} PROPERTY SKIP_REGULAR_EXPRESSION "RENSA: ALL SKIPPED")  # tests/support/all_skipped.h
    endforeach()
    rensa_add_mpi_test(mpi_large_counts_2 2 slow ${RENSA_SLOW_TEST_TIMEOUT_S} "*LargeCountsSlowTest.*")
    rensa_add_mpi_test(mpi_lifetimes_2 2 slow ${RENSA_SLOW_TEST_TIMEOUT_S} "*LifetimeSlowTest.*")
  endif()
  # A job whose ranks fail on purpose; tests/fates/fates.sh runs it.
  add_executable(fate tests/fates/fate.cpp)
  rensa_program(fate)
  target_link_libraries(fate PRIVATE rensa_comm rensa_core Threads::Threads)
  # A training run with a planted straggler; tests/slow/stragglers_test.sh runs it.
  add_executable(planted tests/stragglers/planted.cpp)
  rensa_program(planted)
  target_link_libraries(planted PRIVATE rensa_trainer rensa_comm rensa_core Threads::Threads)
endif()

# Logits of a network from a file of weights; scripts/evidence/7/weights compares them with PyTorch's.
# Losses from given weights on given batches; scripts/evidence/7/losses.
foreach(program logits follow)
  add_executable(${program} tests/weights/${program}.cpp)
  rensa_program(${program})
  target_link_libraries(${program} PRIVATE rensa_core)
endforeach()

# The batches of a training; scripts/evidence/8/curve gives them to PyTorch.
add_executable(batches tests/training/batches.cpp)
rensa_program(batches)
target_link_libraries(batches PRIVATE ${RENSA_TOOLS_OBJECTS} rensa_trainer rensa_comm rensa_core Boost::program_options
                      spdlog::spdlog)

# Reads files of weights that were changed at random; scripts/evidence/7/fuzz. The corpus is a test.
add_executable(weight_files tests/fuzz/weight_files.cpp)
rensa_program(weight_files)
target_link_libraries(weight_files PRIVATE rensa_core)
file(GLOB fuzz_corpus CONFIGURE_DEPENDS tests/fuzz/corpus/*.npz tests/fuzz/corpus/*.safetensors tests/fixtures/chainer/*.npz)
add_test(NAME weight_files_corpus COMMAND weight_files 5 1 ${fuzz_corpus})
set_tests_properties(weight_files_corpus PROPERTIES LABELS unit TIMEOUT ${RENSA_TEST_TIMEOUT_S})

# Random views and indices of arrays beside a model of plain lists; scripts/evidence/6/fuzz.
add_executable(array_views tests/fuzz/array_views.cpp tests/fuzz/array_model.cpp)
rensa_program(array_views)
target_link_libraries(array_views PRIVATE rensa_core)
add_test(NAME array_views COMMAND array_views 0 1)
set_tests_properties(array_views PROPERTIES LABELS unit TIMEOUT ${RENSA_TEST_TIMEOUT_S})

# Faults that tests/multinode/doctor_test.sh plants on emulated hosts: libraries that are preloaded there.
if(RENSA_MPI_FOUND AND NOT RENSA_SANITIZE)
  foreach(fault shifted_clock other_onednn fewer_threads)
    add_library(fault_${fault} MODULE tests/multinode/faults/${fault}.cpp)
    rensa_compile_options(fault_${fault})
    target_link_libraries(fault_${fault} PRIVATE MPI::MPI_CXX ${CMAKE_DL_LIBS})
    target_include_directories(fault_${fault} PRIVATE $<TARGET_PROPERTY:DNNL::dnnl,INTERFACE_INCLUDE_DIRECTORIES>)
    set_target_properties(fault_${fault} PROPERTIES OUTPUT_NAME ${fault} LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/faults)
  endforeach()
endif()

# Scripts that judge whole programs: tests/FOLDER/NAME_test.sh, status 0 for passed and 77 for skipped. They run the
# command named by $RENSA_EXECUTABLE and are labelled unit, or as the folder says.
file(GLOB_RECURSE test_scripts CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} tests/*_test.sh)
foreach(path IN LISTS test_scripts)
  string(REGEX REPLACE "^tests/(.*)\\.sh$" "\\1" name ${path})
  string(REGEX MATCH "^[a-z]+" folder ${name})
  set(label unit)
  set(limit_s ${RENSA_TEST_TIMEOUT_S})
  if(folder MATCHES "^(mpi|multinode|gpu|slow)$")
    set(label ${folder})
    math(EXPR limit_s "${RENSA_TEST_TIMEOUT_S} * 3")
  endif()
  if(folder STREQUAL "slow")
    set(limit_s ${RENSA_SLOW_TEST_TIMEOUT_S})
  endif()
  add_test(NAME ${name} COMMAND bash ${PROJECT_SOURCE_DIR}/${path})
  set(processors 2)
  if(name MATCHES "fates")  # waits for most of its time
    set(processors 1)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${limit_s} SKIP_RETURN_CODE 77 PROCESSORS ${processors}
    ENVIRONMENT "${RENSA_TEST_ENVIRONMENT};RENSA_EXECUTABLE=${PROJECT_BINARY_DIR}/rensa;RENSA_BUILD_DIR=${PROJECT_BINARY_DIR};RENSA_SOURCE_DIR=${PROJECT_SOURCE_DIR};RENSA_MPIEXEC=${MPIEXEC_EXECUTABLE}")
  if(label STREQUAL "multinode" AND processors EQUAL 2)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
endforeach()

# The programs of docs/examples, as example_<name>: tests/networks trains with them. They include what an installed tree has.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include/rensa SYMBOLIC)
file(GLOB example_sources CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/docs/examples ${PROJECT_SOURCE_DIR}/docs/examples/*/main.cpp)
foreach(source IN LISTS example_sources)
  string(REPLACE "/main.cpp" "" example ${source})
  add_executable(example_${example} docs/examples/${source})
  rensa_program(example_${example})
  target_include_directories(example_${example} PRIVATE ${PROJECT_BINARY_DIR}/include)
  target_link_libraries(example_${example} PRIVATE rensa_trainer rensa_comm rensa_core)
endforeach()
