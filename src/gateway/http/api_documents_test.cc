// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/api_documents.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/reason.h"
#include "gateway/http/routes.h"

namespace holdfast {
namespace {

std::vector<std::string> LinesOf(const std::string& document) {
  const auto root = std::filesystem::path(__FILE__).parent_path() / "../../..";
  std::ifstream file(root / "api" / document);
  EXPECT_TRUE(file) << document;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// "| A | B |" → "A", "B"; nothing for a line that is no row.
std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t begin = line.starts_with("| ") ? 1 : line.size();
  for (std::size_t end = 0; (end = line.find('|', begin)) != std::string::npos; begin = end + 1) {
    cells.push_back(line.substr(begin + 1, end - begin - 2));
  }
  return cells;
}

std::string RetryWord(Retry retry) {
  switch (retry) {
    case Retry::kNo:
      return "no";
    case Retry::kOnce:
      return "once";
    case Retry::kAfterHint:
      return "after the hint";
    case Retry::kWithLargerDeadline:
      return "with a larger deadline";
  }
  return "";
}

TEST(ErrorsDocument, HasTheTableOfTheCodeLineByLine) {
  const std::vector<std::string> lines = LinesOf("errors.md");
  auto line =
      std::ranges::find_if(lines, [](const std::string& l) { return l.starts_with("| OK"); });
  std::uint32_t number = 0;
  for (; ReasonFromNumber(number) && line != lines.end(); ++number, ++line) {
    const ReasonEntry& entry = Describe(*ReasonFromNumber(number));
    const std::vector<std::string> cells = Cells(*line);
    ASSERT_EQ(cells.size(), 7U) << *line;
    EXPECT_EQ(cells[0], entry.word);
    EXPECT_EQ(cells[1], entry.http == 0 ? "–" : std::to_string(entry.http)) << entry.word;
    EXPECT_TRUE(cells[2].starts_with(fmt::format("{} ", entry.grpc))) << entry.word;
    EXPECT_EQ(cells[3], RetryWord(entry.retry)) << entry.word;
    EXPECT_EQ(cells[4], std::to_string(entry.exit_code)) << entry.word;
    EXPECT_TRUE(cells[5].ends_with('.')) << entry.word;
    EXPECT_TRUE(cells[6].ends_with('.')) << entry.word;
  }
  EXPECT_FALSE(ReasonFromNumber(number)) << "errors.md ends too early";
  EXPECT_TRUE(line == lines.end() || !line->starts_with("| ")) << "errors.md has more: " << *line;
}

// "path method", from the document's indentation.
std::vector<std::string> DocumentedOperations() {
  std::vector<std::string> operations;
  std::string path;
  for (const std::string& line : LinesOf("openapi.yaml")) {
    if (line.starts_with("  /") && line.ends_with(':')) path = line.substr(2, line.size() - 3);
    if (path.empty() || !line.starts_with("    ") || line[4] == ' ') continue;
    const std::string method = line.substr(4, line.find(':') - 4);
    if (method == "get" || method == "post" || method == "put" || method == "delete")
      operations.push_back(path + ' ' + method);
  }
  std::ranges::sort(operations);
  return operations;
}

TEST(OpenApiDocument, HasExactlyThePathsAndMethodsOfTheRouter) {
  std::vector<std::string> routed;
  for (const EndpointPath& entry : EndpointPaths()) {
    if (entry.allow.find("GET") != std::string_view::npos) {
      routed.push_back(fmt::format("{} get", entry.path));
    }
    if (entry.allow.find("POST") != std::string_view::npos) {
      routed.push_back(fmt::format("{} post", entry.path));
    }
    if (entry.allow.find("PUT") != std::string_view::npos) {
      routed.push_back(fmt::format("{} put", entry.path));
    }
    if (entry.allow.find("DELETE") != std::string_view::npos) {
      routed.push_back(fmt::format("{} delete", entry.path));
    }
  }
  std::ranges::sort(routed);
  routed.erase(std::unique(routed.begin(), routed.end()),
               routed.end());  // TorchServe's, SageMaker's.
  EXPECT_EQ(DocumentedOperations(), routed);
}

TEST(EndpointPaths, AreResolvedToTheirEndpoints) {
  for (const EndpointPath& entry : EndpointPaths()) {
    std::string path(entry.path);
    for (const auto& [name, value] :
         {std::pair("{model}", "m"), std::pair("{version}", "1"), std::pair("{label}", "stable"),
          std::pair("{document}", "openapi.json")}) {
      if (const std::size_t at = path.find(name); at != std::string::npos) {
        path.replace(at, std::string_view(name).size(), value);
      }
    }
    if (entry.endpoint == Endpoint::kModelLabel) path += "?version=1";
    const std::string method(entry.allow.substr(0, entry.allow.find(',')));
    const ModelsFace models = entry.models.value_or(ModelsFace::kTorchServe);
    const auto route = ResolveRoute(method, path, Audience::kAdmin, models);
    ASSERT_TRUE(route) << path;
    EXPECT_EQ(route->endpoint, entry.endpoint) << path;
    if (entry.audience == Audience::kAdmin) {
      const auto hidden = ResolveRoute(method, path);
      ASSERT_FALSE(hidden) << path;
      EXPECT_EQ(hidden.error().error.reason, Reason::kNotFound) << path;
    }
  }
}

std::string_view HeaderOf(const HttpAnswer& answer, std::string_view name) {
  const auto found = std::ranges::find(answer.headers, name, [](const auto& h) { return h.first; });
  return found == answer.headers.end() ? "" : std::string_view(found->second);
}

TEST(AnswerApiDocument, ShowsTheFilesOfTheApi) {
  for (const EmbeddedDocument& document : ApiDocuments()) {
    const auto route = ResolveRoute("GET", fmt::format("/api/{}", document.name));
    ASSERT_TRUE(route) << document.name;
    const HttpAnswer answer = AnswerApiDocument(*route, "", "id");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.content_type, document.media_type);
    EXPECT_EQ(HeaderOf(answer, "ETag"), document.entity_tag);
    if (document.name.ends_with(".proto")) {
      std::string text;
      for (const std::string& line : LinesOf(std::string(document.name))) text += line + '\n';
      EXPECT_EQ(answer.body, text) << document.name;
    } else {
      EXPECT_TRUE(answer.body.starts_with(R"({"openapi":"3.)")) << document.name;
      EXPECT_EQ(answer.body, AnswerApiDocument(*ResolveRoute("GET", "/openapi.json"), "", "").body);
    }
  }
}

TEST(AnswerApiDocument, IsNotSentToClientsThatHaveIt) {
  const Route route = *ResolveRoute("GET", "/openapi.json");
  const std::string tag(HeaderOf(AnswerApiDocument(route, "", ""), "ETag"));
  for (const std::string& known :
       {tag, "W/" + tag, "\"x\", " + tag, tag + " ,\"x\"", std::string("*")}) {
    EXPECT_EQ(AnswerApiDocument(route, known, "").status, 304) << known;
  }
  for (const std::string& other :
       {std::string(), std::string("\"x\""), std::string(", ,"), tag + "x"}) {
    EXPECT_EQ(AnswerApiDocument(route, other, "").status, 200) << other;
  }
}

TEST(AnswerApiDocument, NamesTheDocumentsWhereThereIsNoSuchOne) {
  const auto route = ResolveRoute("GET", "/api/none");
  ASSERT_TRUE(route);
  const HttpAnswer answer = AnswerApiDocument(*route, "*", "id");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.body, testing::HasSubstr("inference.proto"));
}

}  // namespace
}  // namespace holdfast
