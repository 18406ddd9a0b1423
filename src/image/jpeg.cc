// SPDX-License-Identifier: Apache-2.0
#include "image/jpeg.h"

// libjpeg's headers need <cstdio> before them, and this order.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>

#include "image/cmyk.h"
#include "image/exif.h"
#include "image/jpeg_outline.h"

namespace holdfast {
namespace {

// Warnings that mean: pixels are missing or invented. libjpeg's other warnings cost no pixel.
constexpr std::array kLostPixels{JWRN_JPEG_EOF, JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE,
                                 JWRN_ARITH_BAD_CODE, JWRN_MUST_RESYNC};

Reason ReasonOf(int code) {
  switch (code) {
    case JERR_OUT_OF_MEMORY:
      return Reason::kInsufficientResources;
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
      return Reason::kImageTooLarge;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
      return Reason::kUnsupportedMedia;
    default:
      return Reason::kImageDecodeFailed;
  }
}

// libjpeg's error handler; `base` comes first, so that its address is the handler's.
struct ErrorTrap {
  jpeg_error_mgr base;
  std::jmp_buf escape;
};

[[noreturn]] void Escape(j_common_ptr codec) {
  std::longjmp(reinterpret_cast<ErrorTrap*>(codec->err)->escape, 1);
}

void OnMessage(j_common_ptr codec, int level) {
  constexpr int kWarning = -1;
  if (level != kWarning) return;
  const int code = codec->err->msg_code;
  if (std::find(kLostPixels.begin(), kLostPixels.end(), code) != kLostPixels.end()) Escape(codec);
}

// One decompression. libjpeg leaves a failing call by longjmp, so each method that calls it holds
// nothing with a destructor, and allocates nothing of ours.
class JpegReader {
 public:
  JpegReader() {
    codec_.err = jpeg_std_error(&trap_.base);
    trap_.base.error_exit = Escape;
    trap_.base.emit_message = OnMessage;
  }
  ~JpegReader() { jpeg_destroy_decompress(&codec_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool ReadHeader(ByteView encoded, const DecodeRules& rules) {
    if (setjmp(trap_.escape) != 0) return false;
    jpeg_create_decompress(&codec_);
    jpeg_mem_src(&codec_, encoded.data(), encoded.size());
    jpeg_read_header(&codec_, TRUE);
    const bool four_inks =
        codec_.jpeg_color_space == JCS_CMYK || codec_.jpeg_color_space == JCS_YCCK;
    codec_.out_color_space = four_inks ? JCS_CMYK : JCS_RGB;
    // Pillow's settings, which are libjpeg's defaults: exactness depends on them.
    codec_.dct_method = rules.fast_jpeg ? JDCT_IFAST : JDCT_ISLOW;
    codec_.do_fancy_upsampling = TRUE;
    return true;
  }

  // Reads all rows into `rgb`. `inks` is one row of CMYK, used where the picture is of that kind.
  bool ReadPixels(std::uint8_t* rgb, std::uint8_t* inks) {
    if (setjmp(trap_.escape) != 0) return false;
    jpeg_start_decompress(&codec_);
    const std::size_t row_bytes = std::size_t{codec_.output_width} * 3;
    while (codec_.output_scanline < codec_.output_height) {
      std::uint8_t* const row = rgb + codec_.output_scanline * row_bytes;
      if (codec_.out_color_space == JCS_CMYK) {
        JSAMPROW target = inks;
        jpeg_read_scanlines(&codec_, &target, 1);
        ConvertInvertedCmykRow(inks, codec_.output_width, row);
      } else {
        ReadRows(row, row_bytes);
      }
    }
    jpeg_finish_decompress(&codec_);
    return true;
  }

  std::uint32_t width() const { return codec_.image_width; }
  std::uint32_t height() const { return codec_.image_height; }
  bool has_four_inks() const { return codec_.out_color_space == JCS_CMYK; }

  Error LastError() {
    std::array<char, JMSG_LENGTH_MAX> text{};
    trap_.base.format_message(reinterpret_cast<j_common_ptr>(&codec_), text.data());
    return Error{ReasonOf(trap_.base.msg_code), fmt::format("decode JPEG: {}", text.data())};
  }

 private:
  // As many rows as libjpeg makes at once; handing it fewer costs a copy of each.
  void ReadRows(std::uint8_t* row, std::size_t row_bytes) {
    constexpr JDIMENSION kRowsMax = 4;
    std::array<JSAMPROW, kRowsMax> targets;
    const JDIMENSION rows = std::min(kRowsMax, codec_.output_height - codec_.output_scanline);
    for (JDIMENSION i = 0; i < rows; ++i) targets[i] = row + i * row_bytes;
    jpeg_read_scanlines(&codec_, targets.data(), rows);
  }

  jpeg_decompress_struct codec_{};
  ErrorTrap trap_{};
};

}  // namespace

Result<Orientation> DecodeJpeg(ByteView encoded, const ImageLimits& limits,
                               const DecodeRules& rules, Image& image) {
  // Our own look at the markers comes first: libjpeg reads the tables before it tells a size, and
  // counts a progressive picture's scans only by decoding them.
  const JpegOutline outline = OutlineJpeg(encoded, limits.jpeg_scans_max);
  if (outline.width != 0 && outline.height != 0) {
    TRY_DO(CheckImageSize(outline.width, outline.height, limits));
  }
  if (outline.scans > limits.jpeg_scans_max) {
    return Error{Reason::kImageTooLarge,
                 fmt::format("JPEG has more than {} scans", limits.jpeg_scans_max)};
  }
  JpegReader reader;
  if (!reader.ReadHeader(encoded, rules)) return reader.LastError();
  TRY_DO(CheckImageSize(reader.width(), reader.height(), limits));
  image.width = reader.width();
  image.height = reader.height();
  image.rgb.resize(std::size_t{image.width} * image.height * 3);
  std::vector<std::uint8_t> inks(reader.has_four_inks() ? std::size_t{image.width} * 4 : 0);
  if (!reader.ReadPixels(image.rgb.data(), inks.data())) return reader.LastError();
  return ReadExifOrientation(outline.exif);
}

}  // namespace holdfast
