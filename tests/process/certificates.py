# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by the openssl command."""

import dataclasses
import pathlib
import ssl
import subprocess


def openssl(*words):
    subprocess.run(["openssl", *[str(word) for word in words]], check=True, capture_output=True)


@dataclasses.dataclass(frozen=True)
class Certificate:
    file: pathlib.Path
    key: pathlib.Path

    @property
    def serial(self):
        text = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", str(self.file)],
                              check=True, capture_output=True, text=True).stdout
        return text.strip().split("=")[1]


class Authority:
    """A CA of a test's own, in `folder`."""

    def __init__(self, folder, name="ca"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / f"{name}.pem"
        self.key = self.folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.key, "-out", self.file, "-days", 2, "-subj", f"/CN=test {name}",
                "-addext", "basicConstraints=critical,CA:TRUE")

    def issue(self, name, usage="serverAuth"):
        """A certificate for localhost and its address."""
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        made = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n"
                              f"extendedKeyUsage={usage}\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key,
                "-CAcreateserial", "-days", 2, "-extfile", extensions, "-out", made.file)
        return made

    def trusting(self, client=None):
        """A client's settings that trust this authority, and show `client`'s certificate."""
        context = ssl.create_default_context(cafile=self.file)
        if client is not None:
            context.load_cert_chain(client.file, client.key)
        return context
