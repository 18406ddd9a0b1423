# SPDX-License-Identifier: Apache-2.0
"""TLS on the public ports: who is served, who is refused and told why, and that the promise holds."""

import concurrent.futures
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

import grpc
import pytest

from tests.process.certificates import Authority, Certificate
from tests.process.gray import gray
from tests.process.grpc_health import grpc_health
from tests.process.grpc_inference import infer_over_grpc
from tests.process.running_server import (BIN, PHOTOS, PROMPT, TINY, kill, state_of,
                                          wait_until)
from tests.process.tls_server import TlsServer

HEADER_TIMEOUT = 2  # Seconds for a handshake, as for a header.


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority):
    return authority.issue("localhost")


@pytest.fixture
def photo():
    return (PHOTOS / "chelsea.jpg").read_bytes()


@pytest.fixture
def server(tmp_path, certificate):
    with TlsServer(tmp_path, certificate, "--workers", "2", "--header-timeout-s",
                   str(HEADER_TIMEOUT), models=TINY) as running:
        yield running


@pytest.fixture
def mutual_server(tmp_path, certificate, authority):
    with TlsServer(tmp_path, certificate, "--tls-client-ca", authority.file, models=TINY) as running:
        yield running


# --- HTTP ---

def test_the_http_port_answers_over_tls(server, authority, photo, tiny_photos):
    context = authority.trusting()
    assert server.classes(context, photo) == dict(tiny_photos)[PHOTOS / "chelsea.jpg"]
    assert any("https://" in line for line in server.plan)
    server.check_quiet()


def test_curl_speaks_to_it_and_keeps_the_connection(server, authority):
    outcome = subprocess.run(
        ["curl", "-sS", "--cacert", str(authority.file), "-w", "%{http_code} %{num_connects}\n",
         "-o", "/dev/null", f"https://localhost:{server.port}/healthz", "-o", "/dev/null",
         f"https://localhost:{server.port}/healthz"], capture_output=True, text=True, check=True)
    assert outcome.stdout == "200 1\n200 0\n", outcome


def test_http_1_1_is_what_alpn_agrees_on_and_nothing_older_than_tls_1_2(server, authority):
    context = authority.trusting()
    context.set_alpn_protocols(["h2", "http/1.1"])
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(("localhost", server.port)) as plain, \
                context.wrap_socket(plain, server_hostname="localhost") as connection:
            assert connection.selected_alpn_protocol() == "http/1.1"
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError):
        server.ask(context)
    outcome = subprocess.run(
        ["curl", "-sS", "--cacert", str(authority.file), "--tls-max", "1.1", "--ciphers",
         "DEFAULT:@SECLEVEL=0", f"https://localhost:{server.port}/healthz"], capture_output=True,
        check=False)
    assert outcome.returncode == 35
    wait_until(lambda: server.failures("protocol") == 2, "two counted failures")


def test_who_speaks_plain_http_is_told_so(server, photo):
    status, _, answer = server.classify(photo, port=server.port)
    assert (status, answer["reason"]) == (400, "BAD_REQUEST")
    assert "https://" in answer["message"]
    assert server.failures("plain") == 1


def test_a_client_that_does_not_trust_the_certificate_is_counted(server):
    with pytest.raises(ssl.SSLCertVerificationError):
        server.ask(ssl.create_default_context())
    wait_until(lambda: server.failures("refused-by-client") == 1, "it is counted")


def test_a_handshake_has_the_time_of_a_header(server):
    with socket.create_connection(("127.0.0.1", server.port)) as silent, \
            socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(b"\x16\x03\x01")
        started = time.monotonic()
        for connection in (silent, slow):
            connection.settimeout(PROMPT)
            assert connection.recv(1) == b""
        assert HEADER_TIMEOUT - 0.5 < time.monotonic() - started < HEADER_TIMEOUT + 5
    wait_until(lambda: server.failures("timeout") == 2, "both are counted")
    assert not server.events("stderr")


def test_handshakes_count_as_connections(tmp_path, certificate, authority):
    with TlsServer(tmp_path, certificate, "--connections-max", "1", models=TINY) as server:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(65)]
        # Those that have begun nothing give way; the client behind them is served.
        assert server.ask(authority.trusting())[0] == 200
        for connection in idle:
            connection.close()


