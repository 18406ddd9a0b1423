# SPDX-License-Identifier: Apache-2.0
"""open_inference.py PHOTO [URL [MODEL]]: asks by the Open Inference Protocol, as KServe's clients do."""

import base64
import pathlib
import sys

import requests


def main(photo, url="http://localhost:8080", model="efficientnet-lite0"):
    model_url = f"{url}/v2/models/{model}"
    metadata = requests.get(model_url, timeout=10)
    if not metadata.ok:
        sys.exit(f"{metadata.status_code}: {metadata.json()['error']}")
    picture = base64.b64encode(pathlib.Path(photo).read_bytes()).decode()
    answer = requests.post(f"{model_url}/infer", timeout=10, json={
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [picture]}],
        "outputs": [{"name": metadata.json()["outputs"][0]["name"],
                     "parameters": {"classification": 5}}]})
    if not answer.ok:
        sys.exit(f"{answer.status_code} {answer.json()['reason']}: {answer.json()['error']}")
    for text in answer.json()["outputs"][0]["data"]:
        probability, _, label = text.split(":", 2)
        print(f"{float(probability):.3f} {label}")


main(*sys.argv[1:])
