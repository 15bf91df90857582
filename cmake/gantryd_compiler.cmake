# One compiler decision for the whole tree.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15)
    message(FATAL_ERROR "gantryd needs clang 19 or g++ 15: older g++ silently miscompiles coroutines "
        "(found g++ ${CMAKE_CXX_COMPILER_VERSION}; use `cmake --preset dev`, or set CXX=clang++-19).")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# One and the same position for programs and libraries, or they could not share precompiled headers.
add_compile_options(-fPIC)

find_program(GANTRYD_CCACHE ccache)
if(GANTRYD_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # What ccache's manual asks for with precompiled headers of clang.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${GANTRYD_CCACHE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()

add_library(gantryd_warnings INTERFACE)
target_compile_options(gantryd_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Woverloaded-virtual -Wnon-virtual-dtor -Werror
    # clang: `{.a = 1}` with the other members at their defaults is what designated initialisers are for
    -Wno-missing-field-initializers -Wno-missing-designated-field-initializers)

option(GANTRYD_SANITIZE "Build with address and undefined behaviour sanitizers" OFF)
if(GANTRYD_SANITIZE)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
endif()
if(GANTRYD_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
