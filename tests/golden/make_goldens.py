# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden: images of every kind, and what Pillow and torchvision's rules make of them.

    pip install pillow==12.3.0 numpy      (torchvision too, where its size is no matter)
    python tests/golden/make_goldens.py

Pillow is the oracle for pixels, in its last version that resizes horizontally first whatever the
shape, as all before it and those that models were trained with. torchvision's rules for the sizes are
restated in holdfast_tools.preprocessing, and held against torchvision itself where that can be imported.
"""

import hashlib
import io
import json
import pathlib
import struct
import sys

import numpy as np
import PIL
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools/python/src"))

import hostile_images  # noqa: E402
import png_writer  # noqa: E402
from holdfast_tools.preprocessing import Preprocessing, fit, to_rgb  # noqa: E402
from png_writer import GRAY, GRAY_ALPHA, PALETTE, RGB, RGBA, chunk, png  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PHOTOS = HERE.parent / "data" / "photos"

PIPELINES = {
    "torchvision": dict(geometry="resize-then-crop", filter="bilinear", resize=256, crop=[224, 224]),
    "torchvision-bicubic": dict(geometry="resize-then-crop", filter="bicubic", resize=256, crop=[224, 224]),
    "efficientnet": dict(geometry="crop-then-resize", filter="bicubic", resize=1, crop=[224, 224]),
    "stretch": dict(geometry="stretch", filter="bilinear", resize=1, crop=[224, 224]),
    "small-torchvision": dict(geometry="resize-then-crop", filter="bilinear", resize=64, crop=[56, 56]),
    "small-torchvision-bicubic": dict(geometry="resize-then-crop", filter="bicubic", resize=64, crop=[56, 56]),
    "small-efficientnet": dict(geometry="crop-then-resize", filter="bicubic", resize=1, crop=[56, 56]),
    "small-stretch": dict(geometry="stretch", filter="bilinear", resize=1, crop=[56, 40]),
    "padded": dict(geometry="resize-then-crop", filter="bilinear", resize=37, crop=[56, 51]),
    "odd": dict(geometry="resize-then-crop", filter="bicubic", resize=45, crop=[32, 38]),
}
LARGE = ["torchvision", "torchvision-bicubic", "efficientnet", "stretch"]
SMALL = ["small-torchvision", "small-torchvision-bicubic", "small-efficientnet", "small-stretch"]
DECODED = "decoded"  # No pipeline: the whole picture as decoded.
DECODED_PIXELS_MAX = 8000


# The reference pipelines: holdfast_tools.preprocessing.

def fitted(image, pipeline):
    picture = fit(image, Preprocessing.of_table(pipeline))
    if pipeline["geometry"] == "resize-then-crop":
        check_with_torchvision(image, pipeline, picture)
    return picture


def check_with_torchvision(image, pipeline, picture):
    try:
        from torchvision import transforms
    except ImportError:
        return
    mode = transforms.InterpolationMode(pipeline["filter"])
    crop_width, crop_height = pipeline["crop"]
    theirs = transforms.CenterCrop((crop_height, crop_width))(
        transforms.Resize(pipeline["resize"], interpolation=mode)(image))
    assert np.array_equal(np.asarray(theirs), np.asarray(picture)), pipeline


# The images.

def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def cut(name, box, size):
    with Image.open(PHOTOS / name) as photo:
        return photo.convert("RGB").crop(box).resize(size, Image.Resampling.BICUBIC)


def orientation_tag(orientation, order="<"):
    mark = b"II" if order == "<" else b"MM"
    return (mark + struct.pack(order + "HIH", 42, 8, 1)
            + struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack(order + "I", 0))


def with_transform(jpeg, transform):
    """The JPEG with another colour transform in its Adobe marker."""
    at = jpeg.index(b"\xff\xee\x00\x0eAdobe")
    return jpeg[:at + 15] + bytes([transform]) + jpeg[at + 16:]


def ycck(image):
    """A YCCK file: Pillow writes CMYK only, so the colour transform is done here."""
    cyan, magenta, yellow, black = np.moveaxis(np.asarray(image.convert("CMYK")).astype(float), 2, 0)
    luma = 0.299 * cyan + 0.587 * magenta + 0.114 * yellow
    stored = np.stack([luma, (yellow - luma) / 1.772 + 128, (cyan - luma) / 1.402 + 128, 255 - black], axis=2)
    inks = 255 - np.clip(np.rint(stored), 0, 255).astype(np.uint8)  # Pillow inverts on writing.
    return with_transform(encode(Image.fromarray(inks, "CMYK"), "JPEG", quality=92), 2)


def jpeg_images():
    cat = cut("chelsea.jpg", (40, 20, 440, 320), (97, 73))
    coffee = cut("coffee.jpg", (0, 0, 500, 375), (120, 90))
    rocket = cut("rocket_tall.jpg", (0, 0, 375, 500), (61, 83))
    suit = cut("astronaut.jpg", (20, 10, 470, 470), (90, 92))
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        name = sampling.replace(":", "")
        yield f"baseline-{name}.jpg", encode(cat, "JPEG", quality=90, subsampling=sampling)
        yield f"progressive-{name}.jpg", encode(suit, "JPEG", quality=85, subsampling=sampling, progressive=True)
    yield "quality-5.jpg", encode(coffee, "JPEG", quality=5)
    yield "quality-100.jpg", encode(coffee, "JPEG", quality=100, subsampling="4:4:4")
    yield "optimized.jpg", encode(rocket, "JPEG", quality=80, optimize=True)
    yield "restart-rows.jpg", encode(rocket, "JPEG", quality=85, restart_marker_rows=1)
    yield "restart-blocks.jpg", encode(cat, "JPEG", quality=85, subsampling="4:4:4", restart_marker_blocks=3)
    yield "gray.jpg", encode(cat.convert("L"), "JPEG", quality=90)
    yield "gray-progressive.jpg", encode(suit.convert("L"), "JPEG", quality=80, progressive=True)
    yield "stored-as-rgb.jpg", encode(coffee, "JPEG", quality=90, keep_rgb=True)
    cmyk = encode(coffee.convert("CMYK"), "JPEG", quality=92)
    yield "cmyk.jpg", cmyk
    at = cmyk.index(b"\xff\xee")
    yield "cmyk-unmarked.jpg", cmyk[:at] + cmyk[at + 16:]
    yield "cmyk-progressive.jpg", encode(cat.convert("CMYK"), "JPEG", quality=85, progressive=True)
    yield "ycck.jpg", ycck(suit)
    for orientation in range(1, 9):
        yield (f"exif-{orientation}.jpg",
               encode(cat, "JPEG", quality=88, exif=b"Exif\0\0" + orientation_tag(orientation)))
    yield ("exif-6-big-endian.jpg",
           encode(rocket, "JPEG", quality=88, exif=b"Exif\0\0" + orientation_tag(6, ">")))
    yield "exif-broken.jpg", encode(suit, "JPEG", quality=88, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    yield "icc-and-comment.jpg", encode(cat, "JPEG", quality=88, icc_profile=bytes(3000), comment=b"note")
    yield "trailing-bytes.jpg", encode(cat, "JPEG", quality=88) + b"\0more after the end\xff\xda"
    for width, height in ((1, 1), (3, 2), (8, 8), (17, 33), (31, 9)):
        yield f"size-{width}x{height}.jpg", encode(cat.resize((width, height)), "JPEG", quality=90)
    yield "size-1x10000.jpg", encode(coffee.resize((1, 10000)), "JPEG", quality=90)
    yield "size-10000x1.jpg", encode(coffee.resize((10000, 1)), "JPEG", quality=90)


def png_images():
    cat = np.asarray(cut("chelsea_face.jpg", (0, 0, 500, 375), (83, 62))).astype(np.int64)
    gray = np.asarray(Image.fromarray(cat.astype(np.uint8)).convert("L")).astype(np.int64)
    height, width = gray.shape
    fade = np.linspace(0, 255, width).astype(np.int64)[None, :].repeat(height, axis=0)
    fine = (np.arange(width * height).reshape(height, width) * 7919) % 256  # Low bytes of 16 bits.
    for depth in (1, 2, 4, 8, 16):
        samples = gray * 256 + fine if depth == 16 else gray >> (8 - depth)
        yield f"gray-{depth}.png", png(samples, depth, GRAY)
        yield f"gray-{depth}-interlaced.png", png(samples, depth, GRAY, interlaced=True)
    for depth in (1, 2, 4, 8):
        reduced = Image.fromarray(cat.astype(np.uint8)).quantize(2 ** depth)
        plte = chunk(b"PLTE", bytes(reduced.getpalette()[:3 * 2 ** depth]))
        indices = np.asarray(reduced)
        yield f"palette-{depth}.png", png(indices, depth, PALETTE, before=plte)
        yield f"palette-{depth}-interlaced.png", png(indices, depth, PALETTE, interlaced=True, before=plte)
    opacity = chunk(b"tRNS", bytes(i * 37 % 256 for i in range(200)))
    yield "palette-8-trns.png", png(indices, 8, PALETTE, before=plte + opacity)
    yield "rgb-8.png", png(cat, 8, RGB)
    yield "rgb-8-interlaced.png", png(cat, 8, RGB, interlaced=True)
    yield "rgb-8-trns.png", png(cat, 8, RGB, before=chunk(b"tRNS", struct.pack(">HHH", *cat[5, 5])))
    yield "gray-8-trns.png", png(gray, 8, GRAY, before=chunk(b"tRNS", struct.pack(">H", gray[9, 9])))
    deep = cat * 256 + fine[:, :, None]
    yield "rgb-16.png", png(deep, 16, RGB)
    yield "rgb-16-interlaced.png", png(deep, 16, RGB, interlaced=True)
    yield "rgba-8.png", png(np.dstack([cat, fade]), 8, RGBA)
    yield "rgba-8-interlaced.png", png(np.dstack([cat, fade]), 8, RGBA, interlaced=True)
    yield "rgba-16.png", png(np.dstack([deep, fade * 257]), 16, RGBA)
    yield "gray-alpha-8.png", png(np.dstack([gray, fade]), 8, GRAY_ALPHA)
    yield "gray-alpha-16.png", png(np.dstack([gray * 256 + fine, fade * 257]), 16, GRAY_ALPHA)
    photo = Image.fromarray(cat.astype(np.uint8))
    yield "filtered.png", encode(photo, "PNG", optimize=True)
    yield "exif-8.png", png(cat, 8, RGB, before=chunk(b"eXIf", orientation_tag(8, ">")))
    notes = chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"tEXt", b"Comment\0a note")
    yield "text-and-gamma.png", png(cat, 8, RGB, before=notes)
    yield "animated.png", encode(photo, "PNG", save_all=True, append_images=[photo.rotate(180)], duration=100)
    yield "size-1x1.png", png(cat[:1, :1], 8, RGB)
    yield "size-1x10000.png", png((np.arange(10000) * 13 % 256)[:, None], 8, GRAY)
    yield "size-10000x1.png", png((np.arange(10000) * 13 % 256)[None, :], 8, GRAY)
    yield "size-5x3-interlaced.png", png(cat[:3, :5], 8, RGB, interlaced=True)


def webp_images():
    coffee = cut("coffee_cup.jpg", (0, 0, 441, 375), (101, 87))
    fade = Image.linear_gradient("L").resize(coffee.size)
    glass = coffee.copy()
    glass.putalpha(fade)
    yield "lossy.webp", encode(coffee, "WEBP", quality=80)
    yield "lossless.webp", encode(coffee, "WEBP", lossless=True)
    yield "lossy-alpha.webp", encode(glass, "WEBP", quality=80)
    yield "lossless-alpha.webp", encode(glass, "WEBP", lossless=True, exact=True)
    yield "exif-5.webp", encode(coffee, "WEBP", quality=80, exif=orientation_tag(5))
    yield "size-1x1.webp", encode(coffee.resize((1, 1)), "WEBP", quality=80)
    yield "size-3x7.webp", encode(coffee.resize((3, 7)), "WEBP", quality=80)


# What is written.

def write_expected(name, image, wanted):
    """One PNG that holds all expected pictures of an image, one below the other."""
    parts = [(DECODED, image)] if image.width * image.height <= DECODED_PIXELS_MAX and image.height < 100 else []
    parts += [(pipeline, fitted(image, PIPELINES[pipeline])) for pipeline in wanted]
    sheet = Image.new("RGB", (max(p.width for _, p in parts), sum(p.height for _, p in parts)))
    rows, top = [], 0
    for pipeline, picture in parts:
        sheet.paste(picture, (0, top))
        rows.append(dict(pipeline=pipeline, top=top, width=picture.width, height=picture.height))
        top += picture.height
    file = f"expected/{name}.png"
    sheet.save(HERE / file, optimize=True)
    return dict(sheet=file, sheet_sha256=hashlib.sha256(sheet.tobytes()).hexdigest(), parts=rows)


def describe(file, encoded, wanted):
    with Image.open(io.BytesIO(encoded)) as stored:
        entry = dict(file=file, sha256=hashlib.sha256(encoded).hexdigest(), kind=f"{stored.format} {stored.mode}")
        image = to_rgb(stored)
    return entry | write_expected(pathlib.PurePath(file).name, image, wanted)


def main():
    for folder in ("images", "expected", "hostile"):
        (HERE / folder).mkdir(exist_ok=True)
        for old in (HERE / folder).iterdir():
            old.unlink()
    images = []
    for photo, wanted in (("chelsea.jpg", LARGE), ("rocket_tall.jpg", LARGE[:1]), ("astronaut_wide.jpg", LARGE[2:3])):
        images.append(describe(f"../data/photos/{photo}", (PHOTOS / photo).read_bytes(), wanted))
    extra = {"baseline-444.jpg": ["padded", "odd"], "exif-6.jpg": ["padded", "odd"], "rgb-8.png": ["padded", "odd"],
             "size-31x9.jpg": ["padded"]}
    for source in (jpeg_images(), png_images(), webp_images()):
        for name, encoded in source:
            (HERE / "images" / name).write_bytes(encoded)
            images.append(describe(f"images/{name}", encoded, SMALL + extra.get(name, [])))
    hostile = []
    for name, encoded, reason in hostile_images.hostile_images():
        (HERE / "hostile" / name).write_bytes(encoded)
        hostile.append(dict(file=f"hostile/{name}", sha256=hashlib.sha256(encoded).hexdigest(), reason=reason))
    manifest = dict(pillow=PIL.__version__, pipelines=PIPELINES, images=images, hostile=hostile)
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(len(images), "images,", len(hostile), "hostile files")


if __name__ == "__main__":
    main()
