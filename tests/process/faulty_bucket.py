# SPDX-License-Identifier: Apache-2.0
"""S3 as servers meet it: moto's, and a proxy before it that breaks things as a test says."""

import http.client
import http.server
import threading

import boto3
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI", "AWS_REGION": "us-east-1"}
BUCKET = "some-models"


class FaultyProxy(http.server.ThreadingHTTPServer):
    """Passes requests on, and keeps a ledger. `faults` is a list of functions; each sees a request
    before it is passed on, and answers it in its own way if it returns True."""

    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), Passing)
        self.behind = port
        self.ledger = []
        self.faults = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def gets(self, part=""):
        return [entry for entry in self.ledger if entry["method"] == "GET" and "list-type" not in entry["path"]
                and part in entry["path"]]

    def once(self, fault, part=""):
        """`fault` for the next request for an object, or the ones whose path has `part`."""
        def take(handler, answer):
            if "list-type" in handler.path or part not in handler.path:
                return False
            self.faults.remove(take)
            return fault(handler, answer)
        self.faults.append(take)


class Passing(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.ledger.append({"method": self.command, "path": self.path,
                                   "headers": {name.lower(): value for name, value in self.headers.items()}})
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=30)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        headers = [(name, value) for name, value in answer.getheaders()
                   if name.lower() not in ("content-length", "connection", "transfer-encoding")]
        for fault in list(self.server.faults):
            if fault(self, (answer.status, headers, body)):
                return
        self.reply(answer.status, headers, body)

    do_HEAD = do_GET

    def reply(self, status, headers, body, send=None):
        """`send`: so much of the body, and then the connection ends."""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if send is None else body[:send])
        if send is not None:
            self.close_connection = True

    def log_message(self, *_):
        pass


# --- Faults ---

def cut_at(byte):
    def fault(handler, answer):
        handler.reply(*answer, send=byte)
        return True
    return fault


def answer_with(status, code, headers=()):
    def fault(handler, _):
        handler.reply(status, headers, f"<Error><Code>{code}</Code><Message>…</Message></Error>".encode())
        return True
    return fault


def flip_a_byte(handler, answer):
    status, headers, body = answer
    handler.reply(status, headers, body[:-1] + bytes([body[-1] ^ 1]))
    return True


def ignore_the_range(handler, answer):
    """As a server that does not know ranges: all of it, from the begin."""
    _, headers, _ = answer
    connection = http.client.HTTPConnection("127.0.0.1", handler.server.behind, timeout=30)
    connection.request("GET", handler.path, headers={name: value for name, value in handler.headers.items()
                                                     if name.lower() not in ("range", "host")})
    whole = connection.getresponse().read()
    handler.reply(200, [(name, value) for name, value in headers if name.lower() != "content-range"], whole)
    return True


class Bucket:
    """A bucket with a proxy before it."""

    def __init__(self):
        self.moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.moto.start()
        host, port = self.moto.get_host_and_port()
        self.proxy = FaultyProxy(port)
        self.client = boto3.client(
            "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
            aws_access_key_id="a", aws_secret_access_key="b")
        self.client.create_bucket(Bucket=BUCKET)

    @property
    def environment(self):
        return {**KEYS, "AWS_ENDPOINT_URL_S3": self.proxy.url}

    def put(self, key, content, **more):
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content, **more)

    def put_folder(self, folder, prefix, **more):
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.put(f"{prefix}/{file.relative_to(folder)}", file.read_bytes(), **more)

    def remove(self, prefix):
        for entry in self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", []):
            self.client.delete_object(Bucket=BUCKET, Key=entry["Key"])

    def close(self):
        self.proxy.shutdown()
        self.proxy.server_close()
        reset = http.client.HTTPConnection(*self.moto.get_host_and_port(), timeout=30)
        reset.request("POST", "/moto-api/reset")  # Its buckets are the process's, not the server's.
        assert reset.getresponse().status == 200
        self.moto.stop()