def test_a_large_body_that_is_refused_gets_its_answer(server, authority):
    status, _, body = server.ask(authority.trusting(), "POST", "/classify", body=bytes(32 << 20))
    assert (status, json.loads(body)["reason"]) == (413, "PAYLOAD_TOO_LARGE")


def test_a_client_that_hangs_up_over_tls_is_not_worked_for(tmp_path, certificate, authority,
                                                         fake_model):
    models = fake_model(service_ms=3000, busy="false")
    with TlsServer(tmp_path, certificate, "--workers", "1", models=models) as server:
        with socket.create_connection(("localhost", server.port)) as plain:
            connection = authority.trusting().wrap_socket(plain, server_hostname="localhost")
            image = gray(1)
            connection.sendall(b"POST /classify HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"
                               % len(image) + image)
            wait_until(lambda: server.metric("holdfast_requests_in_flight") == 1, "it is in flight")
            connection.close()  # Sends TLS's goodbye first.
        wait_until(lambda: server.metric("holdfast_requests_abandoned_total") == 1, "abandoned", 2)


# --- Client certificates ---

def test_a_client_certificate_of_the_authority_is_accepted(mutual_server, authority, photo):
    context = authority.trusting(authority.issue("client", "clientAuth"))
    mutual_server.classes(context, photo)
    mutual_server.classes(context, photo)


def test_a_client_without_a_certificate_of_the_authority_is_told_so(mutual_server, authority,
                                                                   tmp_path, photo):
    with pytest.raises(ssl.SSLError, match="(?i)certificate.required"):
        mutual_server.ask(authority.trusting(), "POST", "/classify", body=photo)
    stranger = Authority(tmp_path / "strangers", "stranger").issue("client", "clientAuth")
    with pytest.raises(ssl.SSLError, match="(?i)unknown.ca"):
        mutual_server.ask(authority.trusting(stranger), "POST", "/classify", body=photo)
    assert mutual_server.failures("client-certificate-missing") == 1
    assert mutual_server.failures("client-certificate-refused") == 1
    assert "with a client certificate" in "\n".join(mutual_server.plan)


# --- gRPC ---

def channel_to(server, authority, client=None):
    pair = {} if client is None else {"private_key": client.key.read_bytes(),
                                      "certificate_chain": client.file.read_bytes()}
    credentials = grpc.ssl_channel_credentials(authority.file.read_bytes(), **pair)
    return grpc.secure_channel(f"localhost:{server.grpc_port}", credentials)


def test_the_grpc_port_answers_over_tls(server, authority, photo):
    with channel_to(server, authority) as channel:
        wait_until(lambda: grpc_health(channel) == "SERVING", "gRPC has heard of it")
        small = infer_over_grpc(channel, photo)
        again = infer_over_grpc(channel, photo)
        assert small.outputs and small.outputs == again.outputs
        assert server.metric("holdfast_connections") == 2  # And the one that asks.
    wait_until(lambda: server.metric("holdfast_connections") == 1, "its connection has ended")
    server.check_quiet()


def test_large_messages_pass_in_both_directions(server, authority):
    """More than any buffer on the way holds at once; and what is too large is told."""
    with channel_to(server, authority) as channel:
        noise = os.urandom(12 << 20)
        with pytest.raises(grpc.RpcError) as refused:
            infer_over_grpc(channel, noise)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT  # No image, but all of it.
    server.check_quiet()


def test_clients_certificates_are_asked_for_over_grpc(mutual_server, authority, photo):
    with channel_to(mutual_server, authority,
                    authority.issue("client", "clientAuth")) as channel:
        assert infer_over_grpc(channel, photo).outputs
    with channel_to(mutual_server, authority) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            infer_over_grpc(channel, photo, timeout=5)
        assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE,
                                        grpc.StatusCode.DEADLINE_EXCEEDED)
    assert mutual_server.failures("client-certificate-missing", port="grpc") >= 1


def test_who_speaks_grpc_in_the_clear_is_counted_and_let_go(server):
    with grpc.insecure_channel(f"localhost:{server.grpc_port}") as channel, \
            pytest.raises(grpc.RpcError):
        grpc_health(channel, timeout=2)
    assert server.failures("plain", port="grpc") >= 1
    assert not server.events("stderr")


