// SPDX-License-Identifier: Apache-2.0
// Reads the few fields of onnx.proto3 that lead to external data, without a protobuf library:
//
//   ModelProto:     7 graph, 25 functions
//   GraphProto:     1 node, 5 initializer, 15 sparse_initializer
//   FunctionProto:  7 node
//   NodeProto:      5 attribute
//   AttributeProto: 5 t, 6 g, 10 tensors, 11 graphs, 22 sparse_tensor, 23 sparse_tensors
//   SparseTensorProto: 1 values, 2 indices
//   TensorProto:    13 external_data { 1 key, 2 value }
#include "backend/onnxruntime/external_files.h"

#include <fmt/format.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>

namespace holdfast {
namespace {

enum class Kind { kModel, kGraph, kFunction, kNode, kAttribute, kSparse, kTensor, kEntry };

struct Path {
  Kind parent;
  std::uint64_t field;
  Kind child;
};

constexpr Path kPaths[] = {
    {Kind::kModel, 7, Kind::kGraph},       {Kind::kModel, 25, Kind::kFunction},
    {Kind::kGraph, 1, Kind::kNode},        {Kind::kGraph, 5, Kind::kTensor},
    {Kind::kGraph, 15, Kind::kSparse},     {Kind::kFunction, 7, Kind::kNode},
    {Kind::kNode, 5, Kind::kAttribute},    {Kind::kAttribute, 5, Kind::kTensor},
    {Kind::kAttribute, 6, Kind::kGraph},   {Kind::kAttribute, 10, Kind::kTensor},
    {Kind::kAttribute, 11, Kind::kGraph},  {Kind::kAttribute, 22, Kind::kSparse},
    {Kind::kAttribute, 23, Kind::kSparse}, {Kind::kSparse, 1, Kind::kTensor},
    {Kind::kSparse, 2, Kind::kTensor},     {Kind::kTensor, 13, Kind::kEntry},
};

constexpr int kDepthMax = 64;            // Of nested messages; real graphs need about ten.
constexpr std::size_t kFilesMax = 4096;  // Some exporters make one a tensor.

std::optional<Kind> ChildOf(Kind parent, std::uint64_t field) {
  for (const Path& path : kPaths) {
    if (path.parent == parent && path.field == field) return path.child;
  }
  return std::nullopt;
}

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  struct Field {
    std::uint64_t number = 0;
    std::string_view bytes;  // Of a length-delimited field; empty for the others.
  };

  bool at_end() const { return rest_.empty(); }

  // Nothing where the bytes are no protobuf message.
  std::optional<Field> Next() {
    const auto key = Varint();
    if (!key) return std::nullopt;
    Field field{*key >> 3, {}};
    std::size_t skipped = 0;
    switch (*key & 7) {
      case 0:
        return Varint() ? std::optional(field) : std::nullopt;
      case 1:
        skipped = 8;
        break;
      case 5:
        skipped = 4;
        break;
      case 2: {
        const auto size = Varint();
        if (!size || *size > rest_.size()) return std::nullopt;
        field.bytes = rest_.substr(0, static_cast<std::size_t>(*size));
        skipped = field.bytes.size();
        break;
      }
      default:
        return std::nullopt;
    }
    if (skipped > rest_.size()) return std::nullopt;
    rest_.remove_prefix(skipped);
    return field;
  }

 private:
  std::optional<std::uint64_t> Varint() {
    std::uint64_t number = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      number |= std::uint64_t{byte & 0x7Fu} << shift;
      if ((byte & 0x80u) == 0) return number;
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

// Collects below one message. False where it is malformed.
bool Collect(std::string_view bytes, Kind kind, int depth, std::set<std::string>& files) {
  if (depth > kDepthMax || files.size() > kFilesMax) return false;
  std::string_view key;
  std::string_view value;
  for (WireReader reader(bytes); !reader.at_end();) {
    const auto field = reader.Next();
    if (!field) return false;
    if (kind == Kind::kEntry) {
      if (field->number == 1) key = field->bytes;
      if (field->number == 2) value = field->bytes;
    } else if (const auto child = ChildOf(kind, field->number)) {
      if (!Collect(field->bytes, *child, depth + 1, files)) return false;
    }
  }
  if (key == "location") files.emplace(value);
  return true;
}

}  // namespace

Result<std::set<std::string>> ExternalFilesOf(std::string_view model) {
  std::set<std::string> files;
  if (model.empty() || !Collect(model, Kind::kModel, 0, files)) {
    return Error{Reason::kBadModel, "the file is no ONNX model, or it is cut short"};
  }
  return files;
}

Result<std::set<std::string>> ExternalFilesOf(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(file, failed);
  std::string model(failed ? 0 : static_cast<std::size_t>(size), '\0');
  stream.read(model.data(), std::ssize(model));
  if (!stream || failed) {
    return Error{Reason::kBadModel, fmt::format("{} cannot be read", file.string())};
  }
  return ExternalFilesOf(std::string_view(model));
}

}  // namespace holdfast
