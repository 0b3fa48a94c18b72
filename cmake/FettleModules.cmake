# fettle_module(NAME RANK n [LINKS module...] [USES library...] [EXCLUDE regex]): a static library from src/NAME/**, its
# tests from *_test.cc; sources in testing/ are a library that only tests of it and of modules above it link. LINKS are modules of a strictly lower rank; USES are third-party targets, private to the module.
# Sources that match EXCLUDE belong to a library of their own, for the few programs that need it. APART: never a unity
# build, since its sources use the same names on purpose (the routes of each kind of object: get, create, remove).
include(GoogleTest)

function(fettle_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "APART" "RANK;EXCLUDE" "LINKS;USES")
  set(folder ${CMAKE_SOURCE_DIR}/src/${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cc)
  if(arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${arg_EXCLUDE}")
  endif()
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  set(helpers ${sources})
  list(FILTER helpers INCLUDE REGEX "/testing/")
  list(FILTER sources EXCLUDE REGEX "/testing/")

  foreach(link ${arg_LINKS})
    get_property(link_rank GLOBAL PROPERTY FETTLE_RANK_${link})
    if("${link_rank}" STREQUAL "" OR NOT link_rank LESS arg_RANK)
      message(FATAL_ERROR "module '${name}' (rank ${arg_RANK}) may not link '${link}' (rank ${link_rank}): "
                          "only modules of a strictly lower rank; see ARCHITECTURE.md, section 3")
    endif()
  endforeach()
  set_property(GLOBAL PROPERTY FETTLE_RANK_${name} ${arg_RANK})
  set_property(GLOBAL APPEND PROPERTY FETTLE_MODULES ${name})

  list(TRANSFORM arg_LINKS PREPEND fettle_ OUTPUT_VARIABLE links)
  if(NOT sources)
    set(sources ${CMAKE_SOURCE_DIR}/cmake/empty.cc)
  endif()
  add_library(fettle_${name} STATIC ${sources})
  target_include_directories(fettle_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(fettle_${name} PUBLIC ${links} PRIVATE fettle_flags ${arg_USES})
  if(FETTLE_UNITY AND NOT arg_APART)
    set_target_properties(fettle_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()

  if(helpers AND NOT FETTLE_FUZZ)
    add_library(fettle_${name}_testing STATIC ${helpers})
    target_link_libraries(fettle_${name}_testing PUBLIC fettle_${name} GTest::gtest PRIVATE fettle_flags ${arg_USES})
  endif()

  if(tests AND NOT FETTLE_FUZZ)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE fettle_${name} fettle_flags GTest::gmock GTest::gtest_main)
    foreach(module ${name} ${arg_LINKS})
      if(TARGET fettle_${module}_testing)
        target_link_libraries(${name}_test PRIVATE fettle_${module}_testing)
      endif()
    endforeach()
    target_compile_definitions(${name}_test PRIVATE FETTLE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}. TEST_FILTER "-*/Postgresql" NO_PRETTY_VALUES
      DISCOVERY_MODE PRE_TEST
      PROPERTIES TIMEOUT 300 ENVIRONMENT OMP_WAIT_POLICY=passive)  # trainer threads must not spin beside other tests
    if("sql" IN_LIST arg_LINKS OR name STREQUAL "sql")  # in one program, which starts PostgreSQL once
      add_test(NAME ${name}.postgresql COMMAND ${name}_test "--gtest_filter=*/Postgresql")
      set_tests_properties(${name}.postgresql PROPERTIES TIMEOUT 300)
    endif()
  endif()
endfunction()

function(fettle_print_modules)
  get_property(modules GLOBAL PROPERTY FETTLE_MODULES)
  set(lines "")
  foreach(module ${modules})
    get_property(rank GLOBAL PROPERTY FETTLE_RANK_${module})
    get_target_property(links fettle_${module} INTERFACE_LINK_LIBRARIES)
    string(REGEX REPLACE "\\$<LINK_ONLY:[^;]*>;?" "" links "${links}")
    string(REPLACE "fettle_" "" links "${links}")
    string(REPLACE ";" " " links "${links}")
    string(APPEND lines "${module} ${rank} ${links}\n")
  endforeach()
  file(WRITE ${CMAKE_BINARY_DIR}/modules.txt "${lines}")  # read by tools/check_layers.py
endfunction()
