# find_package(lowtide REQUIRED NO_CMAKE_FIND_ROOT_PATH)
# lowtide_network(NAME MODEL [CPU CPU] [BUDGET BYTES] [DEPENDS FILE..] [ARGS OPTION..])
#
#   add_executable(firmware main.c)                   main.c: #include "face.h" .. face_run();
#   lowtide_network(face face.tflite BUDGET 64KiB)
#   target_link_libraries(firmware PRIVATE face)
#
# Makes a static library NAME of the network in MODEL, by `lowtide fit` when it is built, and again when
# MODEL, a file of DEPENDS, an option or lowtide itself is another. ARGS are options of `lowtide fit`; files in
# them are looked for from the folder of the CMakeLists.txt. CPU is that of --cpu; LOWTIDE_CPU, a variable
# that a toolchain file may set, is in its place where it is not given. LOWTIDE_EXECUTABLE is the command.
cmake_minimum_required(VERSION 3.20)

find_program(LOWTIDE_EXECUTABLE lowtide HINTS "${CMAKE_CURRENT_LIST_DIR}/../../../bin"
    "${CMAKE_CURRENT_LIST_DIR}/../../../Scripts" NO_CMAKE_FIND_ROOT_PATH)
if(NOT LOWTIDE_EXECUTABLE)
    set(lowtide_FOUND FALSE)
    set(lowtide_NOT_FOUND_MESSAGE "the command lowtide is not in PATH: -DLOWTIDE_EXECUTABLE=.../bin/lowtide")
    return()
endif()

include("${CMAKE_CURRENT_LIST_DIR}/lowtideLibrary.cmake")

function(lowtide_network NAME MODEL)
    cmake_parse_arguments(PARSE_ARGV 2 given "" "CPU;BUDGET" "DEPENDS;ARGS")
    if(given_UNPARSED_ARGUMENTS OR given_KEYWORDS_MISSING_VALUES)
        message(FATAL_ERROR "lowtide_network(${NAME}): '${given_UNPARSED_ARGUMENTS}"
            "${given_KEYWORDS_MISSING_VALUES}' is not understood; options of lowtide fit go behind ARGS")
    elseif(NOT CMAKE_C_COMPILER_LOADED)
        message(FATAL_ERROR "lowtide_network(${NAME}): the program is C: project(... LANGUAGES C)")
    endif()
    if(NOT given_CPU)
        set(given_CPU "${LOWTIDE_CPU}")
    endif()
    set(options ${given_ARGS})
    foreach(option IN ITEMS CPU BUDGET)
        if(given_${option})
            string(TOLOWER "${option}" word)
            list(APPEND options "--${word}" "${given_${option}}")
        endif()
    endforeach()

    get_filename_component(model "${MODEL}" ABSOLUTE)
    set(depends "${model}" "${LOWTIDE_EXECUTABLE}")
    foreach(file IN LISTS given_DEPENDS)
        get_filename_component(file "${file}" ABSOLUTE)
        list(APPEND depends "${file}")
    endforeach()
    set(out "${CMAKE_CURRENT_BINARY_DIR}/${NAME}-lowtide")
    # Not every generator looks at the command itself; this file is another where an option is.
    file(GENERATE OUTPUT "${out}.options" CONTENT "${options}")
    add_custom_command(
        OUTPUT "${out}/${NAME}.c" "${out}/${NAME}.h"
        COMMAND "${LOWTIDE_EXECUTABLE}" fit "${model}" -o "${out}" --name "${NAME}" --quiet ${options}
        DEPENDS ${depends} "${out}.options"
        WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
        COMMENT "lowtide fit ${MODEL}"
        VERBATIM COMMAND_EXPAND_LISTS)

    lowtide_library(${NAME} "${out}" "${NAME}.c" "${NAME}.h")
endfunction()
