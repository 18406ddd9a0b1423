# SPDX-License-Identifier: Apache-2.0
"""sagemaker_endpoint.py PHOTO ENDPOINT: asks a SageMaker endpoint with boto3.

Region and credentials are boto3's: the environment, a profile, or the role of the machine.
"""

import json
import pathlib
import sys

import boto3


def main(photo, endpoint):
    runtime = boto3.client("sagemaker-runtime")
    try:
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/x-image",
                                         Body=pathlib.Path(photo).read_bytes())
    except runtime.exceptions.ModelError as refusal:
        # What the server said is inside; SageMaker's own status is always 424.
        error = json.loads(refusal.response["OriginalMessage"])
        sys.exit(f"{refusal.response['OriginalStatusCode']} {error['reason']}: {error['error']}")
    for prediction in json.load(answer["Body"])["predictions"]:
        print(f"{prediction['probability']:.3f} {prediction['label']}")


main(*sys.argv[1:])
