// SPDX-License-Identifier: Apache-2.0
#include "os/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <utility>

#include "os/system_error.h"

namespace holdfast {
namespace {

Result<UniqueFd> MakeMemory(const std::string& name, std::size_t size) {
  UniqueFd memory(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return SystemError("make shared memory");
  if (::ftruncate(memory.get(), static_cast<off_t>(size)) != 0) {
    return SystemError("size shared memory");
  }
  return memory;
}

Status Seal(const UniqueFd& memory, int seals) {
  if (::fcntl(memory.get(), F_ADD_SEALS, seals) != 0) return SystemError("seal shared memory");
  return {};
}

}  // namespace

Result<UniqueFd> MakeSealedMemory(const std::string& name, std::size_t size) {
  UniqueFd memory = TRY(MakeMemory(name, size));
  TRY_DO(Seal(memory, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL));
  return memory;
}

Result<UniqueFd> MakeSealedCopy(const std::string& name, std::span<const std::uint8_t> bytes) {
  UniqueFd memory = TRY(MakeMemory(name, bytes.size()));
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n =
        ::pwrite(memory.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return SystemError("fill shared memory");
    done += static_cast<std::size_t>(n);
  }
  TRY_DO(Seal(memory, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL));
  return memory;
}

Result<UniqueFd> MakeSealedText(const std::string& name, std::string_view text) {
  return MakeSealedCopy(name, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

Result<SharedMemory> SharedMemory::Map(int fd, Access access) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
    return Error{Reason::kInternal, "map shared memory: it is not sealed against shrinking"};
  }
  struct stat status {};
  if (::fstat(fd, &status) != 0) return SystemError("measure shared memory");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return Error{Reason::kInternal, "map shared memory: it is empty"};
  const int protection = access == Access::kRead ? PROT_READ : PROT_READ | PROT_WRITE;
  void* address = ::mmap(nullptr, size, protection, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return SystemError("map shared memory");
  return SharedMemory({static_cast<std::uint8_t*>(address), size});
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  if (this != &other) {
    Unmap();
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

SharedMemory::~SharedMemory() { Unmap(); }

void SharedMemory::Unmap() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

std::string ReadSealedText(const UniqueFd& memory) {
  const Result<SharedMemory> mapped = SharedMemory::Map(memory.get(), SharedMemory::Access::kRead);
  if (!mapped) return "";
  const auto bytes = mapped->bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace holdfast
