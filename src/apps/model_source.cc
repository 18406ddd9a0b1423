// SPDX-License-Identifier: Apache-2.0
#include "apps/model_source.h"

#include <fmt/format.h>

#include <string_view>
#include <system_error>

#include "ipc/mirror_options.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kInstalledModels = "/usr/share/holdfast/models";

bool IsFolder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

Status CheckFolder(const fs::path& folder, std::string_view flag, std::string_view layout) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (fs::is_directory(status)) return {};
  const std::string_view wrong = status.type() == fs::file_type::not_found ? "no such folder"
                                 : fs::exists(status)                      ? "is no folder"
                                                      : "cannot be read, check its permissions";
  return Error{Reason::kNotFound, fmt::format("{}: {}; try {} with a folder laid out {}",
                                              folder.string(), wrong, flag, layout)};
}

}  // namespace

std::optional<fs::path> DemoRepository(const fs::path& executable_folder) {
  const fs::path built = (executable_folder / "../../models").lexically_normal();
  if (IsFolder(built)) return built;
  if (IsFolder(kInstalledModels)) return fs::path(kInstalledModels);
  return std::nullopt;
}

Status ChooseModels(ServerConfig& config, const fs::path& executable_folder) {
  if (ModelsOnDemand(config.model_control)) return {};
  if (IsRemote(config.model_base_path.native()) || IsRemote(config.model_repository.native())) {
    return {};
  }
  if (!config.model_base_path.empty()) {
    return CheckFolder(config.model_base_path, "--model-base-path", "DIR/VERSION/");
  }
  if (!config.model_config_file.empty()) return {};  // Whoever reads it says what is wrong.
  if (config.model_repository.empty()) {
    const std::optional<fs::path> demo = DemoRepository(executable_folder);
    if (!demo) {
      return Error{Reason::kUsage,
                   "no model is configured and there is no demo model; try 'holdfast serve "
                   "--model-repository DIR', or make one with 'holdfast pack'"};
    }
    config.model_repository = *demo;
  }
  return CheckFolder(config.model_repository, "--model-repository", "DIR/NAME/VERSION/");
}

}  // namespace holdfast
