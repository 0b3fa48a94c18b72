# Language level, warnings, build types, sanitizers, ccache and mold.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)  # scanning silently disables unity builds
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(FETTLE_UNITY "Compile sources of a module in batches of 8" OFF)
option(FETTLE_FUZZ "Build the libFuzzer targets (needs Clang)" OFF)
set(FETTLE_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

set(CMAKE_CXX_FLAGS_DEV "-O1 -g1" CACHE STRING "" FORCE)  # project() has already made these, empty
set(CMAKE_C_FLAGS_DEV "-O1 -g1" CACHE STRING "" FORCE)
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG" CACHE STRING "" FORCE)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
add_link_options(-Wl,--as-needed)

add_library(fettle_flags INTERFACE)
# Designated initializers leave the other members at their defaults: that is what they are for.
if(NOT FETTLE_FUZZ)  # Clang warns of other things; GCC's presets are the judges
  # maybe-uninitialized misfires on std::variant and std::optional once they are optimised or instrumented.
  target_compile_options(fettle_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
                                                -Wno-missing-field-initializers -Wno-maybe-uninitialized)
endif()
if(FETTLE_UNITY)
  # A batch includes its sources, so GCC takes their anonymous namespaces for a header's.
  target_compile_options(fettle_flags INTERFACE -Wno-subobject-linkage)
endif()
if(FETTLE_SANITIZE)
  add_compile_options(-fsanitize=${FETTLE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FETTLE_SANITIZE})
  if(FETTLE_SANITIZE STREQUAL "thread")
    target_compile_options(fettle_flags INTERFACE -Wno-tsan)  # Asio's fences: TSan does not know them, Asio locks besides
  endif()
endif()
if(FETTLE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
