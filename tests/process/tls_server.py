# SPDX-License-Identifier: Apache-2.0
"""A server whose public ports speak TLS."""

import http.client
import json

from tests.process.running_server import PROMPT, Server


class TlsServer(Server):
    """Its public ports speak TLS. Requests go to the admin address, which is plain and answers all
    that the HTTP port does; ask() goes to the HTTP port."""

    def __init__(self, folder, certificate, *arguments, **keywords):
        super().__init__(folder, "--tls-certificate", certificate.file, "--tls-key",
                         certificate.key, *arguments, **keywords)

    def request(self, method, path, *arguments, port=None, **keywords):
        return super().request(method, path, *arguments, port=port or self.admin_port, **keywords)

    def ask(self, context, method="GET", path="/healthz", body=None, headers=None,
            timeout=PROMPT):
        """One request over TLS: status, headers, body."""
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=timeout,
                                                 context=context)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def classes(self, context, image, **keywords):
        status, _, body = self.ask(context, "POST", "/classify", body=image, **keywords)
        assert status == 200, body
        return json.loads(body)["predictions"][0]["index"]

    def failures(self, reason, port="http"):
        return self.metric("holdfast_tls_handshake_failures_total", reason=reason, port=port)
