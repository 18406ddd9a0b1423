# SPDX-License-Identifier: Apache-2.0
"""Wrong answers: none may be delivered, and every kind of picture must mean what it shows."""

import io
import shutil

from PIL import Image, ImageOps

from tests.faults.injection import check_deaths
from tests.faults.pictures import grays, jpeg
from tests.faults.start_test import serve_until_it_ends
from tests.process.fake_rules import BAD, GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import ROOT, TINY

SERVICE_MS = 10
CAPACITY = 2 * 1000 / SERVICE_MS
GOLDEN = ROOT / "tests/golden"
INVALID = ["500 OUTPUT_INVALID", "500 REQUEST_QUARANTINED", "500 REQUEST_CRASHED_WORKER"]


def test_f31_outputs_that_cannot_be_are_withheld(fault, serve, fake_model, tmp_path):
    for what in ("nan", "inf", "zeros"):
        models = fake_model(rule(what), service_ms=SERVICE_MS, busy="false")
        with serve("--workers", "2", models=models) as server:
            good = fault.load(server, grays(tmp_path, GOOD), rate=0.3 * CAPACITY,
                              seconds=fault.pick(2, 30))
            for shade in range(3):
                fault.inject(f"answer of {what}")
                status, _, answer = fault.ask(server, gray(BAD, shade=shade), expected=INVALID)
                assert (status, answer["reason"]) == (500, "OUTPUT_INVALID")
            fault.settle(good)
            assert server.metric("holdfast_invalid_outputs_total") == 6
            check_deaths(server, 6, cause="invalid-output")
            assert len(server.events("answer-invalid")) == 6
    # A model whose golden example comes out wrong is never ready.
    broken = tmp_path / "broken"
    shutil.copytree(TINY / "tiny/1", broken / "tiny/1")
    text = (broken / "tiny/1/model.toml").read_text()
    (broken / "tiny/1/model.toml").write_text(text.replace("class = 2", "class = 3"))
    fault.inject("golden example that comes out wrong")
    code, last, pings, _ = serve_until_it_ends(tmp_path, models=broken)
    assert code == 78 and "golden/red.png" in last and 200 not in pings


def as_plain_png(file):
    """The picture as Pillow shows it, in the plainest form; None where Pillow is not followed."""
    if file.name.startswith("gray-16"):  # docs/reference/images.md says why.
        return None
    picture = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
    plain = io.BytesIO()
    picture.save(plain, "PNG")
    return plain.getvalue()


def scores(answer):
    return {entry["index"]: entry["probability"] for entry in answer["predictions"]}


def odd_pictures(folder):
    """Pictures at the edges of what there is."""
    for width, height in ((1, 1), (1, 10_000), (10_000, 1), (223, 225), (7, 3)):
        file = folder / f"{width}x{height}.jpg"
        file.write_bytes(jpeg(width, height, level=120, quality=95))
        yield file


def test_f29_every_kind_of_picture_means_what_it_shows(fault, serve, demo_repository, photos,
                                                       tmp_path):
    """Each file of the golden corpus against the same pixels, as Pillow reads them, in a PNG."""
    golden = (photos[0][0].read_bytes(), photos[0][1])
    worst = {"jpg": 0.0, "png": 0.0, "webp": 0.0}
    with serve("--workers", "2", models=demo_repository, golden=golden) as server:
        for file in [*sorted((GOLDEN / "images").iterdir()), *odd_pictures(tmp_path)]:
            plain = as_plain_png(file)
            if plain is None:
                continue
            _, _, expected = server.classify(plain, path="/classify?top=20")
            best = expected["predictions"][0]["index"]
            fault.inject("kind of picture")
            status, _, answer = fault.ask(server, file.read_bytes(), best, path="/classify?top=20")
            assert status == 200, (file.name, answer)
            mine, reference = scores(answer), scores(expected)
            kind = file.suffix[1:]
            apart = max(abs(mine[index] - reference[index]) for index in mine if index in reference)
            worst[kind] = max(worst[kind], apart)
            assert apart <= (1e-2 if kind == "jpg" else 1e-3), (file.name, apart)
        unsupported = [("header.gif", 415), ("page.html", 415), ("header.heic", 415),
                       ("photo.bmp", 415), ("empty", 415), ("animated.webp", 415)]
        for name, code in unsupported:
            fault.inject("kind of file that is refused")
            status, _, _ = fault.ask(server, (GOLDEN / "hostile" / name).read_bytes(),
                                     expected=["415 UNSUPPORTED_MEDIA"])
            assert status == code, name
        fault.note("largest difference of a probability: " +
                   ", ".join(f"{kind} {value:.0e}" for kind, value in worst.items()))
        assert fault.injected["kind of picture"] >= 50
        assert server.metric("holdfast_worker_exits_total") == 0
