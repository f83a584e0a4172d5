# Language level, build type and the flags every target shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Without a build type CMake compiles without optimisation, which a user would take for the framework's speed.
get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT multi_config AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

set(RENSA_COMPILE_OPTIONS "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  # One binary for every x86-64 since 2009; own vector kernels choose wider instructions when they run.
  list(APPEND RENSA_COMPILE_OPTIONS -march=x86-64-v2)
endif()

if(RENSA_SANITIZE)
  # Instrumented code confuses GCC's analysis of what is initialized (its manual says so) and of where objects end, in
  # the library's <regex> and <string> for two.
  list(APPEND RENSA_COMPILE_OPTIONS -fsanitize=${RENSA_SANITIZE} -fno-omit-frame-pointer -Wno-maybe-uninitialized -Wno-array-bounds)
  add_link_options(-fsanitize=${RENSA_SANITIZE})
  if(RENSA_SANITIZE MATCHES "undefined")
    list(APPEND RENSA_COMPILE_OPTIONS -fno-sanitize-recover=undefined)
  endif()
endif()

# An installed tree may be moved: programs find the libraries beside them. Libraries in unusual places (a BLAS chosen
# among several) keep the folder they were linked from.
set(CMAKE_INSTALL_RPATH "$ORIGIN;$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
