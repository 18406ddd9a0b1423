// SPDX-License-Identifier: Apache-2.0
// Replays a fuzz target's corpus without a fuzzer: each file as it is, cut, and with some seeded
// mutations. Arguments: files and folders.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

constexpr int kMutations = 24;

void Run(const Bytes& bytes) {
  // Memory of exactly that size, so that a sanitizer sees a byte too far.
  const Bytes exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

Bytes Mutated(Bytes bytes, std::mt19937& random) {
  const auto below = [&random](std::size_t bound) {
    return static_cast<std::size_t>(random()) % bound;
  };
  for (std::size_t edits = 1 + below(4); edits > 0 && !bytes.empty(); --edits) {
    const std::size_t at = below(bytes.size());
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(4)) {
      case 0:
        *place = static_cast<std::uint8_t>(random());
        break;
      case 1:
        *place ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 2:
        bytes.erase(place);
        break;
      default:
        bytes.insert(place, static_cast<std::uint8_t>(random()));
        break;
    }
  }
  return bytes;
}

void Replay(const fs::path& file) {
  std::printf("%s\n", file.c_str());
  std::fflush(stdout);  // The last name printed is the one that failed.
  std::ifstream stream(file, std::ios::binary);
  const Bytes bytes{std::istreambuf_iterator<char>(stream), {}};
  Run(bytes);
  std::mt19937 random(static_cast<std::uint32_t>(bytes.size()));
  for (int i = 0; i < kMutations; ++i) {
    const auto cut =
        static_cast<std::ptrdiff_t>(bytes.size() * static_cast<std::size_t>(i) / kMutations);
    Run(Bytes(bytes.begin(), bytes.begin() + cut));
    Run(Mutated(bytes, random));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  if (files.empty()) {
    std::fputs("no files to replay\n", stderr);
    return 1;
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) Replay(file);
  return 0;
}
