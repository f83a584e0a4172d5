# The command `rensa`. Everything but its main is compiled once and linked into the tests too.
rensa_sources(tool_sources tools)
list(REMOVE_ITEM tool_sources tools/main.cpp)
set(RENSA_TOOLS_OBJECTS "")
if(tool_sources)
  add_library(rensa_tools OBJECT ${tool_sources})
  rensa_compile_options(rensa_tools)
  rensa_precompile_headers(rensa_tools <nlohmann/json.hpp>)
  target_link_libraries(rensa_tools PUBLIC rensa_trainer rensa_comm rensa_core Boost::program_options spdlog::spdlog
                        nlohmann_json::nlohmann_json Threads::Threads OpenMP::OpenMP_CXX)
  set(RENSA_TOOLS_OBJECTS rensa_tools)
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/tools/main.cpp)
  add_executable(rensa tools/main.cpp)
  rensa_program(rensa)
  target_link_libraries(rensa PRIVATE ${RENSA_TOOLS_OBJECTS} rensa_trainer rensa_comm rensa_core
                        Boost::program_options spdlog::spdlog)
  install(TARGETS rensa RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # Finds what keeps `rensa` from starting, so it is a script beside it.
  file(COPY tools/doctor/rensa-doctor DESTINATION ${PROJECT_BINARY_DIR})
  install(PROGRAMS tools/doctor/rensa-doctor DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
