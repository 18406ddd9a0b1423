#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns documents into C++ data: embed_documents.py OUTPUT ARRAY FILE…

A .yaml file becomes JSON of the same name, with its anchors and merges written out and without the
keys at its top that begin with x-; other files stay as they are. OUTPUT defines ARRAY, of EmbeddedDocuments
(src/gateway/http/embedded_document.h).
"""

import hashlib
import json
import pathlib
import sys

import yaml

MEDIA_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
               ".js": "text/javascript; charset=utf-8"}
PLAIN_TEXT = "text/plain; charset=utf-8"


class Documents(yaml.SafeLoader):
    """YAML as JSON has it: a date stays the text that it is."""


Documents.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def served(path: pathlib.Path) -> tuple[str, str, bytes]:
    """(name, media type, content) of what is served for a file."""
    content = path.read_bytes()
    if path.suffix != ".yaml":
        return path.name, MEDIA_TYPES.get(path.suffix, PLAIN_TEXT), content
    document = {key: value for key, value in yaml.load(content, Documents).items()
                if not key.startswith("x-")}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return path.with_suffix(".json").name, "application/json", text.encode() + b"\n"


def lines_of(content: bytes):
    for begin in range(0, len(content), 32):
        yield ",".join(str(byte) for byte in content[begin:begin + 32])


def main() -> int:
    output, array, *files = sys.argv[1:]
    arrays, rows = [], []
    for number, file in enumerate(files):
        name, media_type, content = served(pathlib.Path(file))
        digest = hashlib.sha256(content).hexdigest()[:16]
        arrays.append(f"constexpr std::array<std::uint8_t, {len(content)}> {array}{number}{{\n"
                      + ",\n".join(lines_of(content)) + "};\n")
        rows.append(f'    EmbeddedDocument{{"{name}", "{media_type}", "\\"{digest}\\"", {array}{number}}},\n')
    text = "".join(arrays) + f"constexpr std::array {array}{{\n" + "".join(rows) + "};\n"
    pathlib.Path(output).write_text(text, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
