# holdfast_precompile_test(TARGET): what every unit test includes is read once for all of them, which
# is a third of what compiling a test costs. Sources of src/ are never compiled so: each still shows
# that it includes what it uses.
function(holdfast_precompile_test target)
  target_link_libraries(${target} PRIVATE fmt::fmt)  # Whose definitions must be the same.
  target_precompile_headers(${target} REUSE_FROM holdfast_test_prelude)
  holdfast_test_options(${target})
endfunction()

function(holdfast_test_options target)
  # Tests are compiled more often than they run: what they test is optimised, they are not.
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1> $<$<CONFIG:Debug>:-O0>)
  # What ccache needs, to see through precompiled headers.
  target_compile_options(${target} PRIVATE
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
    "$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endfunction()

add_library(holdfast_test_prelude OBJECT ${CMAKE_CURRENT_LIST_DIR}/test_prelude.cc)
target_link_libraries(holdfast_test_prelude PRIVATE holdfast_options fmt::fmt GTest::gmock
                      GTest::gtest)
target_precompile_headers(holdfast_test_prelude PRIVATE <gmock/gmock.h> <gtest/gtest.h>
  <fmt/format.h> <algorithm> <chrono> <filesystem> <fstream> <functional> <map> <memory> <optional>
  <random> <set> <span> <sstream> <string> <string_view> <thread> <unordered_map> <variant> <vector>)
holdfast_test_options(holdfast_test_prelude)