def test_a_drain_answers_what_is_in_flight_over_grpc(tmp_path, certificate, authority, fake_model):
    models = fake_model(service_ms=500, busy="false")
    with TlsServer(tmp_path, certificate, "--workers", "2", models=models) as server, \
            channel_to(server, authority) as channel, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(infer_over_grpc, channel, gray(1), "fake") for _ in range(2)]
        wait_until(lambda: server.metric("holdfast_running_items") == 2, "both run")
        os.kill(server.supervisor, signal.SIGTERM)
        assert all(one.result().outputs for one in asked)
        assert server.wait() == 0


# --- Files ---

@pytest.mark.parametrize(("case", "code", "words"), [
    ("missing", 66, "--tls-certificate: "),
    ("no certificate", 78, "--tls-certificate: holds no certificate"),
    ("another key", 78, "--tls-key: is not the key of --tls-certificate"),
    ("no key", 78, "--tls-key: holds no key"),
    ("no authority", 78, "--tls-client-ca: holds no certificate"),
    ("no flag", 64, "give --tls-key as well")])
def test_what_cannot_be_used_ends_the_start_in_one_line(tmp_path, certificate, authority, case,
                                                        code, words):
    text = tmp_path / "text"
    text.write_text("nothing\n")
    files = {"certificate": certificate.file, "key": certificate.key, "client-ca": authority.file}
    files |= {"missing": {"certificate": tmp_path / "none"}, "no certificate": {"certificate": text},
              "another key": {"key": authority.key}, "no key": {"key": text},
              "no authority": {"client-ca": text}, "no flag": {}}[case]
    if case == "no flag":
        files.pop("key")
    flags = [word for name, file in files.items() for word in (f"--tls-{name}", str(file))]
    started = time.monotonic()
    outcome = subprocess.run([BIN / "holdfast", "serve", "--model-repository", TINY, "--http-port",
                              "0", "--grpc-port", "0", "--admin-port", "0", *flags],
                             capture_output=True, text=True, check=False, timeout=PROMPT)
    assert outcome.returncode == code, outcome
    assert outcome.stderr.count("\n") == 1 and words in outcome.stderr
    assert time.monotonic() - started < 5


# --- Other certificates while it serves ---

@pytest.fixture
def rotating(tmp_path, authority):
    """A server whose files a test can change, with the certificate that they hold."""
    files = Certificate(tmp_path / "server.pem", tmp_path / "server.key")
    write_as(files, authority.issue("first"))
    with TlsServer(tmp_path, files, "--workers", "2", "--repository-poll-s", "1",
                   models=TINY) as running:
        # The process that looks at files has begun.
        wait_until(lambda: running.children("scout"), "a scout")
        yield running, files


def write_as(files, certificate):
    files.file.write_bytes(certificate.file.read_bytes())
    files.key.write_bytes(certificate.key.read_bytes())


def serial_of(port, context):
    with socket.create_connection(("localhost", port)) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as connection:
        return connection.getpeercert()["serialNumber"]


def grpc_context(authority):
    context = authority.trusting()
    context.set_alpn_protocols(["h2"])
    return context


def test_a_new_certificate_is_taken_under_load_and_no_request_notices(rotating, authority, photo):
    server, files = rotating
    context = authority.trusting()
    clients = Clients(server, context, photo)
    with channel_to(server, authority) as channel:
        clients.await_answers(20)
        infer_over_grpc(channel, photo)
        for number, name in enumerate(("second", "third"), start=2):
            fresh = authority.issue(name)
            write_as(files, fresh)
            wait_until(lambda fresh=fresh: serial_of(server.port, context) == fresh.serial,
                       "the new certificate over HTTP")
            assert serial_of(server.grpc_port, grpc_context(authority)) == fresh.serial
            server.await_event("credentials-used", number)
            clients.await_answers(50)
        infer_over_grpc(channel, photo)  # Over the connection of before.
    statuses, errors = clients.stop()
    assert not errors and set(statuses) == {200}
    server.check_quiet()


def test_a_broken_file_changes_nothing_and_is_told(rotating, authority, photo):
    server, files = rotating
    context = authority.trusting()
    before = serial_of(server.port, context)
    files.key.write_bytes(authority.key.read_bytes())
    told = server.await_event("credentials-not-taken")[0]
    assert "--tls-key: is not the key of --tls-certificate" in told["why"]
    assert told["level"] == "error"
    assert serial_of(server.port, context) == before
    # Nor is it lost with the gateway, although the files would not start a server now.
    gateway = server.gateway()
    kill(gateway)
    wait_until(lambda: server.children("gateway") not in ([], [gateway]), "another gateway")
    server.await_ready()
    assert serial_of(server.port, context) == before
    files.key.unlink()
    server.await_event("credentials-not-taken", 2)
    fresh = authority.issue("mended")
    write_as(files, fresh)
    wait_until(lambda: serial_of(server.port, context) == fresh.serial, "the mended one")


