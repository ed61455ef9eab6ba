"""Published stores over S3's own protocol, against a server of this machine: the same answers, what
broke off goes on, what was changed is refused, and no key is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.cli import run
from fingerprints import address as addresses
from fingerprints.address import Address
from fingerprints.errors import Incomplete, MalformedInput, StoreIntegrity
from fingerprints.publishing import foreseen, publish
from fingerprints.records import sha256
from fingerprints.remote_store import opened
from fingerprints.store import FingerprintStore
from tests.fingerprints.stored import transcript
from tests.fingerprints.test_remote_store import local, look, objects, overwrite
from tests.recordings import HABITS, recorded

MISSING = "needs a server and a client of S3: pip install 'moto[server]' s3fs"
s3fs = pytest.importorskip("s3fs", reason=MISSING)
server = pytest.importorskip("moto.server", reason=MISSING)
# Of the server's and the client's own packages.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
NAME, KEY = "AKIAEXAMPLE0NAME", "s3cr3t+k3y/0123456789"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    running = server.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty bucket; who asks it is told by the environment alone."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": NAME,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"b-{sha256(str(tmp_path))[:20]}"
    s3fs.S3FileSystem().mkdir(name)
    yield f"s3://{name}/teachers"
    s3fs.S3FileSystem.clear_instance_cache()


def holds_a_secret(*folders: Path) -> list[str]:
    """Files of these folders in which a key stands."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [f.name for f in files if any(k.encode() in f.read_bytes() for k in (NAME, KEY))]


def test_a_store_in_a_bucket_answers_as_the_folder_does_and_grows(
    path: Path, bucket: str, cache: Path
) -> None:
    assert foreseen(path, bucket).sent == 4
    assert publish(path, bucket).sent == 4
    assert publish(path, bucket).there == 4
    assert look(bucket, cache) == local(path)
    with FingerprintStore.open(path) as store:
        store.add(transcript("d"), "d")
    assert publish(path, bucket).sent > 0
    with opened(bucket, cache) as reader:
        assert [t.name for t in reader.teachers()] == ["a", "b", "c", "d"]
        assert reader.verify() == []
    place = Address.parse(bucket)
    held = [place.filesystem.cat_file(name) for name in place.filesystem.find(place.root)]
    assert len(held) > 5
    assert not any(key.encode() in data for data in held for key in (NAME, KEY))
    assert holds_a_secret(path, cache) == []


def test_a_changed_object_is_refused_and_the_right_one_is_read_again(
    path: Path, bucket: str, cache: Path
) -> None:
    publish(path, bucket)
    digest, place = objects(bucket)["catalog.sqlite"], Address.parse(bucket)
    right = place.filesystem.cat_file(place.at(digest))
    for wrong in (right[:-1] + bytes([right[-1] ^ 1]), right[:1000], right + b"more", b""):
        overwrite(bucket, digest, wrong)
        if wrong.startswith(right):  # what is behind the end is not read
            assert look(bucket, cache) == local(path)
            (cache / "stores" / "objects" / digest).unlink()
            continue
        with pytest.raises(StoreIntegrity, match=digest), opened(bucket, cache):
            pytest.fail("served")
    overwrite(bucket, digest, right)
    assert look(bucket, cache) == local(path)


def test_a_fetch_that_the_network_broke_goes_on_where_it_was(
    path: Path, bucket: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(path, bucket)
    digest = objects(bucket)["catalog.sqlite"]
    monkeypatch.setattr(addresses, "PORTION", 4096)
    real, starts, left = s3fs.core.S3File._fetch_range, [], [3]

    def broken(self: Any, start: int, end: int) -> bytes:
        if self.path.endswith(digest):
            starts.append(start)
            left[0] -= 1
            if left[0] == 0:
                raise ConnectionResetError(f"reset by {KEY}")
        return bytes(real(self, start, end))

    monkeypatch.setattr(s3fs.core.S3File, "_fetch_range", broken)
    with pytest.raises(Incomplete, match="ConnectionResetError") as caught, opened(bucket, cache):
        pytest.fail("opened")
    assert KEY not in caught.value.line()
    came = (cache / "stores" / "objects" / f"{digest}.part").stat().st_size
    assert came > 0
    starts.clear()
    assert look(bucket, cache) == local(path)
    assert starts[0] == came


def test_neither_what_goes_wrong_nor_a_report_tells_a_key(
    bucket: str,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(cache))
    with FingerprintStore.create(tmp_path / "store") as store:
        for habit in HABITS:
            store.add(recorded(tmp_path, habit), name=habit, vendor=f"vendor of {habit}")
    assert run(["store", "list", "--store", bucket]) == 3
    assert run(["store", "publish", bucket, "--store", str(tmp_path / "store")]) == 0
    out = tmp_path / "report"
    assert run(["compare", "--store", bucket, "--out", str(out), "--resamples", "5"]) == 0
    assert list(out.rglob("*.json"))
    told = capsys.readouterr()
    assert run(["store", "list", "--store", bucket, "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == sorted(HABITS)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    s3fs.S3FileSystem.clear_instance_cache()
    assert run(["store", "list", "--store", bucket]) == 6
    gone = capsys.readouterr()
    assert not any(key in text for key in (NAME, KEY) for text in (*told, *gone))
    assert holds_a_secret(tmp_path) == []


def test_no_bucket_is_made_of_a_misspelt_name(path: Path, bucket: str) -> None:
    with pytest.raises(MalformedInput, match="no such bucket"):
        publish(path, "s3://misspelt-bucket/teachers")
    assert not s3fs.S3FileSystem().exists("misspelt-bucket")


def test_nobody_without_credentials_is_asked_for_them(
    path: Path, bucket: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(path, bucket)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(Incomplete, match="check network, credentials"), opened(bucket, cache):
        pytest.fail("opened")
