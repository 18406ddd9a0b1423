// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace holdfast {

// Remembers where argv lies; call first thing in main, before anything is copied from it.
void InitProcessTitle(int argc, char** argv);

// What ps shows ("holdfast: worker resnet50/1 #3"), and, cut to 15 bytes, the kernel's name of the
// process ("hf-worker"), which an out-of-memory report uses.
void SetProcessTitle(std::string_view title, std::string_view short_name);

}  // namespace holdfast
