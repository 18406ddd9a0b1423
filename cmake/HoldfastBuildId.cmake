# Sets HOLDFAST_BUILD_ID: the same in all executables of one build, another one where sources,
# compiler or flags differ. Taken from contents alone, so that the same tree gives the same id.
# Like every configure-time value it is taken when CMake runs, not at each compilation.
set(identity "${PROJECT_VERSION}" "${CMAKE_CXX_COMPILER_ID}" "${CMAKE_CXX_COMPILER_VERSION}"
             "${CMAKE_BUILD_TYPE}" "${CMAKE_CXX_FLAGS}" "${HOLDFAST_SANITIZE}")
file(GLOB_RECURSE sources LIST_DIRECTORIES false RELATIVE ${PROJECT_SOURCE_DIR}
     ${PROJECT_SOURCE_DIR}/src/*.h ${PROJECT_SOURCE_DIR}/src/*.cc)
foreach(source ${sources})
  file(SHA256 ${PROJECT_SOURCE_DIR}/${source} digest)
  list(APPEND identity "${source}=${digest}")
endforeach()
string(SHA256 identity "${identity}")
string(SUBSTRING ${identity} 0 12 identity)

set(revision "")
if(EXISTS ${PROJECT_SOURCE_DIR}/.git)
  execute_process(COMMAND git -C ${PROJECT_SOURCE_DIR} rev-parse --short=10 HEAD
                  OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(revision)
  set(HOLDFAST_BUILD_ID "${revision}-${identity}")
else()
  set(HOLDFAST_BUILD_ID "${identity}")
endif()
