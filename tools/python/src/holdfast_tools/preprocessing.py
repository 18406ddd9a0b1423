# SPDX-License-Identifier: Apache-2.0
"""How a picture becomes a tensor: model.toml's [preprocessing] with Pillow, as the server does it.

torchvision's transforms of a PIL image are Pillow's resize with integer rules for the sizes; the
rules are restated from torchvision 0.29 (transforms/functional.py: _compute_resized_output_size,
center_crop). tests/golden holds the server against what `fit` makes of every kind of picture.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from PIL import Image, ImageOps

from holdfast_tools.errors import REFUSED, ToolsError

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
GEOMETRIES = ("resize-then-crop", "crop-then-resize", "stretch")
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """The keys and the defaults of model.toml: tensor = (pixel * scale - mean) / deviation."""

    geometry: str = "resize-then-crop"
    filter: str = "bilinear"
    resize: int = 256
    crop: tuple[int, int] = (224, 224)  # Width, height.
    order: str = "rgb"
    layout: str = "nchw"
    scale: float = 1 / 255
    mean: tuple[float, ...] = IMAGENET_MEAN
    deviation: tuple[float, ...] = IMAGENET_DEVIATION

    @classmethod
    def of_table(cls, table: Mapping[str, Any]) -> Self:
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(table.keys() - known):
            raise ToolsError(f"[preprocessing] has no key {unknown[0]}; it has {', '.join(known)}")
        values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value
                                  for key, value in table.items()}
        made = cls(**values)
        if made.geometry not in GEOMETRIES or made.filter not in FILTERS:
            raise ToolsError(f"[preprocessing]: '{made.geometry}' with '{made.filter}' is not known; "
                             f"there are {', '.join(GEOMETRIES)} with {', '.join(FILTERS)}")
        return made

    def assignments(self) -> list[str]:
        """KEY=VALUE as `holdfast pack --preprocessing` takes them."""
        def text(value: Any) -> str:
            return ",".join(map(repr, value)) if isinstance(value, tuple) else str(value)
        return [f"{field.name}={text(getattr(self, field.name))}"
                for field in dataclasses.fields(self)]

    def tensor(self, photo: pathlib.Path) -> np.ndarray:
        """A photo as the model's input, a batch of one."""
        try:
            with Image.open(photo) as stored:
                picture = fit(to_rgb(stored), self)
        except (OSError, SyntaxError, ValueError) as error:  # Pillow has no error of its own.
            raise ToolsError(f"{photo} cannot be read as a picture: take it out of the folder "
                             f"({error})", REFUSED) from error
        pixels = np.asarray(picture, np.float32)
        if self.order == "bgr":
            pixels = pixels[:, :, ::-1]
        mean, deviation = (np.array(part, np.float32) for part in (self.mean, self.deviation))
        pixels = (pixels * np.float32(self.scale) - mean) / deviation
        if self.layout == "nchw":
            pixels = pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(pixels[None], np.float32)


def to_rgb(image: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):  # Pillow's own conversion clips at 255.
        gray = (np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)
        return Image.fromarray(np.repeat(gray[:, :, None], 3, axis=2))
    return image.convert("RGB")


def resized(image: Image.Image, size: tuple[int, int], resample: Image.Resampling) -> Image.Image:
    """Horizontally first, as in training; from Pillow 13.0 on its own order depends on the shape."""
    width, height = size
    return image.resize((width, image.height), resample).resize((width, height), resample)


def resize_short_side(image: Image.Image, side: int, resample: Image.Resampling) -> Image.Image:
    width, height = image.size
    short, long = (width, height) if width <= height else (height, width)
    new_short, new_long = side, int(side * long / short)
    size = (new_short, new_long) if width <= height else (new_long, new_short)
    return image if size == image.size else resized(image, size, resample)


def center_crop(image: Image.Image, crop_width: int, crop_height: int) -> Image.Image:
    width, height = image.size
    if crop_width > width or crop_height > height:
        left = (crop_width - width) // 2 if crop_width > width else 0
        top = (crop_height - height) // 2 if crop_height > height else 0
        padded = Image.new("RGB", (max(width, crop_width), max(height, crop_height)))
        padded.paste(image, (left, top))
        image, (width, height) = padded, padded.size
    top = int(round((height - crop_height) / 2.0))
    left = int(round((width - crop_width) / 2.0))
    return image.crop((left, top, left + crop_width, top + crop_height))


def centred_square(image: Image.Image, crop: int, resample: Image.Resampling) -> Image.Image:
    width, height = image.size
    side = max(int(crop / (crop + 32) * min(width, height)), 1)
    top, left = (height - side + 1) // 2, (width - side + 1) // 2
    return resized(image.crop((left, top, left + side, top + side)), (crop, crop), resample)


def fit(image: Image.Image, wanted: Preprocessing) -> Image.Image:
    """An RGB picture in the size of the model's input."""
    resample = FILTERS[wanted.filter]
    width, height = wanted.crop
    if wanted.geometry == "resize-then-crop":
        return center_crop(resize_short_side(image, wanted.resize, resample), width, height)
    if wanted.geometry == "crop-then-resize":
        return centred_square(image, width, resample)
    return resized(image, (width, height), resample)
