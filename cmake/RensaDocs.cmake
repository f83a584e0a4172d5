# Reference pages from the headers' comments: cmake --build build --target docs
find_package(Doxygen REQUIRED)
set(DOXYGEN_EXTRACT_ALL YES)
set(DOXYGEN_FILE_PATTERNS *.h)
set(DOXYGEN_QUIET YES)
doxygen_add_docs(docs core comm trainer)