def test_sighup_has_the_files_looked_at_though_nobody_watches_them(tmp_path, authority):
    files = Certificate(tmp_path / "server.pem", tmp_path / "server.key")
    write_as(files, authority.issue("first"))
    with TlsServer(tmp_path, files, "--repository-poll-s", "0", models=TINY) as server:
        fresh = authority.issue("second")
        write_as(files, fresh)
        kill(server.supervisor, signal.SIGHUP)
        wait_until(lambda: serial_of(server.port, authority.trusting()) == fresh.serial,
                   "the new certificate")


def test_new_authorities_count_for_new_connections(tmp_path, certificate, authority, photo):
    trusted = tmp_path / "clients.pem"
    others = Authority(tmp_path / "others", "others")
    trusted.write_bytes(authority.file.read_bytes())
    context = authority.trusting(others.issue("client", "clientAuth"))
    with TlsServer(tmp_path, certificate, "--tls-client-ca", trusted, "--repository-poll-s", "1",
                   models=TINY) as server:
        with pytest.raises(ssl.SSLError):
            server.ask(context, "POST", "/classify", body=photo)
        trusted.write_bytes(authority.file.read_bytes() + others.file.read_bytes())
        server.await_event("credentials-changed")
        server.await_event("credentials-used", 2)
        server.classes(context, photo)


# --- The promise ---

class Clients:
    """Clients over TLS that ask one after the other, and keep their connection where they can."""

    def __init__(self, server, context, image, count=4):
        self.stopped = threading.Event()
        self.statuses, self.errors = [], []
        self.pool = concurrent.futures.ThreadPoolExecutor(count)
        self.running = [self.pool.submit(self._run, server, context, image) for _ in range(count)]

    def _run(self, server, context, image):
        connection = None
        while not self.stopped.is_set():
            connection = connection or http.client.HTTPSConnection(
                "localhost", server.port, timeout=PROMPT, context=context)
            try:
                connection.request("POST", "/classify", body=image)
                response = connection.getresponse()
                response.read()
                self.statuses.append(response.status)
                if response.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(error)
                connection.close()
                connection = None

    def await_answers(self, count):
        wanted = len(self.statuses) + count
        wait_until(lambda: len(self.statuses) >= wanted, f"{count} more answers")

    def stop(self):
        self.stopped.set()
        concurrent.futures.wait(self.running)
        self.pool.shutdown()
        return self.statuses, self.errors


def test_killed_workers_cost_no_request(server, authority, photo):
    clients = Clients(server, authority.trusting(), photo)
    for _ in range(5):
        clients.await_answers(20)
        kill(server.await_workers(2)[0])
    clients.await_answers(20)
    statuses, errors = clients.stop()
    assert not errors and set(statuses) == {200}
    server.check_quiet()


def test_a_gateways_successor_speaks_tls_at_once(server, authority, photo):
    gateway = server.gateway()
    clients = Clients(server, authority.trusting(), photo)
    clients.await_answers(20)
    kill(gateway)
    wait_until(lambda: state_of(gateway) in ("", "Z"), "the gateway is dead")
    clients.await_answers(50)
    statuses, errors = clients.stop()
    assert set(statuses) == {200}
    assert len(errors) <= 2 * 4  # What it held, and connections that it had accepted.


def test_a_drain_answers_what_is_in_flight(tmp_path, certificate, authority, fake_model):
    models = fake_model(service_ms=500, busy="false")
    with TlsServer(tmp_path, certificate, "--workers", "2", models=models) as server:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            context = authority.trusting()
            asked = [pool.submit(server.ask, context, "POST", "/classify", gray(1))
                     for _ in range(2)]
            wait_until(lambda: server.metric("holdfast_running_items") == 2, "both run")
            os.kill(server.supervisor, signal.SIGTERM)
            assert [one.result()[0] for one in asked] == [200, 200]
        assert server.wait() == 0
