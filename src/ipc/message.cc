// SPDX-License-Identifier: Apache-2.0
#include "ipc/message.h"

#include <bit>
#include <cstring>
#include <string_view>

namespace holdfast {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint32_t kMagic = 0x31764648;  // "HFv1"

class FieldWriter {
 public:
  explicit FieldWriter(EncodedMessage& bytes) : bytes_(bytes) {}
  template <class Number>
  void Put(Number number) {
    std::memcpy(bytes_.data() + at_, &number, sizeof number);
    at_ += sizeof number;
  }

 private:
  EncodedMessage& bytes_;
  std::size_t at_ = 0;
};

class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : bytes_(bytes) {}
  template <class Number>
  Number Take() {
    Number number{};
    std::memcpy(&number, bytes_.data() + at_, sizeof number);
    at_ += sizeof number;
    return number;
  }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
};

}  // namespace

EncodedMessage Encode(const Message& message) {
  EncodedMessage bytes{};
  FieldWriter writer(bytes);
  writer.Put(kMagic);
  writer.Put(static_cast<std::uint32_t>(message.kind));
  writer.Put(message.slot.value);
  writer.Put(message.generation.value);
  writer.Put(message.servable.value);
  writer.Put(message.code);
  writer.Put(message.item.value);
  writer.Put(message.value);
  return bytes;
}

Result<Message> Decode(ByteView bytes) {
  if (bytes.size() != kMessageBytes) {
    return Error{Reason::kBadRequest, "message: " + std::to_string(bytes.size()) +
                                          " bytes, expected " + std::to_string(kMessageBytes)};
  }
  FieldReader reader(bytes);
  if (reader.Take<std::uint32_t>() != kMagic) {
    return Error{Reason::kBadRequest, "message: it does not begin as ours do"};
  }
  const auto kind = reader.Take<std::uint32_t>();
  if (kind == 0 || kind > static_cast<std::uint32_t>(kLastMessageKind)) {
    return Error{Reason::kBadRequest, "message: unknown kind " + std::to_string(kind)};
  }
  Message message;
  message.kind = static_cast<MessageKind>(kind);
  message.slot.value = reader.Take<std::uint32_t>();
  message.generation.value = reader.Take<std::uint32_t>();
  message.servable.value = reader.Take<std::uint32_t>();
  message.code = reader.Take<std::uint32_t>();
  message.item.value = reader.Take<std::uint64_t>();
  message.value = reader.Take<std::uint64_t>();
  return message;
}

// FNV-1a.
std::uint64_t BuildDigest(std::string_view build_id) {
  std::uint64_t digest = 0xcbf29ce484222325u;
  for (const char c : build_id) {
    digest ^= static_cast<std::uint8_t>(c);
    digest *= 0x100000001b3u;
  }
  return digest;
}

}  // namespace holdfast
