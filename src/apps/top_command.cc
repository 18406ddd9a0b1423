// SPDX-License-Identifier: Apache-2.0
#include "apps/top_command.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <optional>

#include "apps/admin_commands.h"
#include "apps/failure.h"
#include "apps/top_text.h"
#include "os/signals.h"

namespace holdfast {
namespace {

constexpr std::chrono::seconds kLookTimeout{5};
// Another screen, so that what was there comes back; and no cursor.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kClearLine = "\x1b[K\n";
constexpr std::string_view kClearRest = "\x1b[J";

Result<TopView> Look(const HttpUrl& server, const std::optional<RemoteStatus>& last) {
  const std::string status = TRY(AskAdmin(server, "GET", "/debug/status", kLookTimeout));
  const std::string deaths = TRY(AskAdmin(server, "GET", "/debug/deaths", kLookTimeout));
  TopView view{.status = TRY(ParseStatus(status)), .change = {}, .deaths = {}};
  view.deaths = TRY(ParseDeaths(deaths));
  if (last) view.change = Between(*last, view.status);
  return view;
}

// Keys come one by one, and are not shown.
class Terminal {
 public:
  Terminal() {
    raw_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (raw_) {
      termios now = before_;
      now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
    }
    Write(kEnter);
  }
  ~Terminal() {
    Write(kLeave);
    if (raw_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void Show(const std::string& text) {
    std::string frame(kHome);
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      frame += rest.substr(0, end);
      frame += kClearLine;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    Write(frame + std::string(kClearRest));
  }

  static void Fit(TopView& view) {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return;
    view.columns = size.ws_col;
    view.lines = std::max<std::size_t>(size.ws_row, 2) - 1;
  }

 private:
  static void Write(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
  termios before_{};
  bool raw_ = false;
};

bool IsQuit() {
  char key = 0;
  return ::read(STDIN_FILENO, &key, 1) == 1 && (key == 'q' || key == 'Q' || key == '\x04');
}

// False: somebody wants it to end.
bool WaitFor(std::chrono::milliseconds time, const UniqueFd& signals) {
  const int keys = ::isatty(STDIN_FILENO) == 1 ? STDIN_FILENO : -1;
  std::array<pollfd, 2> waits{pollfd{.fd = signals.get(), .events = POLLIN, .revents = 0},
                              pollfd{.fd = keys, .events = POLLIN, .revents = 0}};
  if (::poll(waits.data(), waits.size(), static_cast<int>(time.count())) <= 0) return true;
  if (waits[1].revents != 0 && IsQuit()) return false;
  for (const int signal : ReadSignals(signals.get())) {
    if (signal != SIGWINCH) return false;
  }
  return true;  // It is drawn anew at once: in another size, perhaps.
}

int Watch(const HttpUrl& server, const TopCommand& command) {
  const Result<UniqueFd> signals = OpenSignals({SIGINT, SIGTERM, SIGHUP, SIGWINCH});
  if (!signals) return Fail(signals.error());
  Terminal terminal;
  std::optional<RemoteStatus> last;
  do {
    Result<TopView> view = Look(server, last);
    if (view) {
      Terminal::Fit(*view);
      terminal.Show(FormatTop(*view) + "q ends");
      last = std::move(view->status);
    } else {
      terminal.Show(fmt::format("{}\n\nIt is asked again; q ends", view.error().message));
    }
  } while (WaitFor(command.interval, *signals));
  return 0;
}

// What one look tells, and what happened in an interval.
int ShowOnce(const HttpUrl& server, const TopCommand& command) {
  Result<TopView> view = Look(server, std::nullopt);
  if (!view) return Fail(view.error());
  ::poll(nullptr, 0, static_cast<int>(command.interval.count()));
  view = Look(server, view->status);
  if (!view) return Fail(view.error());
  view->lines = 1'000;
  return Show(FormatTop(*view));
}

}  // namespace

int RunTop(const TopCommand& command) {
  const Result<HttpUrl> server = AdminServer(command.server);
  if (!server) return Fail(server.error());
  const bool once = command.once || ::isatty(STDOUT_FILENO) == 0;
  return once ? ShowOnce(*server, command) : Watch(*server, command);
}

}  // namespace holdfast
