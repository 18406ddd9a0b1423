# SPDX-License-Identifier: Apache-2.0
"""Writes every kind of PNG that the standard allows; Pillow writes only some of them."""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind, content):
    return (struct.pack(">I", len(content)) + kind + content
            + struct.pack(">I", zlib.crc32(kind + content)))


def header(width, height, depth, colour, interlaced=False):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def _rows(samples, depth):
    """Unfiltered scanlines of samples[height, width, channels], each value below 2**depth."""
    height = samples.shape[0]
    flat = samples.reshape(height, -1)
    if depth == 16:
        packed = flat.astype(">u2").view(np.uint8).reshape(height, -1)
    elif depth == 8:
        packed = flat.astype(np.uint8)
    else:
        bits = (flat[:, :, None] >> np.arange(depth - 1, -1, -1)) & 1
        packed = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def png(samples, depth, colour, interlaced=False, before=b"", after=b""):
    """A PNG of samples[height, width(, channels)]; `before` and `after` are chunks around IDAT."""
    samples = np.asarray(samples)
    if samples.ndim == 2:
        samples = samples[:, :, None]
    height, width = samples.shape[:2]
    raw = b""
    if interlaced:
        for left, top, across, down in ADAM7:
            part = samples[top::down, left::across]
            if part.size:
                raw += _rows(part, depth)
    else:
        raw = _rows(samples, depth)
    return (SIGNATURE + header(width, height, depth, colour, interlaced) + before
            + chunk(b"IDAT", zlib.compress(raw, 9)) + after + chunk(b"IEND", b""))
