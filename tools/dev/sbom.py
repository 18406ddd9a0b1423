# SPDX-License-Identifier: Apache-2.0
"""What the image holds, as an SPDX 2.3 document: python -m tools.dev.sbom FACTS.json OUTPUT

FACTS.json is what tools.dev.image_files has found out:
{"version", "revision", "arch": "x86_64" or "aarch64", "created": seconds since 1970,
 "openvino": bool, "debian": [{"name", "version", "arch", "source"}]}.
The packages of the base image are not ours: its own list has them.
"""

import argparse
import datetime
import json
import pathlib
import re
import uuid

from tools.dev import downloads, onnxruntime_sdk, openvino_sdk

LIBRARIES = {
    "onnxruntime": (onnxruntime_sdk.VERSION, "MIT", "Organization: Microsoft Corporation"),
    "openvino": (openvino_sdk.VERSION, "Apache-2.0", "Organization: Intel Corporation"),
}


def identifier(*words: str) -> str:
    """SPDX allows letters, digits, dots and hyphens."""
    return "SPDXRef-" + "-".join(re.sub(r"[^A-Za-z0-9.]+", "-", word).strip("-") for word in words)


def package(kind: str, name: str, version: str, *, licence: str, supplier: str,
            purl: str | None = None, **more) -> dict:
    entry = {
        "SPDXID": identifier(kind, name),
        "name": name,
        "versionInfo": version,
        "supplier": supplier,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
        **more,
    }
    if purl:
        entry["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                  "referenceLocator": purl}]
    return entry


def wheel(name: str, arch: str) -> dict:
    """A library that was taken out of a wheel; the checksum is the whole wheel's."""
    version, licence, supplier = LIBRARIES[name]
    file = f"{name}-{version}-{arch}.whl"
    return package("wheel", name, version, licence=licence, supplier=supplier,
                   purl=f"pkg:pypi/{name}@{version}", packageFileName=file,
                   checksums=[{"algorithm": "SHA256",
                               "checksumValue": downloads.expected_digest(file)}],
                   comment="Only the shared libraries of the wheel are in the image.")


def debian(found: dict) -> dict:
    version = found["version"].replace("+", "%2B").replace(":", "%3A")
    return package(
        "deb", found["name"], found["version"], licence="NOASSERTION",
        supplier="Organization: Debian",
        purl=f"pkg:deb/debian/{found['name']}@{version}?arch={found['arch']}&distro=debian-12",
        sourceInfo=f"built from Debian's source package {found['source']}",
        comment=f"The licence is /usr/share/doc/{found['name']}/copyright in the image.")


def document(facts: dict) -> dict:
    """The SPDX document. Equal facts give an equal document."""
    ours = package("product", "holdfast", facts["version"], licence="Apache-2.0",
                   supplier="Organization: Holdfast", primaryPackagePurpose="APPLICATION",
                   comment=f"revision {facts['revision']}, {facts['arch']}")
    parts = [wheel("onnxruntime", facts["arch"])]
    if facts["openvino"]:
        parts.append(wheel("openvino", facts["arch"]))
    parts += [debian(found) for found in sorted(facts["debian"], key=lambda each: each["name"])]
    created = datetime.datetime.fromtimestamp(facts["created"], datetime.timezone.utc)
    name = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(facts, sort_keys=True))
    relationships = [("SPDXRef-DOCUMENT", "DESCRIBES", ours["SPDXID"])]
    relationships += [(ours["SPDXID"], "DEPENDS_ON", part["SPDXID"]) for part in parts]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"holdfast-{facts['version']}",
        "documentNamespace": f"urn:uuid:{name}",
        "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
                         "creators": ["Tool: holdfast-tools.dev.sbom"]},
        "packages": [ours, *parts],
        "relationships": [{"spdxElementId": from_, "relationshipType": kind,
                           "relatedSpdxElement": to} for from_, kind, to in relationships],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("facts", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    arguments = parser.parse_args()
    facts = json.loads(arguments.facts.read_text())
    arguments.output.write_text(json.dumps(document(facts), indent=1) + "\n")


if __name__ == "__main__":
    main()
