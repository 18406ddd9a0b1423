// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/add_request.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast {
namespace {

Result<AddOrder> Parse(const std::string& body) {
  return ParseAddRequest({reinterpret_cast<const std::uint8_t*>(body.data()), body.size()},
                         "/opt/ml/models");
}

TEST(AddRequest, IsSageMakersObjectWithOtherMembersLeftAlone) {
  const auto order =
      Parse(R"({"url":"/opt/ml/models/a1/model","tags":{"x":[1]},"model_name":"a1"})");
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(*order, (AddOrder{.model = "a1", .folder = "/opt/ml/models/a1/model"}));
}

TEST(AddRequest, RefusesWhatItIsNot) {
  for (const char* body :
       {"", "[]", "{}", "{", R"({"model_name":"a"})", R"({"model_name":1})",
        R"({"url":"/opt/ml/models/a"})", R"({"model_name":"a","url":["/opt/ml/models/a"]})"}) {
    const auto order = Parse(body);
    ASSERT_FALSE(order) << body;
    EXPECT_EQ(order.error().reason, Reason::kBadRequest) << body;
  }
}

TEST(AddRequest, TakesNoNameThatIsNone) {
  const std::vector<std::string> names{"", "../a", "a b", ".", std::string(200, 'a')};
  for (const std::string& name : names) {
    EXPECT_FALSE(Parse(R"({"url":"/opt/ml/models/a","model_name":")" + name + "\"}")) << name;
  }
}

TEST(AddRequest, TakesNoFolderBesideTheRoot) {
  for (const char* url :
       {"/proc/self", "/dev/shm", "/sys", "/opt/ml/models", "/opt/ml/models/",
        "/opt/ml/models/../input", "/opt/ml/modelsx/a", "opt/ml/models/a", "s3://bucket/a",
        "/opt/ml/models/a/../..", R"(/opt/ml/models/a\u0000/b)"}) {
    const auto order = Parse(R"({"model_name":"a","url":")" + std::string(url) + "\"}");
    ASSERT_FALSE(order) << url;
    EXPECT_EQ(order.error().reason, Reason::kBadRequest) << url;
  }
}

}  // namespace
}  // namespace holdfast
