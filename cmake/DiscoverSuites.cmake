# Run by ctest when it starts: adds one entry per suite of a GoogleTest executable. The suite's name gives the label:
# ...GpuTest gpu, ...SlowTest slow, ...MultinodeTest multinode, all others unit.
if(NOT EXISTS ${executable})
  add_test(${target}_not_built ${executable})
  return()
endif()
execute_process(COMMAND ${executable} --gtest_list_tests OUTPUT_VARIABLE listing ERROR_VARIABLE errors
                RESULT_VARIABLE status TIMEOUT 60)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${target} --gtest_list_tests ended with ${status}:\n${listing}${errors}")
endif()
string(REPLACE ";" "," listing "${listing}")
string(REPLACE "\n" ";" listing "${listing}")
foreach(line IN LISTS listing)
  if(NOT line MATCHES "^([A-Za-z0-9_/]+)\\.")  # suites start a line, cases are indented
    continue()
  endif()
  set(suite ${CMAKE_MATCH_1})
  set(label unit)
  set(limit_s ${timeout_s})
  if(suite MATCHES "GpuTest")
    set(label gpu)
  elseif(suite MATCHES "MultinodeTest")
    set(label multinode)
  elseif(suite MATCHES "SlowTest")
    set(label slow)
    set(limit_s ${slow_timeout_s})
  endif()
  # A network in training has many short parallel regions; each would wait until another test lets go of a processor.
  set(suite_processors ${processors})
  if(suite MATCHES "Training")
    set(suite_processors 2)
  endif()
  add_test(${target}.${suite} ${executable} --gtest_filter=${suite}.* --gtest_brief=1)
  set_tests_properties(${target}.${suite} PROPERTIES LABELS ${label} TIMEOUT ${limit_s} PROCESSORS ${suite_processors}
    WORKING_DIRECTORY ${source_dir} ENVIRONMENT "${environment}"
    SKIP_REGULAR_EXPRESSION "RENSA: ALL SKIPPED")  # tests/support/all_skipped.h
endforeach()
