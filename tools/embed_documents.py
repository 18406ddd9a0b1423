#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the documents of api/ into C++ data: embed_documents.py OUTPUT FILE…

A .yaml file becomes JSON of the same name, with its anchors and merges written out and without the
keys at its top that begin with x-; other files stay as they are. OUTPUT is one initialiser a document, for src/gateway/http/api_documents.cc.
"""

import hashlib
import json
import pathlib
import sys

import yaml

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
        return path.name, PLAIN_TEXT, content
    document = {key: value for key, value in yaml.load(content, Documents).items()
                if not key.startswith("x-")}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return path.with_suffix(".json").name, "application/json", text.encode() + b"\n"


def lines_of(content: bytes):
    for begin in range(0, len(content), 32):
        yield ",".join(str(byte) for byte in content[begin:begin + 32])


def main() -> int:
    output, *files = map(pathlib.Path, sys.argv[1:])
    arrays, rows = [], []
    for number, file in enumerate(files):
        name, media_type, content = served(file)
        digest = hashlib.sha256(content).hexdigest()[:16]
        arrays.append(f"constexpr std::array<std::uint8_t, {len(content)}> kDocument{number}{{\n"
                      + ",\n".join(lines_of(content)) + "};\n")
        rows.append(f'    ApiDocument{{"{name}", "{media_type}", "\\"{digest}\\"", kDocument{number}}},\n')
    text = "".join(arrays) + "constexpr std::array kDocuments{\n" + "".join(rows) + "};\n"
    output.write_text(text, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
