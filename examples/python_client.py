# SPDX-License-Identifier: Apache-2.0
"""python_client.py PHOTO [URL]: classifies a photo with holdfast-client."""

import pathlib
import sys

# In a project of yours: pip install holdfast-client
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "clients/python/src"))

from holdfast_client import Client, HoldfastError  # noqa: E402


def main(photo, url="http://localhost:8080"):
    with Client(url) as client:
        try:
            answer = client.classify(photo, top=5)
        except HoldfastError as refusal:
            sys.exit(f"{type(refusal).__name__}: {refusal}")
    for prediction in answer.predictions:
        print(f"{prediction.probability:.3f} {prediction.label}")


main(*sys.argv[1:])
