// SPDX-License-Identifier: Apache-2.0
// Runs the executables of this build, as a user would.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "apps/version_report.h"
#include "base/build_id.h"
#include "os/process.h"
#include "testing/temp_dir.h"

namespace holdfast {
namespace {

struct Outcome {
  int exit_code;
  std::string out;
  std::string err;
};

// `environment` is what a shell takes before a command: "A=1 B=2".
Outcome Invoke(const std::string& words, const std::string& environment = "") {
  const TempDir folder;
  const std::string out = (folder.path() / "out").string();
  const std::string err = (folder.path() / "err").string();
  const auto begin = std::chrono::steady_clock::now();
  const std::string line = "env -u HOLDFAST_CONFIG " + environment + " " +
                           (ExecutableFolder().value() / "holdfast").string() + " " + words + " >" +
                           out + " 2>" + err + " </dev/null";
  const int status = std::system(line.c_str());
  // A second is promised; sanitizers and a busy machine get more.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10)) << words;
  return {WEXITSTATUS(status), ReadWholeFile(out), ReadWholeFile(err)};
}

void ExpectRefusal(const Outcome& outcome, int exit_code, const std::string& word) {
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("holdfast: ")) << outcome.err;
  EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
  EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
}

TEST(Executables, RefuseWithTheCodeOfTheKindInOneLine) {
  const TempDir folder;
  const std::string bad = folder.Write("bad.toml", "wrkers = 1\n").string();
  const std::string file = folder.Write("file", "x").string();
  ExpectRefusal(Invoke("srve"), 64, "try 'holdfast serve'");
  ExpectRefusal(Invoke("serve --htp-port 1"), 64, "try --http-port");
  ExpectRefusal(Invoke("serve", "HOLDFAST_WORKRS=1"), 64, "try HOLDFAST_WORKERS");
  ExpectRefusal(Invoke("serve --config " + bad), 78, "try workers");
  ExpectRefusal(Invoke("serve --config /nonexistent.toml"), 66, "no such file");
  ExpectRefusal(Invoke("serve --model-repository /nonexistent"), 66, "try --model-repository");
  ExpectRefusal(Invoke("serve --model_name m --model_base_path " + file), 66, "is no folder");
  ExpectRefusal(Invoke("healthcheck --url https://h/"), 64, "https");
  ExpectRefusal(Invoke("healthcheck", "HOLDFAST_HTTP_PORT=0"), 64, "--url");
  ExpectRefusal(Invoke("classify --server nonsense x.jpg"), 64, "try http://");
  ExpectRefusal(Invoke("classify --server http://127.0.0.1:9 /nonexistent.jpg"), 66, "nonexistent");
}

TEST(Executables, ReportEveryProblemOnItsOwnLine) {
  const Outcome outcome = Invoke("serve --htp-port 1 --workers many", "HOLDFAST_WORKRS=1");
  EXPECT_EQ(outcome.exit_code, 64);
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 3) << outcome.err;
}

TEST(Executables, HealthcheckSaysInOneLineThatNothingAnswers) {
  // Port 9 is "discard": nothing listens there.
  const Outcome outcome = Invoke("healthcheck --timeout 2", "HOLDFAST_HTTP_PORT=9");
  ExpectRefusal(outcome, 1, "127.0.0.1:9");
  EXPECT_EQ(outcome.out, "");
}

TEST(Executables, ClassifyByAServerKeepsGoingAfterAFileThatFails) {
  const Outcome outcome = Invoke("classify --json --server http://127.0.0.1:9 /none /none2");
  EXPECT_EQ(outcome.exit_code, 66);
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 2) << outcome.out;
  EXPECT_NE(outcome.out.find("\"reason\":\"NOT_FOUND\""), std::string::npos) << outcome.out;
}

TEST(Executables, HelpNeedsNothingElse) {
  for (const char* words : {"", "--help", "serve --help", "help pack", "man", "completion bash"}) {
    const Outcome outcome = Invoke(words);
    EXPECT_EQ(outcome.exit_code, 0) << words;
    EXPECT_NE(outcome.out, "") << words;
    EXPECT_EQ(outcome.err, "") << words;
  }
}

TEST(Executables, VersionIsToldEvenWithoutTheWorker) {
  for (const char* words : {"version", "version --json", "--version"}) {
    const Outcome outcome = Invoke(words);
    EXPECT_NE(outcome.out.find(Version()), std::string::npos) << words;
    EXPECT_NE(outcome.out.find(BuildId()), std::string::npos) << words;
  }
}

TEST(VersionReport, ReadsBackWhatItWrites) {
  const EngineReport report{.build_id = "a-b", .engines = {{"onnxruntime", "1.2.3 cpu"}}};
  const EngineReport again = ParseEngineReport("noise\n" + FormatEngineReport(report));
  EXPECT_EQ(again.build_id, report.build_id);
  EXPECT_EQ(again.engines, report.engines);
}

}  // namespace
}  // namespace holdfast
