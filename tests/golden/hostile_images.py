# SPDX-License-Identifier: Apache-2.0
"""Files that must be refused, each with the word of its reason (api/errors.md)."""

import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

from png_writer import GRAY, RGB, RGBA, SIGNATURE, chunk, header, png

UNSUPPORTED = "UNSUPPORTED_MEDIA"
FAILED = "IMAGE_DECODE_FAILED"
TOO_LARGE = "IMAGE_TOO_LARGE"
PHOTOS = pathlib.Path(__file__).resolve().parent.parent / "data" / "photos"


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def segment(marker, content):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def frame(marker, width, height, precision=8, components=3):
    content = struct.pack(">BHHB", precision, height, width, components)
    return segment(marker, content + b"".join(bytes([i + 1, 0x11, 0]) for i in range(components)))


def only_header(marker, width, height, precision=8, components=3):
    tables = segment(0xDB, b"\0" + bytes([1] * 64))
    return b"\xff\xd8" + tables + frame(marker, width, height, precision, components) + b"\xff\xd9"


def with_header(marker, **frame_options):
    """A frame header and one scan header, so that a decoder gets as far as judging the kind."""
    components = frame_options.get("components", 3)
    scan = bytes([components]) + b"".join(bytes([i + 1, 0]) for i in range(components)) + b"\0\x3f\0"
    jpeg = only_header(marker, 16, 16, **frame_options)
    return jpeg[:-2] + segment(0xDA, scan) + bytes(16) + b"\xff\xd9"


def many_scans(photo, count):
    """A progressive JPEG whose last scan comes again and again."""
    jpeg = encode(photo, "JPEG", progressive=True, quality=60)
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[last:-2] * count + b"\xff\xd9"


def jpegs(photo):
    jpeg = encode(photo, "JPEG", quality=80)
    progressive = encode(photo, "JPEG", quality=80, progressive=True)
    for percent in (2, 30, 60, 99):
        yield f"truncated-{percent}.jpg", jpeg[:len(jpeg) * percent // 100], FAILED
    yield "truncated-progressive.jpg", progressive[:len(progressive) // 2], FAILED
    yield "without-end-marker.jpg", jpeg[:-2], FAILED
    yield "end-marker-too-early.jpg", jpeg[:len(jpeg) // 2] + b"\xff\xd9", FAILED
    restarts = encode(photo, "JPEG", quality=80, restart_marker_rows=1)
    second, third = restarts.index(b"\xff\xd1"), restarts.index(b"\xff\xd2")
    yield "lost-restart-interval.jpg", restarts[:second] + restarts[third:], FAILED
    yield "zeroed-restart-interval.jpg", restarts[:second + 9] + bytes(12) + restarts[third:], FAILED
    yield "start-only.jpg", b"\xff\xd8\xff", FAILED
    yield "no-pixels.jpg", only_header(0xC0, 16, 0), FAILED
    yield "header-65500x65500-progressive.jpg", only_header(0xC2, 65500, 65500), TOO_LARGE
    yield "header-8000x8000.jpg", only_header(0xC0, 8000, 8000), TOO_LARGE
    yield "many-scans.jpg", many_scans(photo, 70), TOO_LARGE
    yield "twelve-bit.jpg", with_header(0xC1, precision=12), UNSUPPORTED
    yield "lossless.jpg", with_header(0xC3), UNSUPPORTED
    yield "two-components.jpg", with_header(0xC0, components=2), UNSUPPORTED


def pngs(photo):
    samples = np.asarray(photo)
    plain = png(samples, 8, RGB)
    yield "truncated-50.png", plain[:len(plain) // 2], FAILED
    yield "signature-only.png", SIGNATURE, FAILED
    yield "header-only.png", SIGNATURE + header(64, 64, 8, RGB), FAILED
    broken = bytearray(plain)
    broken[len(plain) // 2] ^= 0x40
    yield "bit-flip.png", bytes(broken), FAILED
    yield "no-image-data.png", SIGNATURE + header(8, 8, 8, RGB) + chunk(b"IEND", b""), FAILED
    short = chunk(b"IDAT", zlib.compress(bytes(100)))
    yield "too-few-rows.png", SIGNATURE + header(64, 64, 8, RGB) + short + chunk(b"IEND", b""), FAILED
    yield "no-palette.png", SIGNATURE + header(8, 8, 8, 3) + short + chunk(b"IEND", b""), FAILED
    yield "no-pixels.png", SIGNATURE + header(0, 8, 8, RGB) + short + chunk(b"IEND", b""), FAILED
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(2501)) for _ in range(20000)) + rows.flush()
    bomb = SIGNATURE + header(20000, 20000, 1, GRAY) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    yield "picture-20000x20000.png", bomb, TOO_LARGE
    yield "header-2147483647.png", SIGNATURE + header(2**31 - 1, 2**31 - 1, 8, RGBA), TOO_LARGE
    yield "header-16385x1.png", SIGNATURE + header(16385, 1, 8, RGB), TOO_LARGE
    yield "header-10000x5001.png", SIGNATURE + header(10000, 5001, 8, RGB), TOO_LARGE
    flood = b"k\0\0" + zlib.compress(bytes(64 << 20), 9)
    tiny = samples[:8, :8]
    yield "bomb-text.png", png(tiny, 8, RGB, before=chunk(b"zTXt", flood)), TOO_LARGE
    yield "bomb-icc.png", png(tiny, 8, RGB, before=chunk(b"iCCP", flood)), TOO_LARGE
    piece = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 20), 9))
    yield "bomb-many-texts.png", png(tiny, 8, RGB, before=piece * 40), TOO_LARGE


def others(photo):
    yield "empty", b"", UNSUPPORTED
    yield "page.html", b"<html>not an image</html>", UNSUPPORTED
    yield "words.txt", b"hello", UNSUPPORTED
    yield "header.gif", b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0), UNSUPPORTED
    yield "photo.gif", encode(photo.quantize(16), "GIF"), UNSUPPORTED
    yield "photo.bmp", encode(photo.resize((9, 9)), "BMP"), UNSUPPORTED
    yield "photo.tiff", encode(photo.resize((9, 9)), "TIFF"), UNSUPPORTED
    yield "header.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", UNSUPPORTED
    yield "header.pdf", b"%PDF-1.7\n", UNSUPPORTED
    yield "half-signature.png", SIGNATURE[:5], UNSUPPORTED
    yield "start-half.jpg", b"\xff\xd8", UNSUPPORTED
    yield "sound.wav", b"RIFF\x24\0\0\0WAVEfmt ", UNSUPPORTED
    turned = [photo.rotate(90 * i) for i in range(3)]
    yield "animated.webp", encode(turned[0], "WEBP", save_all=True, append_images=turned[1:]), UNSUPPORTED
    webp = encode(photo, "WEBP", quality=80)
    yield "truncated-50.webp", webp[:len(webp) // 2], FAILED
    yield "truncated-20-bytes.webp", webp[:20], FAILED
    lossless = encode(photo, "WEBP", lossless=True)
    yield "truncated-lossless.webp", lossless[:len(lossless) // 2], FAILED
    at = webp.index(b"\x9d\x01\x2a") + 3
    huge = webp[:at] + struct.pack("<HH", 16383, 16383) + webp[at + 4:]
    yield "header-16383x16383.webp", huge, TOO_LARGE


def hostile_images():
    """Yields (file name, bytes, word of the reason)."""
    with Image.open(PHOTOS / "coffee.jpg") as coffee:
        photo = coffee.convert("RGB").resize((80, 60))
    yield from jpegs(photo)
    yield from pngs(photo)
    yield from others(photo)
