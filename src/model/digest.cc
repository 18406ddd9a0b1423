// SPDX-License-Identifier: Apache-2.0
#include "model/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/hex.h"

namespace holdfast {
namespace {

class Sha256Stream {
 public:
  Sha256Stream() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    CHECK(context_ != nullptr);
    CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }

  void Add(ByteView bytes) {
    CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }

  std::string Finish() {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
    return ToHex({digest.data(), size});
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string Sha256(ByteView bytes) {
  Sha256Stream stream;
  stream.Add(bytes);
  return stream.Finish();
}

Result<std::string> Sha256OfFile(const std::filesystem::path& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "rbe"),
                                                               std::fclose);
  if (stream == nullptr) {
    return Error{errno == ENOENT ? Reason::kNotFound : Reason::kBadModel,
                 fmt::format("{}: {}", file.string(), std::strerror(errno))};
  }
  Sha256Stream digest;
  std::vector<std::uint8_t> block(KiB(256));
  while (true) {
    const std::size_t count = std::fread(block.data(), 1, block.size(), stream.get());
    digest.Add({block.data(), count});
    if (count < block.size()) break;
  }
  if (std::ferror(stream.get()) != 0) {
    return Error{Reason::kBadModel, fmt::format("{}: {}", file.string(), std::strerror(errno))};
  }
  return digest.Finish();
}

}  // namespace holdfast
