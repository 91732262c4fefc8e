# Compiler and linker flags. Hardening as the OpenSSF guide of 2026 has it, each probed because gcc 12 lacks some.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

option(SLUICE_WERROR "warnings are errors" OFF)
set(SLUICE_SANITIZE "" CACHE STRING "sanitizers, for -fsanitize=")
option(SLUICE_PLANTED "bugs in the code, to be found by the simulation: never for use" OFF)
option(SLUICE_COVERAGE "gcov instrumentation" OFF)

set(SLUICE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
    -Wmissing-prototypes -Wcast-qual -Wundef -Wvla -Wwrite-strings -Wformat=2 -Wswitch-enum
    -Wimplicit-fallthrough)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
    list(APPEND SLUICE_WARNINGS -Wno-string-conversion) # assert(!"what can't be")
endif()
if(SLUICE_WERROR)
    list(APPEND SLUICE_WARNINGS -Werror)
endif()
add_compile_definitions(_GNU_SOURCE)
add_compile_options(-fno-strict-aliasing -fno-delete-null-pointer-checks -fno-strict-overflow)

if(SLUICE_SANITIZE)
    # What gcc concludes from data flow is wrong in instrumented code; the other presets look at it.
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        list(APPEND SLUICE_WARNINGS -Wno-format-truncation -Wno-maybe-uninitialized)
    endif()
    add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=undefined)
    add_link_options(-fsanitize=${SLUICE_SANITIZE})
else()
    foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
            -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3)
        string(MAKE_C_IDENTIFIER "have${flag}" have)
        check_c_compiler_flag(${flag} ${have})
        if(${have})
            add_compile_options(${flag})
        endif()
    endforeach()
    add_compile_options($<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE>
        $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=3>)
    add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    include(CheckPIESupported)
    check_pie_supported()
endif()
if(SLUICE_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
    add_compile_definitions(SLUICE_COVERAGE) # test/lib/counted.h
endif()
# PLANTED(n) in the code is nothing but in a build for test/sim/planted.
if(SLUICE_PLANTED)
    add_compile_definitions(SLUICE_PLANTED)
    add_compile_options("$<$<COMPILE_LANGUAGE:C>:SHELL:-include ${CMAKE_SOURCE_DIR}/test/sim/planted.h>")
else()
    add_compile_options("$<$<COMPILE_LANGUAGE:C>:-DPLANTED(n)=0>")
endif()

# With optimization across files, objects hold usual code as well: the library can be linked by who has another compiler, and
# tools/check-fence can read them.
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    set(CMAKE_C_COMPILE_OPTIONS_IPO -flto=auto -ffat-lto-objects)
endif()
