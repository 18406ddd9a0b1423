# Finds ONNX Runtime: in HOLDFAST_ONNXRUNTIME (include/, lib/), else where the system has it.
# Gives OnnxRuntime::OnnxRuntime, a copy in the build tree's lib/: with $ORIGIN in the run paths the
# tree can be moved, and every executable uses the library that it was linked with.
find_path(OnnxRuntime_INCLUDE_DIR onnxruntime_cxx_api.h
          HINTS ${HOLDFAST_ONNXRUNTIME}/include PATH_SUFFIXES onnxruntime)
find_library(OnnxRuntime_LIBRARY onnxruntime HINTS ${HOLDFAST_ONNXRUNTIME}/lib)
mark_as_advanced(OnnxRuntime_INCLUDE_DIR OnnxRuntime_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OnnxRuntime
  REQUIRED_VARS OnnxRuntime_LIBRARY OnnxRuntime_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "Set HOLDFAST_ONNXRUNTIME to its folder, or run ./dev build, which gets it.")

if(OnnxRuntime_FOUND AND NOT TARGET OnnxRuntime::OnnxRuntime)
  file(REAL_PATH "${OnnxRuntime_LIBRARY}" onnxruntime_file)
  set(onnxruntime_copy "${CMAKE_BINARY_DIR}/lib/libonnxruntime.so.1")  # Its SONAME.
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
  file(COPY_FILE "${onnxruntime_file}" "${onnxruntime_copy}" ONLY_IF_DIFFERENT)
  add_library(OnnxRuntime::OnnxRuntime SHARED IMPORTED GLOBAL)
  set_target_properties(OnnxRuntime::OnnxRuntime PROPERTIES
    IMPORTED_LOCATION "${onnxruntime_copy}"
    IMPORTED_SONAME libonnxruntime.so.1
    INTERFACE_INCLUDE_DIRECTORIES "${OnnxRuntime_INCLUDE_DIR}")
endif()
