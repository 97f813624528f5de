# lowtide_library(NAME FOLDER FILE..): a static library NAME of files that lowtide wrote to FOLDER.
function(lowtide_library NAME FOLDER)
    list(TRANSFORM ARGN PREPEND "${FOLDER}/" OUTPUT_VARIABLE sources)
    add_library(${NAME} STATIC ${sources})
    target_include_directories(${NAME} PUBLIC "${FOLDER}")
    set_target_properties(${NAME} PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF)
    if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
        # What runs is a network and no code to step through: -O3 in Debug too; MinSizeRel keeps its -Os.
        target_compile_options(${NAME} PRIVATE $<$<NOT:$<CONFIG:MinSizeRel>>:-O3> -ffp-contract=fast)
        target_link_libraries(${NAME} PUBLIC m)
    endif()
endfunction()
