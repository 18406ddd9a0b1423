# SPDX-License-Identifier: Apache-2.0
"""Optimised graphs are kept from one start to the next, and never stand in the way of serving."""

import pathlib
import re
import shutil

import pytest

from tests.process.running_server import MODELS, TINY, Server, kill, wait_until


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def served(folder, cache, *arguments, models=TINY):
    """A server that has started; what it loaded is its first `model-loaded`."""
    return Server(folder, "--model-cache", cache, *arguments, models=models)


def origin(server):
    return server.events("model-loaded")[-1]["graph"]


def entries(cache):
    return [entry for entry in (cache / ".graphs").iterdir() if not entry.name.startswith(".")]


def mapped_weights(pid):
    """Bytes of kept weights that a process has mapped."""
    text = pathlib.Path(f"/proc/{pid}/maps").read_text()
    ranges = re.findall(r"^(\w+)-(\w+) .*/\.graphs/\w+/weights\.bin$", text, re.MULTILINE)
    return sum(int(end, 16) - int(start, 16) for start, end in ranges)


def test_the_second_start_uses_what_the_first_one_made(tmp_path, cache, photos):
    with served(tmp_path, cache, "--workers", "1", models=MODELS) as first:
        assert {event["graph"] for event in first.events("model-loaded")} == {"made"}
        assert first.stop() == 0
    assert len(entries(cache)) == len(list(MODELS.iterdir()))
    with served(tmp_path, cache, "--workers", "1", models=MODELS) as second:
        assert {event["graph"] for event in second.events("model-loaded")} == {"kept"}
        assert any("from the graph cache" in line for line in second.plan)
        for photo, right in photos:
            assert second.classify(photo.read_bytes())[2]["predictions"][0]["index"] == right
        assert all(mapped_weights(worker) > 1e6 for worker in second.workers())


def test_a_killed_zygote_comes_back_with_the_kept_graph(tmp_path, cache):
    with served(tmp_path, cache) as server:
        assert origin(server) == "made"
        kill(server.zygote())
        server.await_event("model-loaded", count=2)
        assert origin(server) == "kept"


def test_a_zygote_that_died_of_an_entry_does_without_it(tmp_path, cache):
    with served(tmp_path, cache) as server:
        (entries(cache)[0] / "trial").touch()  # As if it had died during its first inference.
        kill(server.zygote())
        server.await_event("model-loaded", count=2)
        assert origin(server) == "optimised"
        server.await_ready()


def test_a_damaged_entry_is_made_anew_while_nobody_notices(tmp_path, cache):
    with served(tmp_path, cache) as server:
        for file in entries(cache)[0].iterdir():
            file.write_bytes(bytes(len(file.read_bytes())))
        kill(server.zygote())
        server.await_event("model-loaded", count=2)
        assert origin(server) == "made"


def test_an_entry_may_vanish_under_a_server_that_uses_it(tmp_path, cache, photos):
    with served(tmp_path, cache, "--workers", "1", models=MODELS) as server:
        shutil.rmtree(cache)
        before = server.workers()
        kill(before[0])
        server.await_workers(len(before), without=before[:1])
        for photo, right in photos:
            assert server.classify(photo.read_bytes())[2]["predictions"][0]["index"] == right


def test_off_keeps_nothing(tmp_path, cache):
    with served(tmp_path, cache, "--graph-cache", "off") as server:
        assert origin(server) == "optimised"
    assert not cache.exists()


def test_where_others_may_write_nothing_is_kept(tmp_path, cache):
    graphs = cache / ".graphs"
    graphs.mkdir(parents=True)
    graphs.chmod(0o777)
    with served(tmp_path, cache) as server:
        assert origin(server) == "optimised"
        warning = wait_until(lambda: server.events("graph-cache-off"), "graph-cache-off")
        assert str(graphs) in warning[0]["why"]
    assert not list(graphs.iterdir())
