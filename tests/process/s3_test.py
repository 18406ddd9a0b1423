# SPDX-License-Identifier: Apache-2.0
"""Models from S3: brought, followed and kept, whatever the network does."""

import contextlib
import pathlib
import re
import signal
import threading

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.process.fake_rules import GOOD
from tests.process.faulty_bucket import BUCKET, KEYS, Bucket, answer_with, cut_at, flip_a_byte, ignore_the_range
from tests.process.gray import gray
from tests.process.running_server import TINY, Server, wait_until

SOURCE = f"s3://{BUCKET}/prod/models"


@pytest.fixture
def bucket():
    with contextlib.closing(Bucket()) as made:
        yield made


@pytest.fixture
def serve(tmp_path, bucket):
    """serve(*arguments, environment={}): a server of the bucket's models."""
    def start(*arguments, environment=None, **keywords):
        return Server(tmp_path, "--model-cache", tmp_path / "cache", "--repository-poll-s", "1", *arguments,
                      models=SOURCE, environment={**bucket.environment, **(environment or {})}, **keywords)
    return start


@pytest.fixture
def versions(bucket, fake_model):
    """versions(number, rules, **keys) puts a version of the fake model into the bucket."""
    def put(number, rules="", **keys):
        folder = fake_model(rules, version=number, **keys)
        bucket.put_folder(folder / f"fake/{number}", f"prod/models/fake/{number}")
    return put


def cached(tmp_path):
    return sorted(str(file.relative_to(tmp_path / "cache")).split("/", 1)[1]
                  for file in (tmp_path / "cache").rglob("*")
                  if file.is_file() and "/." not in f"/{file.relative_to(tmp_path / 'cache')}")


def served(server):
    return server.get("/v1/models/fake")[2]


