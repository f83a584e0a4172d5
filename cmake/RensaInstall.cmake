# cmake --install, and find_package(rensa COMPONENTS core comm trainer) for those who use the installed tree.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rensa)

foreach(name core comm trainer)
  install(TARGETS rensa_${name} EXPORT rensa_${name}_targets
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(EXPORT rensa_${name}_targets NAMESPACE rensa:: DESTINATION ${package_dir} FILE rensa_${name}_targets.cmake)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${name})
    install(DIRECTORY ${name} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/rensa FILES_MATCHING PATTERN "*.h")
  endif()
endforeach()
if(EXISTS ${PROJECT_SOURCE_DIR}/configs)
  install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/rensa)
endif()

configure_package_config_file(cmake/rensa-config.cmake.in ${PROJECT_BINARY_DIR}/rensa-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rensa-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rensa-config.cmake ${PROJECT_BINARY_DIR}/rensa-config-version.cmake
        DESTINATION ${package_dir})
