# Reference pages from the headers' comments: cmake --build build --target docs. scripts/documentation also installs Doxygen
# and looks for classes and functions without a comment.
find_package(Doxygen REQUIRED)
add_custom_target(docs COMMAND ${CMAKE_COMMAND} -E make_directory build COMMAND Doxygen::doxygen docs/Doxyfile
                  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM)
