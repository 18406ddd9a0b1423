# SPDX-License-Identifier: Apache-2.0
"""The manifests are what Kubernetes takes, and what kustomize makes of them is, too."""

import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

from tests.process.running_server import ROOT

EKS = ROOT / "deploy/eks"
BASE = [file for file in sorted((EKS / "base").glob("*.yaml")) if file.stem != "kustomization"]
VERSION = "1.34"
OWN_KINDS = {"ScaledObject", "ServingRuntime", "InferenceService"}  # deploy/check/crd.py


@pytest.mark.parametrize("file", BASE, ids=lambda file: file.stem)
def test_a_manifest_is_as_published(file):
    kubernetes_validate.validate(yaml.safe_load(file.read_text()), VERSION, strict=True)


def test_a_wrong_manifest_is_found_out():
    deployment = yaml.safe_load((EKS / "base/deployment.yaml").read_text())
    deployment["spec"]["template"]["spec"]["terminationGracePeriod"] = 90
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSION, strict=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
@pytest.mark.parametrize(("overlay", "kinds"), [
    ("base", {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress"}),
    ("keda", {"Deployment", "Service", "ScaledObject", "PodDisruptionBudget", "Ingress"}),
    ("kserve", {"ServingRuntime", "InferenceService"})])
def test_kustomize_makes(overlay, kinds):
    made = subprocess.run(["kubectl", "kustomize", EKS / overlay], capture_output=True, text=True,
                          check=True).stdout
    documents = list(yaml.safe_load_all(made))
    assert {document["kind"] for document in documents} == kinds
    for document in documents:
        if document["kind"] not in OWN_KINDS:
            kubernetes_validate.validate(document, VERSION, strict=True)
