// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "gateway/http/face.h"

namespace holdfast {
namespace {

constexpr std::size_t kFew = 4;
constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n";
constexpr std::string_view kPngBase64 = "iVBORw0KGgo=";

// An image classifier whose items are 2 × 3 floats.
ServableDescription TinyServable() {
  ServableDescription servable;
  servable.key = {"tiny", 1};
  servable.signature.input = {"x", DType::kFloat32, {kAnyDim, 2, 3}};
  servable.signature.output = {"y", DType::kFloat32, {kAnyDim, 4}};
  return servable;
}

std::vector<float> Floats(const InferenceItem& item) {
  const ByteView bytes = item.bytes.view();
  std::vector<float> floats(bytes.size() / sizeof(float));
  if (!floats.empty()) std::memcpy(floats.data(), bytes.data(), bytes.size());
  return floats;
}

// What a call became: its form and its items, or the refusal.
std::string Outcome(const CallResult& call) {
  if (!call) {
    return std::to_string(Describe(call.error().reason).http) + ' ' + call.error().message;
  }
  constexpr std::array<std::string_view, 6> kForms{"image",   "rows",     "columns",
                                                   "classes", "protocol", "labels"};
  std::string text(kForms[static_cast<std::size_t>(call->form)]);
  for (const InferenceItem& item : call->items) {
    if (item.kind == ItemKind::kEncodedImage) {
      const ByteView bytes = item.bytes.view();
      text += std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == kPng
                  ? " png"
                  : " bytes";
      continue;
    }
    text += " [";
    for (const float number : Floats(item)) {
      char buffer[32];
      std::snprintf(buffer, sizeof buffer, "%g ", static_cast<double>(number));
      text += buffer;
    }
    text.back() = ']';
  }
  return text;
}

std::string Parsed(Endpoint endpoint, std::string_view content_type, std::string_view body) {
  Route route;
  route.endpoint = endpoint;
  HttpRequest request;
  request.content_type = content_type;
  request.body = ByteView(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
  return Outcome(ParseCall(route, request, TinyServable(), kFew));
}

// `body` with IMAGE standing for a small image in base64.
std::string Predicted(std::string body) {
  if (const std::size_t at = body.find("IMAGE"); at != std::string::npos) {
    body.replace(at, 5, kPngBase64);
  }
  return Parsed(Endpoint::kPredict, "application/json", body);
}

struct Case {
  std::string_view rule;
  std::string_view body;
  std::string_view expected;  // All of it, or its beginning for a refusal.
};

void CheckPredict(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const std::string found = Predicted(std::string(c.body));
    EXPECT_TRUE(found == c.expected || (found[0] == '4' && found.starts_with(c.expected)))
        << c.rule << ": " << c.body << "\n  found    " << found << "\n  expected " << c.expected;
  }
}

TEST(ParsePredict, TakesRowsAndColumnsOfNumbersAndImages) {
  CheckPredict({
      {"tfs-rest 2: row form", R"({"instances":[[[1,2,3],[4,5,6]]]})", "rows [1 2 3 4 5 6]"},
      {"tfs-rest 2: column form", R"({"inputs":[[[1,2,3],[4,5,6]]]})", "columns [1 2 3 4 5 6]"},
      {"tfs-rest 2: named rows", R"({"instances":[{"x":[[1,2,3],[4,5,6]]}]})",
       "rows [1 2 3 4 5 6]"},
      {"tfs-rest 2: named columns", R"({"inputs":{"x":[[[1,2,3],[4,5,6]]]}})",
       "columns [1 2 3 4 5 6]"},
      {"several items", R"({"instances":[[[1,1,1],[1,1,1]],[[2,2,2],[2,2,2]]]})",
       "rows [1 1 1 1 1 1] [2 2 2 2 2 2]"},
      {"tfs-rest 2: b64", R"({"instances":[{"b64":"IMAGE"}]})", "rows png"},
      {"tfs-rest 2: named b64", R"({"instances":[{"x":{"b64":"IMAGE"}}]})", "rows png"},
      {"the input of serving_bytes", R"({"instances":[{"image":{"b64":"IMAGE"}}]})", "rows png"},
      {"columns of images", R"({"inputs":[{"b64":"IMAGE"}]})", "columns png"},
      {"columns of images", R"({"inputs":{"image":[{"b64":"IMAGE"}]}})", "columns png"},
      {"a single image", R"({"inputs":{"b64":"IMAGE"}})", "columns png"},
      {"a single named image", R"({"inputs":{"image":{"b64":"IMAGE"}}})", "columns png"},
      {"images and numbers", R"({"instances":[{"b64":"IMAGE"},[[1,2,3],[4,5,6]]]})",
       "rows png [1 2 3 4 5 6]"},
      {"tfs-rest 8.4: unpadded base64", R"({"instances":[{"b64":"iVBORw0KGgo"}]})", "rows png"},
      {"JSON escapes in base64", R"({"instances":[{"b64":"iVBORw0KGg\u006f="}]})", "rows png"},
      {"tfs-rest 8.5: NaN and Infinity", R"({"instances":[[[NaN,Infinity,-Infinity],[4,5,6]]]})",
       "rows [nan inf -inf 4 5 6]"},
      {"tfs-rest 8.5: bytes after the document", "{\"inputs\":{\"b64\":\"IMAGE\"}} \x01garbage",
       "columns png"},
      {"tfs-rest 8.4: unknown keys", R"({"a":[{"b":[1]}],"inputs":{"b64":"IMAGE"},"c":null})",
       "columns png"},
      {"signature", R"({"signature_name":"serving_default","inputs":{"b64":"IMAGE"}})",
       "columns png"},
      {"signature after the items",
       R"({"inputs":{"b64":"IMAGE"},"signature_name":"serving_bytes"})", "columns png"},
      {"no signature", R"({"inputs":{"b64":"IMAGE"},"signature_name":""})", "columns png"},
      {"space", " \n{ \"instances\" : [ [ [ 1 , 2 , 3 ] , [ 4 , 5 , 6 ] ] ] } ",
       "rows [1 2 3 4 5 6]"},
  });
}

TEST(ParsePredict, NamesTheItemAndBothShapes) {
  const std::string expected = "; expected the shape [2,3]";
  EXPECT_EQ(Predicted(R"({"instances":[[[1,2,3],[4,5,6]],[[1,2],[3,4]]]})"),
            "400 instances[1] has the shape [2,2]" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[[1,2,3]]})"),
            "400 instances[0] has the shape [3]" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[[[1,2,3],[4,5,6],[7,8,9]]]})"),
            "400 instances[0] has the shape [3,3]" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[[[[1],[2],[3]],[[4],[5],[6]]]]})"),
            "400 instances[0] has the shape [2,3,1]" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[[[1,2,3],[4,5]]]})"),
            "400 instances[0] has ragged arrays" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[[[1,2,3],4]]})"),
            "400 instances[0] has ragged arrays" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[[1,[2,3,4]]]})"),
            "400 instances[0] has ragged arrays" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[[]]})"), "400 instances[0] has the shape [0]" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[[[],[]]]})"),
            "400 instances[0] has the shape [2,0]" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[5]})"), "400 instances[0] has a number" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[null]})"), "400 instances[0] has null" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[[[1,2,true],[4,5,6]]]})"),
            "400 instances[0] has the shape [2,3] with a boolean in it" + expected);
  EXPECT_EQ(Predicted(R"({"instances":[[["a",{"b":[1]},null],[4,5,6]]]})"),
            "400 instances[0] has the shape [2,3] with null in it" + expected);
  EXPECT_EQ(Predicted(R"({"inputs":[[1,2,3],[4,5,6]]})"),
            "400 inputs[0] has the shape [3]" + expected);
}

