# SPDX-License-Identifier: Apache-2.0
"""Holds manifests against the definitions that a cluster's own kinds come with.

    python3 -m deploy.check.crd MANIFEST.yaml... --definitions CRD.yaml...

The definitions are published with KServe and KEDA; a cluster that has them gives them, too:
kubectl get crd NAME -o yaml. Fields that a definition does not know are problems here, although a
cluster drops them in silence. Exit code 1 where there is a problem, or a kind without a definition.
"""

import argparse
import pathlib
import sys
from typing import Any

import jsonschema
import yaml


def schemas_of(texts: list[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """{(apiVersion, kind): schema}"""
    found = {}
    for text in texts:
        for document in yaml.safe_load_all(text):
            if not document or document.get("kind") != "CustomResourceDefinition":
                continue
            spec = document["spec"]
            for version in spec["versions"]:
                key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                found[key] = closed(version["schema"]["openAPIV3Schema"])
    return found


def closed(schema: Any) -> Any:
    """The schema without room for fields that it does not name."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    if schema.get("type") == "object" and "properties" in schema and \
            "additionalProperties" not in schema and \
            not schema.get("x-kubernetes-preserve-unknown-fields") and "kind" not in schema["properties"]:
        made["additionalProperties"] = False
    return made


def problems(document: dict[str, Any], schemas: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    key = (document["apiVersion"], document["kind"])
    if key not in schemas:
        return [f"{key[1]}: no definition of {key[0]}"]
    return [f"{key[1]} {'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in jsonschema.Draft7Validator(schemas[key]).iter_errors(document)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m deploy.check.crd", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", nargs="+", type=pathlib.Path)
    parser.add_argument("--definitions", nargs="+", type=pathlib.Path, required=True)
    options = parser.parse_args()
    schemas = schemas_of([file.read_text() for file in options.definitions])
    found = [f"{file}: {problem}" for file in options.manifests
             for document in yaml.safe_load_all(file.read_text())
             for problem in problems(document, schemas)]
    print("\n".join(found) if found else "manifests: as defined")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
