// SPDX-License-Identifier: Apache-2.0
#include "s3/checksum.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <vector>

namespace holdfast {
namespace {

std::string ToBase64(const std::vector<unsigned char>& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                       static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// A cyclic redundancy check whose bits are reflected, begun and ended with all ones: those of S3
// differ in width and polynomial only.
template <class Word, Word kPolynomial>
class Crc final : public Checksum {
 public:
  void Add(ByteView bytes) override {
    for (const std::uint8_t byte : bytes) {
      sum_ = static_cast<Word>(sum_ >> 8) ^ kTable[static_cast<std::uint8_t>(sum_ ^ byte)];
    }
  }
  std::string Base64() override {
    const Word sum = ~sum_;
    std::vector<unsigned char> bytes;
    for (int shift = 8 * (static_cast<int>(sizeof(Word)) - 1); shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<unsigned char>(sum >> shift));
    }
    return ToBase64(bytes);
  }

 private:
  static constexpr std::array<Word, 256> MakeTable() {
    std::array<Word, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
      auto word = static_cast<Word>(i);
      for (int bit = 0; bit < 8; ++bit) {
        word = (word & 1U) != 0 ? static_cast<Word>(word >> 1) ^ kPolynomial
                                : static_cast<Word>(word >> 1);
      }
      table[i] = word;
    }
    return table;
  }
  static constexpr std::array<Word, 256> kTable = MakeTable();
  Word sum_ = static_cast<Word>(~Word{0});
};

using Crc32 = Crc<std::uint32_t, 0xedb88320U>;
using Crc32c = Crc<std::uint32_t, 0x82f63b78U>;
using Crc64Nvme = Crc<std::uint64_t, 0x9a6c9329ac4bc9b5U>;

class Sha final : public Checksum {
 public:
  explicit Sha(const EVP_MD* algorithm) : context_(::EVP_MD_CTX_new()) {
    ::EVP_DigestInit_ex(context_, algorithm, nullptr);
  }
  ~Sha() override { ::EVP_MD_CTX_free(context_); }
  Sha(const Sha&) = delete;
  Sha& operator=(const Sha&) = delete;
  void Add(ByteView bytes) override { ::EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }
  std::string Base64() override {
    std::vector<unsigned char> sum(EVP_MAX_MD_SIZE);
    unsigned length = 0;
    ::EVP_DigestFinal_ex(context_, sum.data(), &length);
    sum.resize(length);
    return ToBase64(sum);
  }

 private:
  EVP_MD_CTX* context_;
};

}  // namespace

std::unique_ptr<Checksum> MakeChecksum(const std::string& algorithm) {
  if (algorithm == "crc32") return std::make_unique<Crc32>();
  if (algorithm == "crc32c") return std::make_unique<Crc32c>();
  if (algorithm == "crc64nvme") return std::make_unique<Crc64Nvme>();
  if (algorithm == "sha1") return std::make_unique<Sha>(EVP_sha1());
  if (algorithm == "sha256") return std::make_unique<Sha>(EVP_sha256());
  return nullptr;
}

std::optional<ExpectedChecksum> ChecksumIn(const std::map<std::string, std::string>& headers) {
  const auto type = headers.find("x-amz-checksum-type");
  if (type != headers.end() && type->second != "FULL_OBJECT") return std::nullopt;
  for (const char* algorithm : {"crc64nvme", "crc32c", "crc32", "sha1", "sha256"}) {
    const auto found = headers.find(std::string("x-amz-checksum-") + algorithm);
    if (found == headers.end()) continue;
    // "BASE64-3": a sum over the sums of three parts.
    if (found->second.find('-') != std::string::npos) continue;
    return ExpectedChecksum{algorithm, found->second};
  }
  return std::nullopt;
}

}  // namespace holdfast