TEST(ParsePredict, RefusesWhatTensorFlowServingRefuses) {
  CheckPredict({
      {"empty body", "", "400 JSON parse error at byte 0: the document ends too early"},
      {"no JSON", "hello", "400 JSON parse error at byte 0"},
      {"no object", "[1]", "400 expected a JSON object, found the shape [1]"},
      {"tfs-rest 8.4: one of both", "{}", "400 expected \"instances\" or \"inputs\""},
      {"tfs-rest 8.4: one of both", R"({"instances":[{"b64":"IMAGE"}],"inputs":[]})",
       "400 expected either \"instances\" or \"inputs\", found both"},
      {"twice", R"({"inputs":{"b64":"IMAGE"},"inputs":[1]})", "400 \"inputs\" is given twice"},
      {"tfs-rest 8.4: empty list", R"({"instances":[]})", "400 \"instances\" is an empty list"},
      {"empty list", R"({"inputs":[]})", "400 \"inputs\" is an empty list"},
      {"no list", R"({"instances":{"b64":"IMAGE"}})", "400 \"instances\": expected a list"},
      {"no list", R"({"inputs":5})", "400 \"inputs\": expected a list"},
      {"tfs-rest 8.4: unknown signature", R"({"inputs":{"b64":"IMAGE"},"signature_name":"foo"})",
       "400 unknown signature \"foo\"; this model has serving_default and serving_bytes"},
      {"signature is text", R"({"signature_name":5})", "400 \"signature_name\": expected a string"},
      {"serving_bytes takes images",
       R"({"instances":[[[1,2,3],[4,5,6]]],"signature_name":"serving_bytes"})",
       "400 instances[0]: serving_bytes takes images"},
      {"tfs-rest 8.4: no b64 object", R"({"instances":[{"b64":"IMAGE","x":1}]})",
       "400 instances[0] names \"b64\""},
      {"no b64 object", R"({"instances":[{"b64":5}]})", "400 instances[0] names \"b64\""},
      {"unknown input", R"({"instances":[{"foo":[1]}]})", "400 instances[0] names \"foo\"; the "},
      {"several inputs", R"({"instances":[{"x":[[1,2,3],[4,5,6]],"z":1}]})",
       "400 instances[0] names several inputs"},
      {"several inputs", R"({"inputs":{"x":[[[1,2,3],[4,5,6]]],"z":1}})",
       "400 \"inputs\" names several inputs"},
      {"empty object", R"({"instances":[{}]})", "400 instances[0] is empty"},
      {"empty object", R"({"inputs":{}})", "400 \"inputs\" is empty"},
      {"plain text", R"({"instances":["IMAGE"]})", "400 instances[0] is a string"},
      {"object in an input", R"({"instances":[{"x":{"y":1}}]})", "400 instances[0]: expected num"},
      {"bad base64", R"({"instances":[{"b64":"IMAGE"},{"b64":"####"}]})",
       "400 instances[1]: byte 0x23 at position 0 is no base64 digit"},
      {"section 8: not an image 415", R"({"instances":[{"b64":"aGVsbG8="}]})",
       "415 instances[0]: not an image we read"},
      {"section 8: not an image 415", R"({"instances":[{"b64":""}]})", "415 instances[0]: not an"},
      {"too big for a float", R"({"instances":[[[1e39,2,3],[4,5,6]]]})",
       "400 instances[0] has a number too big for float32"},
      {"cut short", R"({"instances":[[[1,2,3],[4,5,)", "400 JSON parse error at byte 28"},
      {"cut short", R"({"instances":[{"b64":"IMAGE)", "400 JSON parse error"},
      {"cut short", R"({"inputs":{"x")", "400 JSON parse error"},
      {"too many",
       R"({"instances":[{"b64":"iVBORw0KGgo"},{"b64":"iVBORw0KGgo"},)"
       R"({"b64":"iVBORw0KGgo"},{"b64":"iVBORw0KGgo"},{"b64":"iVBORw0KGgo"}]})",
       "413 \"instances\": more than 4 in one request"},
      {"an image as body", kPng, "400 the body is an image"},
  });
}

