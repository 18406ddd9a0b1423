# SPDX-License-Identifier: Apache-2.0
"""Which processors an image in ECR is for, and whether an instance type has one of them."""

import dataclasses
import json
import re
import urllib.request
from typing import Any

from deploy.rollout.outcome import Refused

# The registry's own forms: an index lists one image for each architecture.
INDEXES = ("application/vnd.oci.image.index.v1+json",
           "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json",
             "application/vnd.docker.distribution.manifest.v2+json")
REFERENCE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
                       r"/(?P<repository>[a-z0-9][a-z0-9._/-]*)(?::[\w.-]+)?"
                       r"@(?P<digest>sha256:[0-9a-f]{64})")
# ECR and the image's configuration say amd64, EC2 says x86_64, ECS says X86_64.
ONE_NAME = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
CONFIGURATION_BYTES_MAX = 1 << 20


@dataclasses.dataclass(frozen=True)
class Image:
    """An image named by its digest: account.dkr.ecr.region.amazonaws.com/name@sha256:…"""

    account: str
    region: str
    repository: str
    digest: str


def parse(uri: str) -> Image:
    """Refuses tags: what a tag means can change between a rollout and its rollback."""
    match = REFERENCE.fullmatch(uri)
    if not match:
        raise Refused(f"{uri} does not name one image in ECR; "
                      "ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:DIGEST is wanted")
    return Image(**match.groupdict())


def architectures_of(ecr: Any, image: Image) -> set[str]:
    """{"x86_64"}, {"arm64"} or both, as the registry's manifest says."""
    answer = ecr.batch_get_image(registryId=image.account, repositoryName=image.repository,
                                 imageIds=[{"imageDigest": image.digest}],
                                 acceptedMediaTypes=[*INDEXES, *MANIFESTS])
    if not answer.get("images"):
        why = "; ".join(failure.get("failureReason", "") for failure in answer.get("failures", []))
        raise Refused(f"there is no image {image.digest[:19]}… in {image.repository}: {why}")
    manifest = json.loads(answer["images"][0]["imageManifest"])
    if "manifests" in manifest:
        named = [entry.get("platform", {}) for entry in manifest["manifests"]]
        found = {entry.get("architecture", "") for entry in named if entry.get("os") == "linux"}
    else:
        found = {_configuration(ecr, image, manifest)["architecture"]}
    return {ONE_NAME.get(name, name) for name in found}


def _configuration(ecr: Any, image: Image, manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest for one architecture names it only in the image's configuration, a blob."""
    place = ecr.get_download_url_for_layer(registryId=image.account,
                                           repositoryName=image.repository,
                                           layerDigest=manifest["config"]["digest"])
    with urllib.request.urlopen(place["downloadUrl"], timeout=30) as reply:
        return json.loads(reply.read(CONFIGURATION_BYTES_MAX))


def architectures_of_machine(ec2: Any, parameters: dict[str, str]) -> set[str]:
    """What the stack's parameters ask for: its Architecture, its InstanceType, or both."""
    if parameters.get("Mode") == "serverless":
        return {"x86_64"}  # SageMaker's serverless endpoints offer no other.
    asked = parameters.get("Architecture", "").lower()
    instance_type = parameters.get("InstanceType", "")
    if parameters.get("Capacity", "").startswith("FARGATE"):
        instance_type = ""
    if not instance_type:
        return {ONE_NAME[asked]}
    # A hosting type of SageMaker is EC2's with a prefix.
    answer = ec2.describe_instance_types(InstanceTypes=[instance_type.removeprefix("ml.")])
    can = set(answer["InstanceTypes"][0]["ProcessorInfo"]["SupportedArchitectures"])
    if asked and ONE_NAME[asked] not in can:
        raise Refused(f"{instance_type} runs {_words(can)}, Architecture is {asked}")
    return {ONE_NAME[asked]} if asked else can


def check_fit(ecr: Any, ec2: Any, uri: str, parameters: dict[str, str]) -> None:
    """Refuses an image that the machines of `parameters` cannot run."""
    image = parse(uri)
    has = architectures_of(ecr, image)
    needs = architectures_of_machine(ec2, parameters)
    if not has & needs:
        raise Refused(f"wrong image architecture: the image is for {_words(has)}, "
                      f"the machines asked for run {_words(needs)}")


def _words(architectures: set[str]) -> str:
    return " and ".join(sorted(architectures)) or "nothing that it names"
