# SPDX-License-Identifier: Apache-2.0
"""What SageMaker does between its clients and a container, so that boto3 can be asked to drive ours.

An endpoint: POST /endpoints/NAME/invocations becomes POST /invocations, with the headers that the
platform lets through. An answer that is not 2xx becomes 424 ModelError with the container's status
and message inside. A batch transform: /ping, /execution-parameters, then one request a record.

Sources: the developer guide, "Custom Inference Code with Hosting Services" and "… with Batch
Transform"; botocore's model of sagemaker-runtime 2017-05-13 for headers and errors.
"""

import concurrent.futures
import http.client
import http.server
import json
import re
import threading

BODY_BYTES_MAX = 25 << 20
SECONDS_MAX = 60  # For an answer.
MESSAGE_CHARACTERS_MAX = 2048  # Of the container's, in an error.
PATH = re.compile(r"/endpoints/([^/]+)/invocations")
BACK = {"content-type", "x-amzn-sagemaker-custom-attributes"}


def passes(name):
    return name in ("content-type", "accept") or name.startswith("x-amzn-sagemaker-")


class Endpoint:
    """An endpoint of this name in front of the container on `port`; `url` is for boto3."""

    def __init__(self, port, name="photos"):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                answer = invoke(port, name, self.path, self.headers, body)
                self.send_response(answer.status)
                for key, value in {**answer.headers, "content-length": len(answer.body)}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(answer.body)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.name, self.url = name, f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def refusal(status, kind, message, **members):
    body = json.dumps({"Message": message, **members}).encode()
    return Answer(status, {"content-type": "application/json", "x-amzn-errortype": kind}, body)


def invoke(port, name, path, headers, body):
    """The answer that the client of an endpoint gets."""
    found = PATH.fullmatch(path)
    if not found or found[1] != name:
        return refusal(400, "ValidationError", f"Endpoint of {path} not found.")
    if len(body) > BODY_BYTES_MAX:
        return refusal(400, "ValidationError", f"The body has {len(body)} bytes.")
    kept = {key: value for key, value in headers.items() if passes(key.lower())}
    container = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
    try:
        container.request("POST", "/invocations", body, kept)
        answer = container.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return model_error(0, repr(error))
    finally:
        container.close()
    if not 200 <= answer.status < 300:
        return model_error(answer.status, text.decode(errors="replace"))
    back = {key: value for key, value in answer.getheaders() if key.lower() in BACK}
    return Answer(answer.status, {**back, "x-amzn-invoked-production-variant": "AllTraffic"}, text)


def model_error(status, message):
    return refusal(424, "ModelError", f"Received server error ({status}) from primary.",
                   OriginalStatusCode=status, OriginalMessage=message[:MESSAGE_CHARACTERS_MAX],
                   LogStreamArn="arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker")


def batch_transform(port, records, content_type):
    """The container's answers to the records, in their order, as a job of one instance gets them."""

    def ask(method, path, body=None, headers=None):
        container = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
        try:
            container.request(method, path, body, headers or {})
            answer = container.getresponse()
            return answer.status, answer.read()
        finally:
            container.close()

    assert ask("GET", "/ping")[0] == 200
    status, text = ask("GET", "/execution-parameters")
    parameters = json.loads(text) if status == 200 else {}
    assert parameters.get("BatchStrategy") == "SINGLE_RECORD", "images cannot be joined"
    assert all(len(record) <= parameters["MaxPayloadInMB"] << 20 for record in records)
    with concurrent.futures.ThreadPoolExecutor(parameters["MaxConcurrentTransforms"]) as pool:
        return list(pool.map(lambda record: ask("POST", "/invocations", record,
                                                {"content-type": content_type}), records))
