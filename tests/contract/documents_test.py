# SPDX-License-Identifier: Apache-2.0
"""The commands of the documents for those who begin, or come from another server: each is run.

A fenced block is one of commands where it is called `sh`, or is called nothing and does not begin
with a space, as a picture does. Its commands are run in their order, with what stand_ins() gives in
the place of what a reader has and we have not, and with free ports. A server goes on until its block
ends; a block that only asks has one with the model `resnet50`. A block whose first line is one of
ELSEWHERE is not run. Any other command that is not known here fails.
"""

import contextlib
import json
import re
import shlex
import subprocess

import pytest

from tests.contract.conftest import MODEL
from tests.process.running_server import BIN, MODELS, PHOTOS, ROOT, Server

pytestmark = pytest.mark.usefixtures("built")

DOCUMENTS = [ROOT / "README.md", ROOT / "docs/models.md",
             *sorted((ROOT / "docs/migrate").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("# needs an account\n", "# needs the internet\n")
PORT = re.compile(r"(--(?:http-port|grpc-port|rest_api_port|port)[ =])\d+")
PICTURES = {"chelsea.jpg": "tiger cat", "coffee.jpg": "espresso"}


def blocks():
    for document in DOCUMENTS:
        text = document.read_text()
        for match in BLOCK.finditer(text):
            language, block = match.groups()
            line = text.count("\n", 0, match.start()) + 2
            if language == "sh" or language == "" and not block.startswith(" "):
                yield pytest.param(block, id=f"{document.relative_to(ROOT)}:{line}")


def commands(block):
    for line in block.replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            yield shlex.split(line)


def stand_ins(folder):
    """What a document's words stand for here: [(text, ours)], the longer ones first."""
    models, packed = folder / "models", folder / "packed"
    models.mkdir()
    (models / "resnet50").symlink_to(MODELS / MODEL)
    onnx = MODELS / MODEL / "1/model.onnx"
    labels = MODELS / MODEL / "1/labels.txt"
    return sorted({
        "build/release/bin/holdfast": BIN / "holdfast",
        "build/onnx/resnet50.onnx": onnx,
        "build/models": packed,
        "/opt/ml/model": models,
        "/models/resnet50": models / "resnet50",
        "/models/flowers": ROOT / "tests/data/openvino/keras",
        "/models": models,
        "kitten.jpg": PHOTOS / "chelsea.jpg",
        "MODEL.onnx": onnx, "LABELS.txt": labels, "DIR": packed, "NAME": "mine",
        "PHOTO.jpg=CLASS": f"{PHOTOS / 'coffee.jpg'}=967",
    }.items(), key=lambda one: -len(one[0]))


class Place:
    """Where the commands of one block are run."""

    def __init__(self, folder, stack):
        self.folder, self.stack, self.server = folder, stack, None
        self.words = stand_ins(folder)

    def translate(self, word):
        for text, ours in self.words:
            if re.search(rf"(?<![\w./-]){re.escape(text)}(?![\w.-])", word):
                return word.replace(text, str(ours))
        return word

    def run(self, words):
        program, rest = words[0].rsplit("/", 1)[-1], words[1:]
        match program, rest[:1]:
            case "holdfast", ["serve"]:
                self.serve(rest[1:])
            case "dev", ["run"]:
                self.serve(rest[1:], program=("./dev", "run"))
            case "dev", ["demo"]:
                assert "demo: done" in self.call(words)
            case "holdfast", ["pack"]:
                self.pack(words)
            case "holdfast", ["tune"]:
                assert "chosen" in self.call([self.translate(word) for word in words])
            case "curl", _:
                self.curl(words)
            case _:
                pytest.fail(f"nobody knows how to run {shlex.join(words)}: mark its block with "
                            f"{' or '.join(line.strip() for line in ELSEWHERE)}, or teach this test")

    def serve(self, flags, **keywords):
        """Starts a server with the document's flags; it becomes ready and ends as it should."""
        assert self.server is None, "a block has one server at most"
        flags = shlex.split(PORT.sub(r"\g<1>0", shlex.join(map(self.translate, flags))))
        self.server = Server(self.folder, *flags, cwd=ROOT, wait=False, **keywords)
        self.stack.callback(self.end)
        self.server.await_ready(120)

    def end(self):
        if self.server.process.poll() is None:
            assert self.server.stop() == 0

    def call(self, words):
        done = subprocess.run([str(word) for word in words], cwd=ROOT, capture_output=True,
                              text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pack(self, words):
        """Packs, and looks at what was packed."""
        words = [self.translate(word) for word in words]
        self.call(words)
        repository, name = (words[words.index(flag) + 1] for flag in ("--repository", "--name"))
        (version,) = (f"{repository}/{name}/{one.name}" for one in
                      (self.folder / "packed" / name).iterdir())
        self.call([words[0], "inspect", version])

    def curl(self, words):
        """Asks the block's server; the answer is the class of the photo that is sent."""
        if self.server is None:
            self.serve(["--model-repository", "/models"])
        words = [self.translate(word) for word in words]
        words = [re.sub(r"localhost:\d+", f"localhost:{self.server.port}", word) for word in words]
        answer = json.loads(self.call([words[0], "--silent", "--show-error", "--fail", *words[1:]]))
        best = answer["predictions"][0]["label"] if "predictions" in answer else next(iter(answer))
        photo = next(photo for photo in PICTURES if photo in shlex.join(words))
        assert best == PICTURES[photo]


@pytest.mark.parametrize("block", list(blocks()))
def test_a_documents_commands_work(block, tmp_path):
    if block.startswith(ELSEWHERE):
        pytest.skip(block.splitlines()[0].strip("# "))
    with contextlib.ExitStack() as stack:
        place = Place(tmp_path, stack)
        for words in commands(block):
            place.run(words)


def test_every_document_has_commands():
    found = {block.id.split(":")[0] for block in blocks()}
    assert found == {str(document.relative_to(ROOT)) for document in DOCUMENTS}


@pytest.mark.parametrize("line", ["rm -rf x", "holdfast explode", "./dev fly", "docker run x"])
def test_a_command_that_nobody_knows_fails(line, tmp_path):
    with contextlib.ExitStack() as stack, pytest.raises(pytest.fail.Exception, match="nobody knows"):
        Place(tmp_path, stack).run(shlex.split(line))
