# SPDX-License-Identifier: Apache-2.0
"""What SageMaker does between its clients and a container, so that boto3 can be asked to drive ours.

An endpoint: POST /endpoints/NAME/invocations becomes POST /invocations, with the headers that the
platform lets through. An answer that is not 2xx becomes 424 ModelError with the container's status
and message inside. With several models, the one that TargetModel names is unpacked and loaded at its
first request, under a name that only the platform knows; 507 makes it unload the one that was asked
for longest ago. A batch transform: /ping, /execution-parameters, then one request a record.

Sources: the developer guide, "Custom Inference Code with Hosting Services", "… with Batch Transform"
and "Custom containers for multi-model endpoints"; botocore's model of sagemaker-runtime 2017-05-13 for
headers and errors.
"""

import concurrent.futures
import hashlib
import http.client
import http.server
import json
import re
import shutil
import threading

BODY_BYTES_MAX = 25 << 20
SECONDS_MAX = 60  # For an answer.
MESSAGE_CHARACTERS_MAX = 2048  # Of the container's, in an error.
PATH = re.compile(r"/endpoints/([^/]+)/invocations")
BACK = {"content-type", "x-amzn-sagemaker-custom-attributes"}


def passes(name):
    return name in ("content-type", "accept") or name.startswith("x-amzn-sagemaker-")


class Archives:
    """What a multi-model endpoint's container has loaded. `bucket` holds a folder for each archive;
    they are unpacked below `root`."""

    def __init__(self, port, bucket, root):
        self._port, self._bucket, self._root = port, bucket, root
        self._lock = threading.Lock()
        self.loaded = {}  # By archive, the one that was asked for longest ago first.

    def path_for(self, archive):
        """Where the container is asked for it, loaded if need be; or the answer that says why not."""
        with self._lock:
            if archive not in self.loaded:
                refused = self._load(archive)
                if refused:
                    return None, refused
            self.loaded[archive] = self.loaded.pop(archive)
            return f"/models/{self.loaded[archive]}/invoke", None

    def _load(self, archive):
        if not (self._bucket / archive).is_dir():
            return refusal(400, "ValidationError", f"Failed to download model data ({archive}).")
        name = hashlib.sha256(archive.encode()).hexdigest()[:32]
        folder = self._root / name / "model"
        shutil.copytree(self._bucket / archive, folder, dirs_exist_ok=True)
        order = json.dumps({"model_name": name, "url": str(folder)})
        status, text = exchange(self._port, "POST", "/models", order)
        while status == 507 and self.loaded:
            oldest = next(iter(self.loaded))
            assert exchange(self._port, "DELETE", f"/models/{self.loaded.pop(oldest)}")[0] == 200
            status, text = exchange(self._port, "POST", "/models", order)
        if status not in (200, 409):
            return model_error(status, text.decode(errors="replace"))
        self.loaded[archive] = name
        return None


def exchange(port, method, path, body=None, headers=None):
    """The container's status and body."""
    container = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
    try:
        container.request(method, path, body, headers or {})
        answer = container.getresponse()
        return answer.status, answer.read()
    finally:
        container.close()


class Endpoint:
    """An endpoint of this name in front of the container on `port`; `url` is for boto3. With
    `archives` it is one of several models."""

    def __init__(self, port, name="photos", archives=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                answer = invoke(port, name, self.path, self.headers, body, archives)
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


def invoke(port, name, path, headers, body, archives):
    """The answer that the client of an endpoint gets."""
    found = PATH.fullmatch(path)
    if not found or found[1] != name:
        return refusal(400, "ValidationError", f"Endpoint of {path} not found.")
    if len(body) > BODY_BYTES_MAX:
        return refusal(400, "ValidationError", f"The body has {len(body)} bytes.")
    kept = {key: value for key, value in headers.items() if passes(key.lower())}
    inside = "/invocations"
    if archives is not None:
        inside, refused = archives.path_for(headers.get("x-amzn-sagemaker-target-model", ""))
        if refused:
            return refused
    container = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS_MAX)
    try:
        container.request("POST", inside, body, kept)
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
    assert exchange(port, "GET", "/ping")[0] == 200
    status, text = exchange(port, "GET", "/execution-parameters")
    parameters = json.loads(text) if status == 200 else {}
    assert parameters.get("BatchStrategy") == "SINGLE_RECORD", "images cannot be joined"
    assert all(len(record) <= parameters["MaxPayloadInMB"] << 20 for record in records)
    with concurrent.futures.ThreadPoolExecutor(parameters["MaxConcurrentTransforms"]) as pool:
        return list(pool.map(lambda record: exchange(port, "POST", "/invocations", record,
                                                     {"content-type": content_type}), records))
