# SPDX-License-Identifier: Apache-2.0
"""Repositories with the demo model, as the releases of a service: old, new, and one that is wrong."""

import re
import shutil

from tests.process.running_server import MODELS, PHOTOS, oracle

MODEL = "efficientnet-lite0"
DEMO = MODELS / MODEL / "1"
OLD, NEW = "1", "2"


class Releases:
    """`old` and `new` differ in the version that their answers name. The golden example of `broken`
    is of a class that the model does not say, as in a release with a wrong model."""

    def __init__(self, folder):
        self.folder = folder
        self.photos = oracle(DEMO, sorted(PHOTOS.glob("*.jpg")))
        self.old = self._release("old", OLD)
        self.new = self._release("new", NEW)
        self.broken = self._release("broken", NEW)
        description = self.broken / MODEL / NEW / "model.toml"
        text, changed = re.subn(r"(\[\[golden\]\]\nfile = .*\nclass = )\d+", r"\g<1>0",
                                description.read_text())
        assert changed, "the demo model has no golden example"
        description.write_text(text)

    def _release(self, name, version):
        shutil.copytree(DEMO, self.folder / name / MODEL / version)
        return self.folder / name