def test_a_repository_in_s3_is_served(tmp_path, bucket, serve, tiny_photos):
    bucket.put_folder(TINY / "tiny/1", "prod/models/tiny/1")
    bucket.put("prod/models/README.md", b"not a model")
    bucket.put("prod/models/tiny/1/", b"")
    bucket.put("prod/models/tiny/notes/todo.txt", b"no version")
    with serve() as server:
        photo, label = tiny_photos[0]
        status, _, answer = server.classify(pathlib.Path(photo).read_bytes())
        assert status == 200 and answer["predictions"][0]["index"] == label
        assert any("fetching " + SOURCE in line for line in server.log_lines)
        assert any("1 version came" in line for line in server.log_lines)
        assert cached(tmp_path) == sorted(f"tiny/1/{file.relative_to(TINY / 'tiny/1')}"
                                          for file in (TINY / "tiny/1").rglob("*") if file.is_file())
        assert server.stop() == 0
    for entry in bucket.proxy.ledger:
        assert entry["headers"]["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        assert "x-amz-content-sha256" in entry["headers"]


def test_botocore_signs_in_the_same_way(bucket, serve, versions):
    versions(1)
    bucket.put("prod/models/fake/1/a name+with (odd) signs=&?é.txt", b"text")
    bucket.proxy.once(cut_at(3), "odd")
    with serve(environment={"AWS_SESSION_TOKEN": "a token/with+signs=="}) as server:
        assert server.get("/healthz")[0] == 200
    assert {entry["headers"].get("range") for entry in bucket.proxy.ledger} == {None, "bytes=3-"}
    for entry in bucket.proxy.ledger:
        authorization = entry["headers"]["authorization"]
        signed = re.search("SignedHeaders=([^,]+)", authorization).group(1).split(";")
        request = AWSRequest(method=entry["method"], url="http://" + entry["headers"]["host"] + entry["path"],
                             headers={name: entry["headers"][name] for name in signed})
        request.context["timestamp"] = entry["headers"]["x-amz-date"]
        signer = S3SigV4Auth(Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"]), "s3", "us-east-1")
        to_sign = signer.string_to_sign(request, signer.canonical_request(request))
        assert authorization.endswith("Signature=" + signer.signature(to_sign, request)), entry["path"]


def test_one_model_may_be_named(tmp_path, bucket, fake_model):
    bucket.put_folder(fake_model() / "fake/1", "export/1")
    with Server(tmp_path, "--model-cache", tmp_path / "cache", "--model-name", "cats", "--model-base-path",
                f"s3://{BUCKET}/export", environment=bucket.environment) as server:
        assert server.get("/v1/models/cats")[0] == 200
        assert server.classify(gray(GOOD))[0] == 200


def test_a_new_version_takes_over_and_what_was_fetched_is_not_fetched_again(bucket, serve, versions):
    versions(1)
    with serve() as server:
        assert b'"1"' in served(server)
        looks = len(bucket.proxy.ledger)
        wait_until(lambda: len(bucket.proxy.ledger) >= looks + 2, "it looks at the bucket")
        assert len(bucket.proxy.gets()) == len(set(entry["path"] for entry in bucket.proxy.gets()))
        versions(2)
        server.await_event("model-activated", 2)
        wait_until(lambda: b'"2"' in served(server), "version 2 serves")
        assert not bucket.proxy.gets("fake/1/")[2:], "version 1 was fetched once"
        server.check_quiet()


def test_only_the_file_that_changed_is_fetched(tmp_path, bucket, serve, versions):
    versions(1)
    with serve() as server:
        before = len(bucket.proxy.gets("model.toml"))
        fetched = len(bucket.proxy.gets("fake.toml"))
        bucket.put("prod/models/fake/1/fake.toml", b"service_ms = 3\n")
        wait_until(lambda: len(bucket.proxy.gets("fake.toml")) == fetched + 1, "it is fetched")
        wait_until(lambda: b"service_ms" in next(tmp_path.rglob("cache/*/fake/1/fake.toml")).read_bytes(), "it is there")
        assert len(bucket.proxy.gets("model.toml")) == before
        server.check_quiet()


def test_versions_that_nobody_needs_are_not_fetched(tmp_path, serve, versions):
    for number in range(1, 6):
        versions(number)
    with serve() as server:
        assert b'"5"' in served(server)
    assert {path.split("/")[1] for path in cached(tmp_path)} == {"4", "5"}, "the newest, and one to fall back to"


def test_a_version_that_is_gone_goes(tmp_path, bucket, serve, versions):
    versions(1)
    versions(2)
    with serve() as server:
        assert b'"2"' in served(server)
        bucket.remove("prod/models/fake/2")
        wait_until(lambda: b'"1"' in served(server) and b'"2"' not in served(server), "version 1 serves again")
        wait_until(lambda: {path.split("/")[1] for path in cached(tmp_path)} == {"1"}, "the cache follows")
        server.check_quiet()


def test_an_emptied_bucket_changes_nothing(bucket, serve, versions):
    versions(1)
    with serve() as server:
        bucket.remove("prod/models")
        server.await_event("stderr")
        assert "holds no NAME/VERSION/FILE" in server.events("stderr")[0]["line"]
        assert server.classify(gray(GOOD))[0] == 200


# --- Faults ---

def test_a_broken_download_goes_on_where_it_broke(bucket, serve, versions):
    bucket.put_folder(TINY / "tiny/1", "prod/models/tiny/1")
    for byte in (0, 1, 700):
        bucket.proxy.once(cut_at(byte), "model.onnx")
    with serve() as server:
        assert server.get("/healthz")[0] == 200
    ranges = [entry["headers"].get("range") for entry in bucket.proxy.gets("model.onnx")]
    assert ranges == [None, None, "bytes=1-", "bytes=701-"]
    assert all(entry["headers"]["if-match"] for entry in bucket.proxy.gets("model.onnx"))


def test_a_server_that_knows_no_ranges_is_taken_from_the_begin(bucket, serve):
    bucket.put_folder(TINY / "tiny/1", "prod/models/tiny/1")
    bucket.proxy.once(cut_at(700), "model.onnx")
    bucket.proxy.once(ignore_the_range, "model.onnx")
    with serve() as server:
        assert server.get("/healthz")[0] == 200
    assert [entry["headers"].get("range") for entry in bucket.proxy.gets("model.onnx")] == [
        None, "bytes=700-", None]


@pytest.mark.parametrize("status, code", [(503, "SlowDown"), (500, "InternalError"), (429, "TooMany")])
def test_what_may_pass_is_tried_again(bucket, serve, versions, status, code):
    versions(1)
    for _ in range(2):
        bucket.proxy.once(answer_with(status, code))
    with serve() as server:
        assert server.get("/healthz")[0] == 200


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_wrong_byte_is_found_by_s3s_own_sum(bucket, serve, algorithm):
    # No model.toml, which has a digest of its own.
    bucket.put_folder(TINY / "tiny/1", "prod/models/tiny/1", ChecksumAlgorithm=algorithm)
    bucket.proxy.once(flip_a_byte, "labels")
    with serve() as server:
        assert server.get("/healthz")[0] == 200
    fetched = bucket.proxy.gets("labels")
    sums = "x-amz-checksum-mode" in fetched[0]["headers"]
    assert sums and len(fetched) == 2


def test_a_wrong_byte_each_time_ends_the_start(bucket, serve):
    bucket.put_folder(TINY / "tiny/1", "prod/models/tiny/1", ChecksumAlgorithm="SHA256")
    for _ in range(10):
        bucket.proxy.once(flip_a_byte, "labels")
    with serve(wait=False) as server:
        assert server.wait() == 69
        assert "does not have the sha256" in server.log_lines[-1]


def test_another_region_is_found(bucket, serve, versions):
    versions(1)
    bucket.proxy.faults.append(lambda handler, answer: "/eu-west-1/" not in handler.headers["authorization"] and
                               answer_with(301, "PermanentRedirect", [("x-amz-bucket-region", "eu-west-1")])(
                                   handler, answer))
    with serve() as server:
        assert server.get("/healthz")[0] == 200
    regions = [entry["headers"]["authorization"].split("/")[2] for entry in bucket.proxy.ledger]
    # Each process, the one that fetches and the scout, learns it once.
    assert regions[:2] == ["us-east-1", "eu-west-1"] and 1 <= regions.count("us-east-1") <= 2


def test_a_redirect_is_not_followed(bucket, serve, versions):
    versions(1)
    bucket.proxy.faults.append(answer_with(307, "TemporaryRedirect", [("location", "http://127.0.0.1:1/")]))
    with serve(wait=False) as server:
        assert server.wait() == 69
        assert "S3 answers 307" in server.log_lines[-1]


def test_a_refusal_says_what_the_role_needs(bucket, serve, versions):
    versions(1)
    bucket.proxy.faults.append(answer_with(403, "AccessDenied"))
    with serve(wait=False) as server:
        assert server.wait() != 0
        assert "403 AccessDenied" in server.log_lines[-1] and "s3:ListBucket" in server.log_lines[-1]
    assert len(bucket.proxy.ledger) == 1, "it is not tried again"


def test_s3_that_is_away_ends_a_first_start_and_not_a_later_one(bucket, serve, versions):
    versions(1)
    bucket.proxy.faults.append(answer_with(503, "SlowDown"))
    with serve(wait=False) as server:
        assert server.wait(90) == 69
    bucket.proxy.faults.clear()
    with serve() as server:
        assert server.stop() == 0
    bucket.proxy.faults.append(answer_with(503, "SlowDown"))
    with serve(wait=False) as server:
        server.await_ready(90)
        assert any("what was fetched before is served" in line for line in server.log_lines)
        assert server.classify(gray(GOOD))[0] == 200


def test_a_look_that_fails_disturbs_nobody(bucket, serve, versions):
    versions(1)
    with serve() as server:
        bucket.proxy.faults.append(answer_with(403, "AccessDenied"))
        server.await_event("stderr")
        assert server.classify(gray(GOOD))[0] == 200
        bucket.proxy.faults.clear()
        versions(2)
        server.await_event("model-activated", 2)
        server.check_quiet()


def test_told_to_stop_while_it_fetches(bucket, serve, versions):
    versions(1)
    asked = threading.Event()
    release = threading.Event()

    def hold(_, __):
        asked.set()
        release.wait(30)
        return False
    bucket.proxy.faults.append(hold)
    with serve(wait=False) as server:
        assert asked.wait(30)
        assert server.stop(signal.SIGTERM) == 0
    release.set()


def test_secrets_are_in_no_log(bucket, serve, versions):
    versions(1)
    with serve("--log-level", "debug", environment={"AWS_SESSION_TOKEN": "the-session-token"}) as server:
        assert server.get("/healthz")[0] == 200
        assert bucket.proxy.ledger[0]["headers"]["x-amz-security-token"] == "the-session-token"
        bucket.proxy.faults.append(answer_with(403, "AccessDenied"))
        server.await_event("stderr")
        server.stop()
        text = "\n".join(server.log_lines + server.plan)
    for secret in (KEYS["AWS_SECRET_ACCESS_KEY"], "the-session-token", "AWS4-HMAC"):
        assert secret not in text


@pytest.mark.parametrize("source, words", [("s3://x", "3 to 63"), ("s3://Upper/case", "a-z")])
def test_a_place_that_is_none_is_refused(tmp_path, bucket, source, words):
    with Server(tmp_path, "--model-cache", tmp_path / "cache", models=source, wait=False,
                environment=bucket.environment) as server:
        assert server.wait() == 64
        assert words in server.log_lines[-1]


def test_keys_that_would_leave_the_folder_are_left_out(tmp_path, bucket, serve, versions):
    versions(1)
    for key in ("prod/models/fake/1/../../../evil", "prod/models/fake/1//double", "prod/models/../x/1/y"):
        bucket.put(key, b"evil")
    with serve() as server:
        assert server.classify(gray(GOOD))[0] == 200
    assert not list(tmp_path.rglob("*evil*")) and cached(tmp_path) == ["fake/1/fake.toml", "fake/1/model.toml"]
