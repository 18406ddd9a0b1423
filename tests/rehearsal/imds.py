# SPDX-License-Identifier: Apache-2.0
"""Instance metadata, version 2: nothing without a token, as HttpTokens: required says."""

import http.server
import json
import secrets
import threading
import time

TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"
TTL_MAX_S = 21600
SPOT_NOTICE_S = 120


class Imds:
    """`state` is what Auto Scaling wants of the instance; the notice is Spot's."""

    def __init__(self, instance_id):
        self.instance_id = instance_id
        self.pages = {"instance-id": instance_id, "autoscaling/target-lifecycle-state": "InService"}
        self.tokens = set()
        self.refused = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self):
                ttl = self.headers.get(TTL, "")
                if self.path != "/latest/api/token":
                    return self._answer(403)
                if not ttl.isdigit() or not 1 <= int(ttl) <= TTL_MAX_S:
                    return self._answer(400)
                token = secrets.token_hex(16)
                outer.tokens.add(token)
                return self._answer(200, token)

            def do_GET(self):
                if self.headers.get(TOKEN) not in outer.tokens:
                    outer.refused += 1
                    return self._answer(401)
                page = outer.pages.get(self.path.removeprefix("/latest/meta-data/"))
                return self._answer(404) if page is None else self._answer(200, page)

            def _answer(self, status, text=""):
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def state(self):
        return self.pages["autoscaling/target-lifecycle-state"]

    @state.setter
    def state(self, word):
        self.pages["autoscaling/target-lifecycle-state"] = word

    def give_notice(self):
        """Spot takes the instance back in two minutes."""
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + SPOT_NOTICE_S))
        self.pages["spot/instance-action"] = json.dumps({"action": "terminate", "time": end})

    def close(self):
        self._server.shutdown()
        self._server.server_close()
