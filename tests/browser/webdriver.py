# SPDX-License-Identifier: Apache-2.0
"""A browser under test: as much of W3C's WebDriver as these tests need, spoken with Debian's chromedriver."""

import base64
import json
import re
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver's name of an element's reference.
TAB, ENTER = "\ue004", "\ue007"


class Browser:
    def __init__(self, folder, dark=False, width=1280, height=1100):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        line = ""
        while not (found := re.search(r"on port (\d+)\.", line)):
            line = self.driver.stdout.readline()
            assert line, "chromedriver does not start"
        self.url = f"http://127.0.0.1:{found.group(1)}"
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={width},{height}",
                   f"--user-data-dir={folder}", "--disable-dev-shm-usage", "--hide-scrollbars"]
        if dark:
            options.append("--blink-settings=preferredColorScheme=0")
        answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"args": options},
            "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.session = f"/session/{answer['sessionId']}"

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method,
                                         data=json.dumps(body).encode() if body is not None else None)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None

    def open(self, url):
        self.call("POST", f"{self.session}/url", {"url": url})

    def run(self, script, *arguments):
        return self.call("POST", f"{self.session}/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        return self.call("POST", f"{self.session}/element", {"using": "css selector", "value": selector})[ELEMENT]

    def text(self, selector):
        return self.call("GET", f"{self.session}/element/{self.find(selector)}/text")

    def type(self, selector, text):
        self.call("POST", f"{self.session}/element/{self.find(selector)}/value", {"text": text})

    def press(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", f"{self.session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def cdp(self, command, **parameters):
        """A command of Chromium's own protocol."""
        return self.call("POST", f"{self.session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def console(self):
        """What the page has complained of."""
        return self.call("POST", f"{self.session}/se/log", {"type": "browser"})

    def screenshot(self, file):
        """Of the whole page."""
        size = self.cdp("Page.getLayoutMetrics")["cssContentSize"]
        answer = self.cdp("Page.captureScreenshot", captureBeyondViewport=True,
                          clip={"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1})
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(answer["data"]))

    def until(self, condition, what, seconds=30):
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        return value

    def close(self):
        try:
            self.call("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait(20)
