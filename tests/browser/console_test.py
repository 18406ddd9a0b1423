# SPDX-License-Identifier: Apache-2.0
"""The console as an operator sees it: in Chromium, with load and deaths, by keyboard and screen reader."""

import contextlib
import threading

import pytest

from tests.browser.webdriver import ENTER, TAB, Browser
from tests.process.conftest import *  # noqa: F403  The fixtures of servers.
from tests.process.running_server import PHOTOS, ROOT, Server, kill, wait_until

SHOTS = ROOT / "build/results/console"


@pytest.fixture
def server(tmp_path, demo_repository):
    with Server(tmp_path, "--workers", "2", models=demo_repository) as running:
        yield running


@pytest.fixture
def browse(tmp_path, server):
    """browse(**options): the console in a browser."""
    with contextlib.ExitStack() as browsers:
        def open_one(**options):
            browser = Browser(tmp_path / f"browser-{len(list(tmp_path.iterdir()))}", **options)
            browsers.callback(browser.close)
            browser.open(f"http://127.0.0.1:{server.admin_port}/console")
            browser.until(lambda: browser.text("#state") == "ready", "the page knows the server")
            return browser
        yield open_one


@contextlib.contextmanager
def load(server):
    stop = threading.Event()

    def ask():
        photos = sorted(PHOTOS.glob("*.jpg"))
        while not stop.is_set():
            for photo in photos:
                server.classify(photo.read_bytes())
            server.request("POST", "/classify", b"no picture")
    asking = threading.Thread(target=ask)
    asking.start()
    yield
    stop.set()
    asking.join()


def test_it_shows_load_and_deaths(server, browse):
    browser = browse()
    assert browser.text("#version") and "efficientnet-lite0" in browser.text("#models")
    with load(server):
        browser.until(lambda: browser.text("#rate") not in ("–", "0.0"), "the rate moves")
        victim = server.workers()[0]
        kill(victim)
        browser.until(lambda: "killed-from-outside" in browser.text("#deaths"), "the death is told")
        browser.until(lambda: "died here" in browser.text("#workers"), "the tile tells it, too")
        browser.until(lambda: "UNSUPPORTED_MEDIA" in browser.text("#errors"), "and what was not answered")
        assert "no picture" in browser.text("#errors"), "with advice"
        browser.until(lambda: browser.run(
            "return document.querySelector('#rate-chart path').getAttribute('d').split('L').length") > 8, "a chart grows")
        assert browser.text("#p50").endswith("ms") and "%" in browser.text("#busy")
        browser.screenshot(SHOTS / "light.png")
    assert not [entry for entry in browser.console() if entry["level"] == "SEVERE"], browser.console()


def test_dark_and_narrow(server, browse):
    with load(server):
        dark = browse(dark=True)
        assert dark.run("return matchMedia('(prefers-color-scheme: dark)').matches")
        dark.until(lambda: dark.text("#rate") not in ("–", "0.0"), "the rate moves")
        dark.screenshot(SHOTS / "dark.png")
        narrow = browse(width=500, height=900)
        narrow.until(lambda: narrow.text("#rate") not in ("–", "0.0"), "the rate moves")
        narrow.screenshot(SHOTS / "narrow.png")
        assert narrow.run("return document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground(browse, dark):
    browser = browse(dark=dark)
    poor = browser.run("""
      const channel = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
      const parse = (c) => c.match(/[\\d.]+/g).map(Number);
      const light = (c) => { const [r, g, b] = parse(c).map((v) => channel(v / 255));
                             return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const ground = (e) => { for (; e; e = e.parentElement) {
          const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return getComputedStyle(e).backgroundColor; }
          return "rgb(255,255,255)"; };
      return [...document.querySelectorAll("body *")].filter((e) => e.offsetParent &&
          [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
        const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
        return [e.tagName + "." + e.className, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
      }).filter(([, ratio]) => ratio < 4.5);""")
    assert not poor, "WCAG asks for 4.5 : 1"


def test_a_photo_is_classified(browse):
    browser = browse()
    browser.until(lambda: browser.run("return document.getElementById('model').options.length"), "models are known")
    browser.type("#photo", str(PHOTOS / "chelsea.jpg"))
    browser.until(lambda: "tiger cat" in browser.text("#answer") or "tabby" in browser.text("#answer"), "its classes")
    assert "%" in browser.text("#answer")
    browser.screenshot(SHOTS / "photo.png")
    browser.type("#photo", str(ROOT / "README.md"))
    browser.until(lambda: "UNSUPPORTED_MEDIA" in browser.text("#answer"), "what is no photo is told")


def test_it_can_be_used_by_keyboard(browse):
    browser = browse()
    browser.press(TAB)
    assert browser.run("return document.activeElement.className") == "skip"
    browser.press(ENTER)
    assert browser.run("return document.activeElement.id") == "main"
    reached = set()
    for _ in range(12):
        browser.press(TAB)
        reached.add(browser.run("const e = document.activeElement; return e.id || e.getAttribute('aria-labelledby')"))
        assert browser.run("const s = getComputedStyle(document.activeElement); "
                           "return document.activeElement === document.body || s.outlineStyle !== 'none'"), "focus is seen"
    assert {"photo", "model", "models-title", "errors-title", "deaths-title", "quarantine-title"} <= reached


def test_a_screen_reader_finds_its_way(browse):
    browser = browse()
    nodes = browser.cdp("Accessibility.getFullAXTree")["nodes"]
    named = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]}
    roles = {role for role, _ in named}
    assert {"main", "banner", "status", "table", "heading"} <= roles
    for heading in ("Now", "Workers", "Try a photo", "Models", "Last deaths of workers", "Quarantine"):
        assert ("heading", heading) in named
    images = [name for role, name in named if role in ("image", "img")]
    assert len(images) >= 2 and all("highest" in name or "Answered" in name or "Latency" in name for name in images)
    for role, name in named:
        if role in ("combobox", "button", "textbox", "link"):
            assert name, f"a {role} without a name"


def test_it_says_when_the_server_is_away_and_when_it_is_back(tmp_path, server, browse):
    browser = browse()
    kill(server.gateway())
    wait_until(lambda: server.get("/healthz")[0] == 200, "the next gateway")
    browser.until(lambda: browser.text("#state") == "ready", "the page goes on")
    server.stop()
    browser.until(lambda: browser.text("#state") == "does not answer", "it says so")
