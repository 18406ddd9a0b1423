// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "image/exif.h"
#include "image/jpeg_outline.h"

// Notes about a picture, in a JPEG or on their own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  const ByteView whole(bytes, size);
  const JpegOutline outline = OutlineJpeg(whole, 8);
  if (!outline.exif.empty() &&
      (outline.exif.data() < bytes || outline.exif.data() + outline.exif.size() > bytes + size)) {
    std::abort();
  }
  for (const ByteView exif : {whole, outline.exif}) {
    const auto orientation = static_cast<int>(ReadExifOrientation(exif));
    if (orientation < 1 || orientation > 8) std::abort();
  }
  return 0;
}
