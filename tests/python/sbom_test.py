# SPDX-License-Identifier: Apache-2.0
import re

import pytest

from tools.dev import downloads, sbom

DEBIAN = [{"name": "libssl3", "version": "3.0.20-1~deb12u2", "arch": "amd64", "source": "openssl"},
          {"name": "libgrpc++1.51", "version": "1:1.51.1-3+b1", "arch": "amd64", "source": "grpc"}]


def facts(**changes):
    return {"version": "1.2.3", "revision": "abc", "arch": "x86_64", "created": 86_400,
            "openvino": True, "debian": DEBIAN, **changes}


def by_name(document):
    return {each["name"]: each for each in document["packages"]}


def test_the_fields_that_spdx_wants_are_there():
    document = sbom.document(facts())
    assert document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0"
    assert document["SPDXID"] == "SPDXRef-DOCUMENT" and document["name"] == "holdfast-1.2.3"
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["documentNamespace"])
    assert document["creationInfo"]["created"] == "1970-01-02T00:00:00Z"
    assert document["creationInfo"]["creators"][0].startswith("Tool: ")
    for package in document["packages"]:
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", package["SPDXID"])
        assert package["name"] and package["versionInfo"] and package["downloadLocation"]


def test_the_identifiers_are_unique_and_everything_belongs_to_our_package():
    document = sbom.document(facts())
    identifiers = [each["SPDXID"] for each in document["packages"]]
    assert len(set(identifiers)) == len(identifiers) == 5
    ours = by_name(document)["holdfast"]["SPDXID"]
    first, *others = document["relationships"]
    assert first == {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                     "relatedSpdxElement": ours}
    assert {each["relatedSpdxElement"] for each in others} == set(identifiers) - {ours}
    assert {(each["spdxElementId"], each["relationshipType"]) for each in others} == {
        (ours, "DEPENDS_ON")}


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_wheels_have_the_digest_that_the_download_was_held_against(arch):
    packages = by_name(sbom.document(facts(arch=arch)))
    for name in ("onnxruntime", "openvino"):
        checksum = packages[name]["checksums"][0]
        file = f"{name}-{packages[name]['versionInfo']}-{arch}.whl"
        assert checksum == {"algorithm": "SHA256",
                            "checksumValue": downloads.expected_digest(file)}


def test_scanners_find_debian_s_packages_by_their_addresses():
    packages = by_name(sbom.document(facts()))
    assert packages["libgrpc++1.51"]["externalRefs"][0]["referenceLocator"] == (
        "pkg:deb/debian/libgrpc%2B%2B1.51@1%3A1.51.1-3%2Bb1?arch=amd64&distro=debian-12")
    assert "openssl" in packages["libssl3"]["sourceInfo"]


def test_what_is_not_in_the_image_is_not_in_the_list():
    assert "openvino" not in by_name(sbom.document(facts(openvino=False)))


def test_equal_facts_give_an_equal_document():
    assert sbom.document(facts()) == sbom.document(facts(debian=list(DEBIAN)))
    assert (sbom.document(facts())["documentNamespace"]
            != sbom.document(facts(revision="abd"))["documentNamespace"])
