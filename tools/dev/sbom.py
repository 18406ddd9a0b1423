# SPDX-License-Identifier: Apache-2.0
"""What the image adds to its base, as an SPDX 2.3 document.

The packages of the base are not ours: its own list has them.
"""

import datetime
import json
import re
import urllib.parse
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
    name, version = (urllib.parse.quote(found[key], safe="") for key in ("name", "version"))
    return package(
        "deb", found["name"], found["version"], licence="NOASSERTION",
        supplier="Organization: Debian",
        purl=f"pkg:deb/debian/{name}@{version}?arch={found['arch']}&distro=debian-12",
        sourceInfo=f"built from Debian's source package {found['source']}",
        comment=f"The licence is /usr/share/doc/{found['name']}/copyright in the image.")


def document(facts: dict) -> dict:
    """The SPDX document of `facts`: {"version", "revision", "arch": "x86_64" or "aarch64",
    "created": seconds since 1970, "openvino": bool, "debian": [{"name", "version", "arch",
    "source"}]}. Equal facts give an equal document."""
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
