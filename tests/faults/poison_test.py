# SPDX-License-Identifier: Apache-2.0
"""Pictures that hurt: each costs at most two workers, and other requests nothing."""

import base64
import itertools
import json
import random
import threading

from tests.faults.injection import check_deaths
from tests.faults.ledger import outcome_of
from tests.faults.pictures import OTHER_BAD, bombs, broken, grays, jpeg
from tests.process.fake_rules import BAD, GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import PHOTOS, TINY, private_mib

SERVICE_MS = 10
CAPACITY = 2 * 1000 / SERVICE_MS
CRASHED, QUARANTINED = "500 REQUEST_CRASHED_WORKER", "500 REQUEST_QUARANTINED"


def test_f59_a_deadly_image_that_is_sent_again_and_again_kills_two_workers(
        fault, serve, fake_model, tmp_path):
    models = fake_model(rule("segv"), service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", models=models) as server:
        good = fault.load(server, grays(tmp_path, GOOD), rate=0.4 * CAPACITY, seconds=4)
        answers = []
        for _ in range(21):
            fault.inject("deadly picture")
            answers.append(fault.ask(server, gray(BAD), expected=[CRASHED, QUARANTINED]))
        fault.settle(good)
        assert [answer["reason"] for _, _, answer in answers] == (
            ["REQUEST_CRASHED_WORKER"] + 20 * ["REQUEST_QUARANTINED"])
        assert not any(answer["retryable"] for _, _, answer in answers)
        deaths = check_deaths(server, 2, cause="signal", words="signal 11")
        assert len({death["digest"] for death in deaths}) == 1
        assert server.metric("holdfast_quarantined_total") == 1
        assert server.metric("holdfast_worker_exits_total") == 2
        check_operator_view(server, {death["digest"] for death in deaths})


def check_operator_view(server, digests):
    """The operator's port tells what is needed to reproduce, and lets the image in again."""
    def ask(method, path, port):
        status, _, text = server.request(method, path, port=port)
        return status, json.loads(text)
    _, told = ask("GET", "/debug/deaths", server.admin_port)
    assert {death["digest"] for death in told["deaths"]} == digests
    assert {death["cause"] for death in told["deaths"]} == {"signal"}
    _, kept = ask("GET", "/debug/quarantine", server.admin_port)
    assert {entry["digest"] for entry in kept["quarantined"]} == digests
    assert all(0 < entry["expires_in_s"] <= 600 for entry in kept["quarantined"])
    assert ask("GET", "/debug/deaths", server.port)[0] == 404
    assert ask("DELETE", "/debug/quarantine", server.admin_port) == (200, {"cleared": 1})
    assert ask("GET", "/debug/quarantine", server.admin_port)[1] == {"quarantined": []}


def test_x13_two_deadly_images_in_turn(fault, serve, fake_model, tmp_path):
    models = fake_model(rule("segv") + rule("abort", OTHER_BAD), service_ms=SERVICE_MS,
                        busy="false")
    with serve("--workers", "2", models=models) as server:
        good = fault.load(server, grays(tmp_path, GOOD), rate=0.4 * CAPACITY, seconds=4)
        for _ in range(12):
            for label in (BAD, OTHER_BAD):
                fault.inject("deadly picture")
                fault.ask(server, gray(label), expected=[CRASHED, QUARANTINED])
        fault.settle(good)
        check_deaths(server, 4, cause="signal")
        assert server.metric("holdfast_quarantined_total") == 2
        assert server.metric("holdfast_refused_total", reason="REQUEST_QUARANTINED") == 22


def test_f27_bombs_are_refused_from_their_headers(fault, serve, tiny_photos, tmp_path):
    photo, label = tiny_photos[0]
    with serve("--workers", "2", models=TINY,
               golden=(photo.read_bytes(), label)) as server:
        corpus = bombs()
        before = max(private_mib(pid) for pid in server.workers())
        good = fault.load(server, tiny_photos, rate=40, seconds=fault.pick(5, 60))
        while good.running:
            for image, reason in corpus.values():
                fault.inject("bomb")
                _, _, answer = fault.ask(server, image, expected=[
                    "422 IMAGE_TOO_LARGE", "415 UNSUPPORTED_MEDIA"])
                assert answer["reason"] == reason, answer
                threading.Event().wait(0.02)
        fault.settle(good)
        grown = max(private_mib(pid) for pid in server.workers()) - before
        fault.note(f"workers grew by {grown:.0f} MiB")
        assert grown < 150  # Nothing of a size that a bomb names.
        assert server.metric("holdfast_worker_exits_total") == 0
        assert not server.events("worker-died")
        refused = server.metric("holdfast_refused_total", reason="IMAGE_TOO_LARGE")
        assert refused == fault.outcomes["422 IMAGE_TOO_LARGE"] > 0


def test_f28_files_that_are_cut_or_flipped_harm_nobody(fault, serve, tiny_photos):
    """Every answer is one of three; a flipped bit may still be a picture."""
    photo, label = tiny_photos[0]
    small = PHOTOS / "chelsea_face.jpg"
    rng = random.Random(28)
    originals = [small.read_bytes(), gray(GOOD), jpeg(300, 200, progressive=True),
                 jpeg(301, 199, quality=95)]
    count = fault.pick(240, 5200)
    fine = ["422 IMAGE_DECODE_FAILED", "422 IMAGE_TOO_LARGE", "415 UNSUPPORTED_MEDIA"]
    with serve("--workers", "2", models=TINY, golden=(photo.read_bytes(), label)) as server:
        def ask_all(image):
            for file in broken(image, random.Random(rng.random()), count):
                fault.inject("broken file")
                fault.ask(server, file, expected=fine)
        askers = [threading.Thread(target=ask_all, args=[image]) for image in originals]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert fault.offered == 4 * count
        assert server.metric("holdfast_worker_exits_total") == 0
        refused = server.metric("holdfast_refused_total")
        assert refused == fault.refused > 0


def test_f30_one_bad_item_of_eight_costs_only_itself(fault, serve, fake_model, tmp_path):
    """Items of one request run alone: the culprit is named, and other requests are not hurt."""
    models = fake_model(service_ms=2, busy="false")
    with serve("--workers", "2", models=models) as server:
        turns = fault.pick(40, 400)
        good = fault.load(server, grays(tmp_path, GOOD), rate=60, seconds=3)
        # One that only its decoder finds out, and one that is seen to be none at all.
        kinds = [(gray(GOOD)[:60], "422 IMAGE_DECODE_FAILED", "corrupt item among eight"),
                 (b"no image", "415 UNSUPPORTED_MEDIA", "item among eight that is no image")]
        for turn, (bad, refusal, what) in itertools.product(range(turns), kinds):
            items = [{"b64": base64.b64encode(gray(GOOD)).decode()} for _ in range(8)]
            items[turn % 8] = {"b64": base64.b64encode(bad).decode()}
            fault.inject(what)
            status, _, answer = fault.ask(
                server, json.dumps({"instances": items}).encode(), path="/v1/models/fake:predict",
                headers={"content-type": "application/json"}, expected=[refusal])
            assert outcome_of(status, answer, None) == refusal and answer["item"] == turn % 8
        fault.settle(good)
        assert server.metric("holdfast_worker_exits_total") == 0
        for reason in "IMAGE_DECODE_FAILED", "UNSUPPORTED_MEDIA":
            assert server.metric("holdfast_refused_total", reason=reason) == turns