TEST(ParsePredict, TakesAScalarWhereTheItemIsOne) {
  ServableDescription servable = TinyServable();
  servable.signature.input.shape = {kAnyDim};
  const std::string body = R"({"instances":[1.5,2]})";
  HttpRequest request;
  request.body = ByteView(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
  Route route;
  route.endpoint = Endpoint::kPredict;
  EXPECT_EQ(Outcome(ParseCall(route, request, servable, kFew)), "rows [1.5] [2]");
}

TEST(ParsePredict, CannotCheckAShapeThatIsFree) {
  ServableDescription servable = TinyServable();
  servable.signature.input.shape = {kAnyDim, 3, kAnyDim, kAnyDim};
  const std::string body = R"({"instances":[[1]]})";
  HttpRequest request;
  request.body = ByteView(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
  Route route;
  route.endpoint = Endpoint::kPredict;
  EXPECT_TRUE(Outcome(ParseCall(route, request, servable, kFew)).starts_with("501"));
}

TEST(ParsePredict, SurvivesHalfAMillionNestedBrackets) {  // tfs-rest 8.5
  for (const std::string start : {"", "{\"instances\":", "{\"instances\":[{\"x\":", "{\"foo\":"}) {
    std::string body = start + std::string(500'000, '[');
    EXPECT_TRUE(Predicted(body).starts_with("400")) << start;
  }
}

TEST(ParseClassify, TakesExamplesAndPlainImages) {
  const auto classified = [](std::string_view type, std::string_view body) {
    return Parsed(Endpoint::kTensorFlowClassify, type, body);
  };
  const std::string example = R"({"image":{"b64":"iVBORw0KGgo="}})";
  // tfs-rest 2
  EXPECT_EQ(classified("", R"({"examples":[)" + example + "," + example + "]}"), "classes png png");
  EXPECT_EQ(classified("", R"({"context":{"a":1},"examples":[{"id":7,"x":[[1,2,3],[4,5,6]]}]})"),
            "classes [1 2 3 4 5 6]");
  // Raw 1.
  EXPECT_EQ(classified("image/jpeg", "whatever"), "image bytes");
  EXPECT_EQ(classified("application/octet-stream", kPng), "image png");
  EXPECT_EQ(classified("application/x-www-form-urlencoded", kPng), "image png");
  EXPECT_EQ(classified("", kPng), "image png");
  EXPECT_TRUE(classified("application/octet-stream", "hello").starts_with("415"));
  EXPECT_TRUE(classified("image/gif", "GIF89a").starts_with("415"));

  EXPECT_TRUE(classified("", R"({"examples":[{"b64":"iVBORw0KGgo="}]})").starts_with("400"));
  EXPECT_TRUE(classified("", R"({"examples":[{}]})").starts_with("400"));
  EXPECT_TRUE(classified("", R"({"examples":[5]})").starts_with("400"));
  EXPECT_TRUE(classified("", R"({"examples":[]})").starts_with("400"));
  EXPECT_TRUE(classified("", R"({"instances":[[1]]})").starts_with("400"));
  EXPECT_TRUE(classified("", "").starts_with("400"));
}

TEST(ParseClassify, HasNoRegression) {  // tfs-rest 2, 8.6
  EXPECT_EQ(Parsed(Endpoint::kRegress, "", "{}"),
            "400 model \"tiny\" is a classifier: it has no regression signature");
}

TEST(ParseImage, RefusesOnlyWhatNeitherTypeNorBytesCallAnImage) {  // Raw 1.
  const auto posted = [](std::string_view type, std::string_view body) {
    return Parsed(Endpoint::kClassify, type, body).substr(0, 11);
  };
  EXPECT_EQ(posted("image/jpeg", kPng), "image png");
  EXPECT_EQ(posted("image/jpeg", "text"), "image bytes");  // The worker says what it is.
  EXPECT_EQ(posted("IMAGE/WEBP; a=b", "x"), "image bytes");
  EXPECT_EQ(posted("application/x-image", "x"), "image bytes");
  EXPECT_EQ(posted("application/octet-stream", kPng), "image png");
  EXPECT_EQ(posted("application/x-www-form-urlencoded", kPng), "image png");  // 8.3
  EXPECT_EQ(posted("text/plain", kPng), "image png");
  EXPECT_EQ(posted("", kPng), "image png");
  EXPECT_EQ(posted("", "hello").substr(0, 3), "415");
  EXPECT_EQ(posted("text/plain", "hello").substr(0, 3), "415");
  EXPECT_EQ(posted("application/octet-stream", "hello").substr(0, 3), "415");
  EXPECT_EQ(posted("image/gif", "GIF89a").substr(0, 3), "415");
  EXPECT_EQ(posted("application/json", R"({"instances":[]})").substr(0, 3), "415");
  EXPECT_EQ(posted("image/jpeg", "").substr(0, 3), "415");
  EXPECT_EQ(posted("", "").substr(0, 3), "415");
}

std::string Npy(const std::string& type, const std::string& shape, const std::string& elements) {
  const std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size());
  file += '\0';
  return file + header + elements;
}

TEST(ParseInvocation, TakesImagesJsonAndArrays) {  // sagemaker 5
  const auto invoked = [](std::string_view type, std::string_view body) {
    return Parsed(Endpoint::kInvocations, type, body);
  };
  EXPECT_EQ(invoked("application/x-image", "x"), "image bytes");
  EXPECT_EQ(invoked("", kPng), "image png");
  EXPECT_EQ(invoked("application/json", kPng), "image png");
  EXPECT_EQ(invoked("application/json", R"({"instances":[{"b64":"iVBORw0KGgo"}]})"), "rows png");
  EXPECT_EQ(invoked("", R"( {"instances":[[[1,2,3],[4,5,6]]]})"), "rows [1 2 3 4 5 6]");
  EXPECT_TRUE(invoked("application/json", "hello").starts_with("400"));
  EXPECT_TRUE(invoked("application/json", "").starts_with("400"));
  EXPECT_TRUE(invoked("text/csv", "1,2,3").starts_with("415"));
  EXPECT_TRUE(invoked("", "").starts_with("415"));

  const std::string type = "application/x-npy";
  EXPECT_EQ(invoked(type, Npy("|u1", "(2, 3)", "\x01\x02\x03\x04\x05\xff")),
            "rows [1 2 3 4 5 255]");
  EXPECT_EQ(
      invoked(type, Npy("|u1", "(2, 2, 3)", "\x01\x01\x01\x01\x01\x01\x02\x02\x02\x02\x02\x02")),
      "rows [1 1 1 1 1 1] [2 2 2 2 2 2]");
  std::string six(24, '\0');
  const float one = 1;
  std::memcpy(six.data() + 4, &one, sizeof one);
  EXPECT_EQ(invoked(type, Npy("<f4", "(1, 2, 3)", six)), "rows [0 1 0 0 0 0]");
  EXPECT_TRUE(invoked(type, Npy("<f4", "(3, 2)", six)).starts_with("400"));
  EXPECT_TRUE(invoked(type, Npy("<f4", "(6,)", six)).starts_with("400"));
  EXPECT_TRUE(invoked(type, Npy("<f4", "(0, 2, 3)", "")).starts_with("400"));
  EXPECT_TRUE(invoked(type, Npy("|u1", "(5, 2, 3)", std::string(30, '\0'))).starts_with("413"));
  EXPECT_TRUE(invoked(type, "hello").starts_with("400"));
}

// Bytes that are no JSON, nearly JSON, and sometimes what a client may send.
std::string RandomBody(std::mt19937& random) {
  const std::vector<std::string> words{"{",
                                       "}",
                                       "[",
                                       "]",
                                       ",",
                                       ":",
                                       "\"instances\"",
                                       "\"b64\"",
                                       "\"x\"",
                                       "\"image\"",
                                       "1",
                                       "NaN",
                                       "-1e38",
                                       "null",
                                       "\"\\u0041\"",
                                       "\xff",
                                       " ",
                                       "\"iVBORw0KGgo=\"",
                                       "[[1,2,3],[4,5,6]]",
                                       "{\"b64\":\"iVBORw0KGgo=\"}",
                                       "{\"x\":[[1,2,3],[4,5,6]]}",
                                       "{\"image\":{\"b64\":\"iVBORw0KGgo\"}}"};
  const std::vector<std::string> heads{"{\"instances\":[", "{\"inputs\":[", "{\"examples\":["};
  const auto any = [&](const std::vector<std::string>& list, std::size_t from) {
    return list[from + random() % (list.size() - from)];
  };
  std::string body = any(heads, 0);
  const bool orderly = random() % 2 == 0;
  const std::size_t length = random() % 7;
  for (std::size_t i = 0; i < length; ++i) {
    if (orderly && i > 0) body += ',';
    body += any(words, orderly ? words.size() - 4 : 0);
  }
  if (random() % 4 != 0) body += "]}";
  if (random() % 2 == 0) body[random() % body.size()] = static_cast<char>(random());
  return body;
}

// Whose fault it is, by the index of the item.
std::optional<std::size_t> Culprit(Endpoint endpoint, std::string body) {
  constexpr std::string_view kImage = R"({"b64":"iVBORw0KGgo="})";
  constexpr std::string_view kNoImage = R"({"b64":"bm8gaW1hZ2U="})";
  for (const auto& [word, value] : {std::pair("GOOD", kImage), std::pair("BAD", kNoImage)}) {
    for (std::size_t at = 0; (at = body.find(word, at)) != std::string::npos;) {
      body.replace(at, std::string_view(word).size(), value);
    }
  }
  Route route;
  route.endpoint = endpoint;
  HttpRequest request;
  request.content_type = "application/json";
  request.body = ByteView(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
  const CallResult call = ParseCall(route, request, TinyServable(), kFew);
  EXPECT_FALSE(call.has_value()) << body;
  return call ? std::nullopt : call.error().item;
}

TEST(ParseCall, NamesTheItemThatIsAtFault) {
  constexpr auto kPredict = Endpoint::kPredict;
  EXPECT_EQ(Culprit(kPredict, R"({"instances":[GOOD,GOOD,BAD]})"), 2U);
  EXPECT_EQ(Culprit(kPredict, R"({"instances":[BAD]})"), 0U);
  EXPECT_EQ(Culprit(kPredict, R"({"instances":[GOOD,{"x":BAD}]})"), 1U);
  EXPECT_EQ(Culprit(kPredict, R"({"instances":[GOOD,{"b64":"!"}]})"), 1U);
  EXPECT_EQ(Culprit(kPredict, R"({"instances":[GOOD,[1,2]]})"), 1U) << "a tensor of another shape";
  EXPECT_EQ(Culprit(kPredict, R"({"instances":[GOOD,{"y":GOOD}]})"), 1U);
  EXPECT_EQ(Culprit(kPredict, R"({"inputs":[GOOD,BAD]})"), 1U);
  EXPECT_EQ(Culprit(kPredict, R"({"inputs":{"x":[GOOD,BAD]}})"), 1U);
  EXPECT_EQ(Culprit(kPredict, R"({"inputs":BAD})"), 0U);
  EXPECT_EQ(
      Culprit(Endpoint::kTensorFlowClassify, R"({"examples":[{"image":GOOD},{"image":BAD}]})"), 1U);
  EXPECT_EQ(Culprit(kPredict,
                    R"({"signature_name":"serving_bytes","instances":[GOOD,[[1,1,1],[1,1,1]]]})"),
            1U);
}

TEST(ParseCall, BlamesNoItemForWhatIsWrongWithTheRequest) {
  constexpr auto kPredict = Endpoint::kPredict;
  for (const char* body : {R"({"instances":[GOOD,)", R"({"instances":[GOOD,{"y":]})",
                           R"({"instances":[GOOD,GOOD,GOOD,GOOD,BAD]})", R"({"instances":[]})",
                           R"({"instances":GOOD})", R"({"signature_name":"s","instances":[GOOD]})",
                           R"({"instances":[[[1,1,1],[1,1,)"}) {
    EXPECT_EQ(Culprit(kPredict, body), std::nullopt) << body;
  }
}

TEST(ParseCall, KeepsItsBoundsWhateverTheBytes) {
  std::mt19937 random(11);
  int accepted = 0;
  for (int i = 0; i < 30'000; ++i) {
    const std::string body = RandomBody(random);
    Route route;
    route.endpoint = i % 2 == 0 ? Endpoint::kPredict : Endpoint::kTensorFlowClassify;
    HttpRequest request;
    // An allocation of its own, so that a sanitizer sees a read beyond the end.
    const std::vector<std::uint8_t> exact(body.begin(), body.end());
    request.body = exact;
    const auto call = ParseCall(route, request, TinyServable(), kFew);
    if (!call) {
      ASSERT_FALSE(call.error().message.empty());
      continue;
    }
    ++accepted;
    ASSERT_GE(call->items.size(), 1U);
    ASSERT_LE(call->items.size(), kFew);
    for (const InferenceItem& item : call->items) {
      ASSERT_FALSE(item.bytes.view().empty());
      ASSERT_TRUE(item.kind != ItemKind::kTensor || item.bytes.view().size() == 24U);
    }
  }
  EXPECT_GT(accepted, 300);
}

}  // namespace
}  // namespace holdfast
