// SPDX-License-Identifier: Apache-2.0
#include "os/process_title.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>

namespace holdfast {
namespace {

// The kernel shows the bytes from argv[0] on. The environment lies behind them and may be
// overwritten once it has been copied away.
std::span<char> g_title_room;

void MoveEnvironment() {
  std::size_t count = 0;
  while (environ[count] != nullptr) ++count;
  auto** moved = new char*[count + 1];  // Lives as long as the process.
  for (std::size_t i = 0; i < count; ++i) moved[i] = ::strdup(environ[i]);
  moved[count] = nullptr;
  environ = moved;
}

}  // namespace

void InitProcessTitle(int argc, char** argv) {
  if (argc == 0) return;
  char* end = argv[0];
  for (int i = 0; i < argc; ++i) {
    if (argv[i] == end) end += std::strlen(argv[i]) + 1;
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (*entry == end) end += std::strlen(*entry) + 1;
  }
  MoveEnvironment();
  g_title_room = {argv[0], static_cast<std::size_t>(end - argv[0])};
}

void SetProcessTitle(std::string_view title, std::string_view short_name) {
  ::prctl(PR_SET_NAME, std::string(short_name).c_str(), 0, 0, 0);
  if (g_title_room.empty()) return;
  const std::size_t length = std::min(title.size(), g_title_room.size() - 1);
  std::fill(g_title_room.begin(), g_title_room.end(), '\0');
  std::copy_n(title.data(), length, g_title_room.data());
}

}  // namespace holdfast
