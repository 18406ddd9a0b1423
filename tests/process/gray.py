# SPDX-License-Identifier: Apache-2.0
"""Plain gray pictures, whose class the fake engine computes from their brightness."""

import io

from PIL import Image

CLASSES = 10


def gray(label, size=32, shade=0):
    """A PNG that the fake engine says is of class `label`; `shade` makes it another file."""
    level = int((label + 0.5) * 256 / CLASSES) + shade
    picture = io.BytesIO()
    Image.new("RGB", (size, size), (level, level, level)).save(picture, "PNG")
    return picture.getvalue()
