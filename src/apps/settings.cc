// SPDX-License-Identifier: Apache-2.0
#include "apps/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <type_traits>
#include <vector>

namespace holdfast {
namespace {

using C = ServerConfig;
constexpr std::int64_t kByteLimit = std::int64_t{1} << 40;
constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kUidMax = std::numeric_limits<std::uint32_t>::max() - 1;

constexpr std::array kSettings{
    Setting{"model_repository", "Models", "DIR", "",
            "Models to serve, laid out DIR/NAME/VERSION/: a folder, or s3://BUCKET/PREFIX.",
            &C::model_repository},
    Setting{"model_name", "Models", "NAME", "",
            "Name of the one model in --model-base-path. Without it: default.", &C::model_name},
    Setting{"model_base_path", "Models", "DIR", "",
            "One model, laid out DIR/VERSION/, likewise. Instead of --model-repository.",
            &C::model_base_path},
    Setting{"model_config_file", "Models", "FILE", "",
            "List of models, version policies and labels in TensorFlow Serving's text form.",
            &C::model_config_file},
    Setting{"default_model", "Models", "NAME", "",
            "The model that answers requests which name none. Needed only with several models.",
            &C::default_model},
    Setting{"model_version_policy", "Models", "POLICY", "",
            "Versions to serve of each model: latest:N, all, or specific:V,V.",
            &C::model_version_policy},
    Setting{"repository_poll_s", "Models", "N", "s",
            "How often to look for new versions, besides the kernel's hints. 0: only on SIGHUP.",
            &C::repository_poll_s, 0, kDaySeconds, "file_system_poll_wait_seconds"},
    Setting{
        "model_cache", "Models", "DIR", "",
        "Folder for models from S3 and for optimised graphs. Without it: /var/cache/holdfast, or "
        "one in the user's home.",
        &C::model_cache},
    Setting{"graph_cache", "Models", "on|off", "",
            "Keep packed models' graphs as optimised for this processor: the next start is quicker "
            "and takes less memory. Where no folder can be written to: off.",
            &C::graph_cache},
    Setting{"canary_percent", "Models", "N", "",
            "Share of the requests that a new version gets at first. 0: it takes over at once.",
            &C::canary_percent, 0, 100},
    Setting{"canary_window_s", "Models", "N", "s",
            "How long a new version is compared with the current one before it takes over.",
            &C::canary_window_s, 1, kDaySeconds},
    Setting{"canary_requests_min", "Models", "N", "",
            "How many requests a new version must have had before it takes over.",
            &C::canary_requests_min, 1, 1'000'000},
    Setting{"canary_disagreement_percent", "Models", "N", "",
            "On how many images a new version may say another class than the current one.",
            &C::canary_disagreement_percent, 0, 100},
    Setting{"model_control", "Models", "admin|public|sagemaker", "",
            "Where clients may load and unload models: on the operator's port, on all, or by "
            "SageMaker's calls.",
            &C::model_control},
    Setting{"multi_model_root", "Models", "DIR", "",
            "Folder that models come from by SageMaker's multi-model calls.", &C::multi_model_root},

    Setting{"bind_address", "Addresses", "IP", "",
            "Address to listen on; :: takes IPv6 and IPv4, 127.0.0.1 this machine only.",
            &C::bind_address},
    Setting{"http_port", "Addresses", "PORT", "", "Port for HTTP. 0 takes a free one.",
            &C::http_port, 0, 65535, "rest_api_port", "SAGEMAKER_BIND_TO_PORT"},
    Setting{"grpc_port", "Addresses", "PORT", "", "Port for gRPC. 0 takes a free one.",
            &C::grpc_port, 0, 65535, "port"},
    Setting{"admin_address", "Addresses", "IP", "",
            "Address of the operator's port: deaths and quarantine. Not for clients.",
            &C::admin_address},
    Setting{"admin_port", "Addresses", "PORT", "", "The operator's port. 0 takes a free one.",
            &C::admin_port, 0, 65535},
    Setting{"port_file", "Addresses", "FILE", "",
            "File for the ports, once bound: {\"http\":8080,\"grpc\":8500,\"admin\":8081}.",
            &C::port_file},

    Setting{"tls_certificate", "Access", "FILE", "",
            "PEM certificate, then its chain. With it HTTP and gRPC are served over TLS alone.",
            &C::tls_certificate},
    Setting{"tls_key", "Access", "FILE", "",
            "The certificate's private key, PEM, without a password.", &C::tls_key},
    Setting{"tls_client_ca", "Access", "FILE", "",
            "PEM authorities: clients must show a certificate of one of them (mTLS).",
            &C::tls_client_ca},
    Setting{"api_keys", "Access", "FILE", "",
            "Clients must show one of these keys. A line is NAME SHA256 [PER_SECOND [BURST]].",
            &C::api_keys},

    Setting{
        "workers",
        "Workers",
        "N",
        "",
        "Worker processes for each version. 0: one a core, and as many items as cores run at once.",
        &C::workers,
        0,
        256,
        {},
        "SAGEMAKER_MODEL_SERVER_WORKERS"},
    Setting{"sandbox", "Workers", "on|off|required", "",
            "Confine workers as far as the kernel allows, not at all, or fully or not start.",
            &C::sandbox},
    Setting{"worker_uid", "Workers", "UID", "",
            "User id that workers run as. Without it: the server's own.", &C::worker_uid, 1,
            kUidMax},
    Setting{"hang_floor_ms", "Workers", "N", "ms",
            "A worker is never called hung before this; above, the limit follows service time.",
            &C::hang_floor_ms, 10, kHourMs},
    Setting{"worker_growth_max", "Workers", "SIZE", "bytes",
            "A worker whose own memory has grown by more is replaced, between two images.",
            &C::worker_growth_max, 1 << 20, kByteLimit},
    Setting{"golden_interval_s", "Workers", "N", "s",
            "Workers that gave no answer for so long are asked with a golden example. 0: never.",
            &C::golden_interval_s, 0, kDaySeconds},
    Setting{"poison_dir", "Workers", "DIR", "",
            "Folder for images that killed two workers. Without it none is kept.", &C::poison_dir},
    Setting{
        "restarts_max", "Workers", "N", "",
        "Failed starts of a model or its workers within --restart-window-s before it is given up.",
        &C::restarts_max, 1, 10'000},
    Setting{"restart_window_s", "Workers", "N", "s", "The window of --restarts-max.",
            &C::restart_window_s, 1, kDaySeconds},

    Setting{"body_bytes_max", "Limits", "SIZE", "bytes", "Largest request body.",
            &C::body_bytes_max, 1024, std::int64_t{1} << 30},
    Setting{"grpc_message_bytes_max", "Limits", "SIZE", "bytes", "Largest message over gRPC.",
            &C::grpc_message_bytes_max, 1024, std::int64_t{1} << 30},
    Setting{
        "idempotency_bytes_max", "Limits", "SIZE", "bytes",
        "Memory for the answers to requests with an Idempotency-Key. 0: the header means nothing.",
        &C::idempotency_bytes_max, 0, std::int64_t{1} << 30},
    Setting{"image_pixels_max", "Limits", "N", "pixels",
            "Largest picture, width times height. Checked on its header.", &C::image_pixels_max, 1,
            1'000'000'000},
    Setting{"queue_items_max", "Limits", "N", "items",
            "Images that may wait for a worker; more are refused with 503.", &C::queue_items_max, 1,
            1'000'000},
    Setting{"queue_bytes_max", "Limits", "SIZE", "bytes",
            "Bytes of request bodies held at one time; more are refused with 503.",
            &C::queue_bytes_max, 1 << 20, kByteLimit},
    Setting{"connections_max", "Limits", "N", "connections",
            "Client connections at one time; 64 more are taken for probes, the rest waits.",
            &C::connections_max, 1, 1'000'000},

    Setting{"deadline_default_ms", "Time", "N", "ms",
            "Time for a request that brings no X-Request-Timeout-Ms.", &C::deadline_default_ms, 1,
            kHourMs, "rest_api_timeout_in_ms"},
    Setting{"deadline_max_ms", "Time", "N", "ms",
            "Longest time a request may ask for. Keep it below the load balancer's idle timeout.",
            &C::deadline_max_ms, 1, kHourMs},
    Setting{"header_timeout_s", "Time", "N", "s",
            "Time for a client to send a request's headers, once it has begun.",
            &C::header_timeout_s, 1, 3600},
    Setting{"body_bytes_per_second_min", "Time", "N", "bytes/s",
            "A client that sends its body slower than this is answered 408.",
            &C::body_bytes_per_second_min, 1, std::int64_t{1} << 30},
    Setting{"idempotency_lifetime_s", "Time", "N", "s",
            "How long the same Idempotency-Key gets the first answer again.",
            &C::idempotency_lifetime_s, 1, kDaySeconds},
    Setting{"keep_alive_s", "Time", "N", "s",
            "How long an idle connection stays open. Keep it above the load balancer's timeout.",
            &C::keep_alive_s, 1, kDaySeconds},
    Setting{"platform", "Time", "auto|none|sagemaker|ecs|beanstalk|ec2|kubernetes", "",
            "Where it runs: decides --drain-timeout-s and --lame-duck-s where they are not given.",
            &C::platform},
    Setting{"drain_timeout_s", "Time", "N", "s",
            "After SIGTERM: time to answer what has been accepted.", &C::drain_timeout_s, 0, 3600},
    Setting{"lame_duck_s", "Time", "N", "s",
            "After SIGTERM, before the drain: time to serve on while /readyz already says 503.",
            &C::lame_duck_s, 0, 3600},

    Setting{"log_format", "Logs", "auto|json|text", "",
            "Form of the log on stderr; auto is text on a terminal and JSON lines elsewhere.",
            &C::log_format},
    Setting{"log_level", "Logs", "debug|info|warning|error", "", "Least severe event to log.",
            &C::log_level},
    Setting{"access_log_percent", "Logs", "N", "",
            "Share of the requests that get a line. Failed and rescued ones get one anyway.",
            &C::access_log_percent, 0, 100},

    Setting{"service_name",
            "Metrics and traces",
            "NAME",
            "",
            "What they call this server: one name for all instances of an endpoint.",
            &C::service_name,
            0,
            0,
            {},
            "OTEL_SERVICE_NAME"},
    Setting{"emf_interval_s", "Metrics and traces", "N", "s",
            "How often metrics for CloudWatch are written to stdout. 0: never.", &C::emf_interval_s,
            0, 300},
    Setting{"trace_endpoint",
            "Metrics and traces",
            "URL",
            "",
            "An OpenTelemetry collector (OTLP/HTTP), such as http://127.0.0.1:4318.",
            &C::trace_endpoint,
            0,
            0,
            {},
            "OTEL_EXPORTER_OTLP_ENDPOINT"},
    Setting{"trace_percent", "Metrics and traces", "N", "",
            "Share of the requests that are traced where their client has not decided.",
            &C::trace_percent, 0, 100},
};

struct ByteUnit {
  std::string_view suffix;
  int shift;
};
constexpr std::array kByteUnits{ByteUnit{"GiB", 30}, ByteUnit{"MiB", 20}, ByteUnit{"KiB", 10}};

std::vector<std::string_view> Choices(const Setting& setting) {
  std::vector<std::string_view> choices;
  for (std::string_view rest = setting.value; !rest.empty();) {
    const std::size_t bar = std::min(rest.find('|'), rest.size());
    choices.push_back(rest.substr(0, bar));
    rest.remove_prefix(std::min(bar + 1, rest.size()));
  }
  return choices;
}

std::optional<std::int64_t> ReadNumber(const Setting& setting, std::string_view text) {
  int shift = 0;
  if (setting.unit == "bytes") {
    for (const ByteUnit& unit : kByteUnits) {
      if (text.ends_with(unit.suffix)) {
        text.remove_suffix(unit.suffix.size());
        shift = unit.shift;
        break;
      }
    }
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (number > (std::numeric_limits<std::int64_t>::max() >> shift) || number < 0) {
    return std::nullopt;
  }
  return number << shift;
}

std::string FormatNumber(const Setting& setting, std::int64_t number) {
  if (setting.unit == "bytes") {
    for (const ByteUnit& unit : kByteUnits) {
      if (number != 0 && number % (std::int64_t{1} << unit.shift) == 0) {
        return fmt::format("{}{}", number >> unit.shift, unit.suffix);
      }
    }
  }
  return std::to_string(number);
}

template <class T>
constexpr bool kIsText = std::is_same_v<T, std::string> || std::is_same_v<T, std::filesystem::path>;

template <class T>
std::optional<T> FromNumber(std::int64_t number) {
  if constexpr (std::is_same_v<T, std::optional<std::uint32_t>>) {
    return std::make_optional<T>(static_cast<std::uint32_t>(number));
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(number);
  } else {
    return T(number);
  }
}

template <class T>
std::optional<std::int64_t> ToNumber(const T& value) {
  if constexpr (std::is_same_v<T, std::optional<std::uint32_t>>) {
    return value ? std::make_optional<std::int64_t>(*value) : std::nullopt;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<std::int64_t>(value);
  } else {
    return value.count();
  }
}

// A secret may have been put into the wrong variable: show only enough to recognise a value.
std::string Quoted(std::string_view text) {
  constexpr std::size_t kShownMax = 64;
  return text.size() <= kShownMax ? fmt::format("\"{}\"", text)
                                  : fmt::format("\"{}…\"", text.substr(0, kShownMax));
}

}  // namespace

std::span<const Setting> Settings() { return kSettings; }

const Setting* FindSetting(std::string_view name) {
  const auto found = std::ranges::find(kSettings, name, &Setting::name);
  return found == kSettings.end() ? nullptr : &*found;
}

std::string FlagName(std::string_view setting_name) {
  std::string flag(setting_name);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

std::string VariableName(std::string_view setting_name) {
  std::string variable = "HOLDFAST_";
  for (const char c : setting_name) {
    variable += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return variable;
}

bool IsNumber(const Setting& setting) { return setting.max > 0; }

std::string DescribeValues(const Setting& setting) {
  if (IsNumber(setting)) {
    return fmt::format("{} to {}", FormatNumber(setting, setting.min),
                       FormatNumber(setting, setting.max));
  }
  const std::vector<std::string_view> choices = Choices(setting);
  if (choices.size() == 1) return setting.value == "DIR" ? "a folder" : "text";
  return fmt::format("{} or {}", fmt::join(choices.begin(), choices.end() - 1, ", "),
                     choices.back());
}

std::optional<std::string> AssignText(const Setting& setting, std::string_view text,
                                      ServerConfig& config) {
  if (text.empty()) return fmt::format("is empty; give {}", DescribeValues(setting));
  return std::visit(
      [&](auto member) -> std::optional<std::string> {
        using T = std::remove_cvref_t<decltype(config.*member)>;
        if constexpr (kIsText<T>) {
          if (text.find('\0') != std::string_view::npos) return "holds a zero byte";
          config.*member = T(text);
        } else if constexpr (std::is_enum_v<T>) {
          const std::vector<std::string_view> choices = Choices(setting);
          const auto found = std::ranges::find(choices, text);
          if (found == choices.end()) {
            return fmt::format("{} is none of {}", Quoted(text), DescribeValues(setting));
          }
          config.*member = static_cast<T>(found - choices.begin());
        } else {
          const std::optional<std::int64_t> number = ReadNumber(setting, text);
          if (!number || *number < setting.min || *number > setting.max) {
            return fmt::format("{} is not a whole number from {}", Quoted(text),
                               DescribeValues(setting));
          }
          config.*member = *FromNumber<T>(*number);
        }
        return std::nullopt;
      },
      setting.member);
}

std::string FormatValue(const Setting& setting, const ServerConfig& config) {
  return std::visit(
      [&](auto member) -> std::string {
        using T = std::remove_cvref_t<decltype(config.*member)>;
        if constexpr (std::is_same_v<T, std::filesystem::path>) {
          return (config.*member).string();
        } else if constexpr (kIsText<T>) {
          return config.*member;
        } else if constexpr (std::is_enum_v<T>) {
          return std::string(Choices(setting)[static_cast<std::size_t>(config.*member)]);
        } else {
          const std::optional<std::int64_t> number = ToNumber(config.*member);
          return number ? FormatNumber(setting, *number) : "";
        }
      },
      setting.member);
}

}  // namespace holdfast
