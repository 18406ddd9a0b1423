# Finds OpenVINO in HOLDFAST_OPENVINO (include/, lib/). Gives OpenVino::OpenVino. Its libraries are
# linked into the build tree's lib/ beside each other, as OpenVINO looks for its plugins there: with
# $ORIGIN in the run paths the tree can be moved.
find_path(OpenVino_INCLUDE_DIR openvino/openvino.hpp HINTS ${HOLDFAST_OPENVINO}/include)
mark_as_advanced(OpenVino_INCLUDE_DIR)
file(GLOB openvino_core "${HOLDFAST_OPENVINO}/lib/libopenvino.so.*")

file(GLOB openvino_tensorflow "${HOLDFAST_OPENVINO}/lib/libopenvino_tensorflow_frontend.so.*")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenVino
  REQUIRED_VARS OpenVino_INCLUDE_DIR openvino_core openvino_tensorflow
  REASON_FAILURE_MESSAGE "Set HOLDFAST_OPENVINO to its folder, or to nothing to build without it.")

if(OpenVino_FOUND AND NOT TARGET OpenVino::OpenVino)
  file(GLOB openvino_libraries "${HOLDFAST_OPENVINO}/lib/*")
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
  foreach(library IN LISTS openvino_libraries)
    cmake_path(GET library FILENAME name)
    # Hard links: 100 MB that every build tree needs and none changes.
    file(CREATE_LINK "${library}" "${CMAKE_BINARY_DIR}/lib/${name}" COPY_ON_ERROR)
  endforeach()
  cmake_path(GET openvino_core FILENAME openvino_soname)
  file(STRINGS "${OpenVino_INCLUDE_DIR}/openvino/core/version.hpp" openvino_numbers
       REGEX "#define OPENVINO_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX MATCHALL "[0-9]+" openvino_numbers "${openvino_numbers}")
  list(JOIN openvino_numbers "." OpenVino_VERSION)
  add_library(OpenVino::OpenVino SHARED IMPORTED GLOBAL)
  set_target_properties(OpenVino::OpenVino PROPERTIES
    IMPORTED_LOCATION "${CMAKE_BINARY_DIR}/lib/${openvino_soname}"
    IMPORTED_SONAME "${openvino_soname}"
    INTERFACE_INCLUDE_DIRECTORIES "${OpenVino_INCLUDE_DIR}")
  # Its reader of TensorFlow's files, for those whose reading we change.
  cmake_path(GET openvino_tensorflow FILENAME openvino_tensorflow_soname)
  add_library(OpenVino::TensorFlow SHARED IMPORTED GLOBAL)
  set_target_properties(OpenVino::TensorFlow PROPERTIES
    IMPORTED_LOCATION "${CMAKE_BINARY_DIR}/lib/${openvino_tensorflow_soname}"
    IMPORTED_SONAME "${openvino_tensorflow_soname}"
    INTERFACE_LINK_LIBRARIES OpenVino::OpenVino)
endif()
