# SPDX-License-Identifier: Apache-2.0
"""Pictures for the fault suite, all computed: grays with a known class, bombs, broken files."""

import io
import struct
import zlib

from PIL import Image

from tests.process.gray import gray

OTHER_BAD = 8  # A second class of pictures that hurt, beside BAD.


def grays(folder, *labels, count=1):
    """[(file, class)]: `count` different files of each class, for a load."""
    files = []
    for label in labels:
        for shade in range(count):
            file = folder / f"gray-{label}-{shade}.png"
            file.write_bytes(gray(label, shade=shade))
            files.append((file, label))
    return files


def fine_grays(folder, classes=120):
    """One picture for each class of a fake model with that many: any two have other answers."""
    files = []
    for label in range(classes):
        level = int((label + 0.5) * 256 / classes)
        picture = Image.new("RGB", (32, 32), (level, level, level))
        file = folder / f"fine-{label}.png"
        picture.save(file)
        files.append((file, int(level / 255 * classes)))
    return files


def padded(image, size):
    """A picture with `size` bytes in all: readers stop at its end mark."""
    return image + bytes(size - len(image))


def jpeg(width, height, level=60, **options):
    picture = io.BytesIO()
    Image.new("RGB", (width, height), (level, level, level)).save(picture, "JPEG", **options)
    return picture.getvalue()


# --- Bombs: small files that are large pictures, or say so ---

def chunk(kind, content):
    return (struct.pack(">I", len(content)) + kind + content +
            struct.pack(">I", zlib.crc32(kind + content)))


def png(width, height, before=b"", rows=0):
    """A gray PNG that says its size and holds `rows` black rows."""
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(bytes(width + 1)) for _ in range(rows)) + packer.flush()
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + before +
            chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def segment(marker, content):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def progressive_header(width, height):
    return (b"\xff\xd8" + segment(0xDB, b"\0" + bytes([1] * 64)) +
            segment(0xC2, b"\x08" + struct.pack(">HH", height, width) +
                    b"\x03\x01\x11\0\x02\x11\0\x03\x11\0") + b"\xff\xd9")


def bombs():
    """{name: (bytes, reason of the refusal)}"""
    inflated = zlib.compress(bytes(64 << 20), 9)
    return {
        "400 megapixels": (png(20_000, 20_000, rows=20_000), "IMAGE_TOO_LARGE"),
        "header of 2^62 pixels": (png(2**31 - 1, 2**31 - 1), "IMAGE_TOO_LARGE"),
        "text of 64 MiB": (png(8, 8, chunk(b"zTXt", b"k\0\0" + inflated), 8), "IMAGE_TOO_LARGE"),
        "profile of 64 MiB": (png(8, 8, chunk(b"iCCP", b"k\0\0" + inflated), 8),
                              "IMAGE_TOO_LARGE"),
        "progressive header": (progressive_header(65_500, 65_500), "IMAGE_TOO_LARGE"),
        "GIF of 65535 squared": (b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0),
                                 "UNSUPPORTED_MEDIA"),
    }


def broken(image, rng, count):
    """`count` files: cut at each 64th of the length, then with one random bit flipped."""
    files = [image[:len(image) * part // 64] for part in range(64)][:count]
    while len(files) < count:
        flipped = bytearray(image)
        bit = rng.randrange(len(flipped) * 8)
        flipped[bit // 8] ^= 1 << bit % 8
        files.append(bytes(flipped))
    return files
