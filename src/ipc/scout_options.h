// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>

#include "base/result.h"
#include "ipc/mirror_options.h"
#include "ipc/port_credentials.h"
#include "ipc/role_arguments.h"
#include "model/model_folders.h"

namespace holdfast {

// What the supervisor tells a scout. Its descriptor 3 is the channel.
struct ScoutOptions {
  ModelFolders folders;
  std::filesystem::path config_file;  // That lists the models. Empty: there is none.
  bool file_is_old = false;           // `folders` are newer than what it holds now.
  MirrorOptions mirror;               // Where the folders' content comes from.
  PortCredentials credential_files;
  std::chrono::milliseconds period{2000};  // 0: it looks when it is asked, and else never.
};
RoleArguments ToArguments(const ScoutOptions& options);
Result<ScoutOptions> ScoutOptionsFrom(const RoleArguments& arguments);

constexpr int kScoutChannelFd = 3;

}  // namespace holdfast
