"""Published stores, read through a cache: the same answers, every byte checked, no secret told."""

from __future__ import annotations

import http.server
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest

from auditor.cli import run
from fingerprints import address as addresses
from fingerprints import publishing, remote_store
from fingerprints.address import Address, is_address
from fingerprints.errors import (
    AuditError,
    Incomplete,
    MalformedInput,
    ResourceLimit,
    StoreIntegrity,
    UnsafeInput,
    UsageProblem,
)
from fingerprints.publishing import foreseen, publish
from fingerprints.records import sha256
from fingerprints.remote_store import opened
from fingerprints.store import FingerprintStore
from tests.fingerprints.stored import queries, transcript

KEY = "s3cr3tk3y"


@pytest.fixture(params=["memory", "file"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield (
        f"memory://bucket/{tmp_path.name}"
        if request.param == "memory"
        else f"file://{tmp_path}/far"
    )
    fsspec.filesystem("memory").store.clear()


def look(address: str, cache: Path) -> tuple[bytes, bytes]:
    with opened(address, cache) as store:
        assert [t.name for t in store.teachers()] == ["a", "b", "c"]
        assert store.transcript("b") == transcript("b")
        scores, ids = store.search(queries(store), 5)
        assert store.read_only
        return scores.tobytes(), ids.tobytes()


def local(path: Path) -> tuple[bytes, bytes]:
    with FingerprintStore.open(path, read_only=True) as store:
        scores, ids = store.search(queries(store), 5)
        return scores.tobytes(), ids.tobytes()


def objects(address: str) -> dict[str, str]:
    """Names in the store and the objects that hold their bytes."""
    return {name: entry["sha256"] for name, entry in _listed(address).items()}


def overwrite(address: str, name: str, data: bytes) -> None:
    place = Address.parse(address)
    place.filesystem.pipe_file(place.at(name), data)


def republished(address: str, files: dict[str, bytes]) -> None:
    """Puts other bytes in the place of files of a published store, and lists them."""
    place = Address.parse(address)
    listing = json.loads(place.filesystem.cat_file(place.at("store.json")))
    for name, data in files.items():
        listing["files"][name] = {"size": len(data), "sha256": sha256(data)}
        overwrite(address, sha256(data), data)
    overwrite(address, "store.json", json.dumps(listing).encode())


def test_a_published_store_answers_as_the_folder_does(
    path: Path, address: str, cache: Path
) -> None:
    done = publish(path, address)
    assert done.sent == len(objects(address)) == 4
    assert look(address, cache) == local(path)
    assert [p.name for p in (cache / "stores").iterdir()] == ["objects"]


def test_what_was_fetched_is_not_fetched_again(
    path: Path, address: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(path, address)
    expected = look(address, cache)
    monkeypatch.setattr(remote_store, "_fetch", lambda *_: pytest.fail("fetched again"))
    assert look(address, cache) == expected


def test_publishing_again_sends_nothing_and_a_change_sends_what_changed(
    path: Path, address: str, cache: Path
) -> None:
    first = publish(path, address)
    again = publish(path, address)
    assert (again.sent, again.there, again.there_bytes) == (0, first.sent, first.sent_bytes)
    with FingerprintStore.open(path) as store:
        store.add(transcript("d"), "d")
    assert foreseen(path, address).sent == 4
    with opened(address, cache) as reader:
        publish(path, address)
        assert len(reader.teachers()) == 3  # it reads the store that it opened
    with opened(address, cache) as reader:
        assert [t.name for t in reader.teachers()] == ["a", "b", "c", "d"]


def test_a_dry_run_writes_nothing(path: Path, address: str, tmp_path: Path) -> None:
    for sending in (foreseen, publish):
        with pytest.raises(MalformedInput, match="there is no store here"):
            sending(tmp_path / "nowhere", address)
    assert foreseen(path, address).sent == 4
    with pytest.raises(MalformedInput, match="no published store"):
        objects_or_refusal(address)


@pytest.mark.parametrize(
    ("address", "step"),
    [
        ("zip://teachers.zip", "unpack it"),
        ("tar://teachers.tar/x", "unpack it"),
        ("libarchive://x", "unpack it"),
        ("simplecache://x/y", "name the place itself"),
        ("filecache://x/y", "name the place itself"),
    ],
)
def test_an_archive_and_a_cache_are_not_told_to_set_credentials(address: str, step: str) -> None:
    with pytest.raises(UsageProblem, match=step) as caught:
        Address.parse(address)
    assert "credentials" not in caught.value.line()


@pytest.mark.parametrize("held", [b"", b"\xff\xfe", b"../../etc x\n", b"gen-000001"])
def test_a_dry_run_refuses_a_pointer_that_names_no_generation(
    path: Path, address: str, held: bytes
) -> None:
    (path / "CURRENT").write_bytes(held)
    for sending in (foreseen, publish):
        with pytest.raises(StoreIntegrity, match="CURRENT names no generation"):
            sending(path, address)


def objects_or_refusal(address: str, cache: Path = Path("unused")) -> None:
    with opened(address, cache):
        pytest.fail("opened what is not there")


@pytest.mark.parametrize("name", ["catalog.sqlite", "CURRENT", "gen-000001/index.faiss"])
def test_a_changed_remote_object_is_named_and_nothing_of_it_is_kept(
    path: Path, address: str, cache: Path, name: str
) -> None:
    publish(path, address)
    digest = objects(address)[name]
    place = Address.parse(address)
    data = bytearray(place.filesystem.cat_file(place.at(digest)))
    data[len(data) // 2] ^= 1
    for changed in (bytes(data), bytes(data[:-1]), b""):
        overwrite(address, digest, changed)
        with (
            pytest.raises(StoreIntegrity, match="remote object of") as caught,
            opened(address, cache),
        ):
            pytest.fail("served")
        assert name in caught.value.line()
        assert digest in caught.value.line()
        assert not (cache / "stores" / "objects" / digest).exists()
    data[len(data) // 2] ^= 1
    overwrite(address, digest, bytes(data))
    assert look(address, cache) == local(path)


def test_what_to_do_about_a_changed_remote_object_mends_it(
    path: Path, address: str, cache: Path
) -> None:
    publish(path, address)
    digest = objects(address)["catalog.sqlite"]
    place = Address.parse(address)
    data = bytearray(place.filesystem.cat_file(place.at(digest)))
    data[len(data) // 2] ^= 1
    overwrite(address, digest, bytes(data))
    with pytest.raises(StoreIntegrity) as caught, opened(address, cache):
        pytest.fail("served")
    assert "remove that object there and publish" in caught.value.line()
    place.filesystem.rm_file(place.at(digest))
    assert publish(path, address).sent == 1
    assert look(address, cache) == local(path)


def test_a_store_that_is_written_while_it_is_sent_is_not_listed(
    path: Path, address: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(path, address)
    with FingerprintStore.open(path) as store:
        store.add(transcript("d"), "d")
    real = publishing._send

    def meanwhile(place: Address, file: Path, entry: Any) -> None:
        real(place, file, entry)
        if file.name == "manifest.json":  # behind the catalogue: every object has its size
            with FingerprintStore.open(path) as store:
                store.add(transcript("e"), "e")

    monkeypatch.setattr(publishing, "_send", meanwhile)
    with pytest.raises(Incomplete, match="changed while it was sent"):
        publish(path, address)
    with opened(address, cache) as reader:
        assert len(reader.teachers()) == 3
    monkeypatch.undo()
    publish(path, address)
    with opened(address, cache) as reader:
        assert [t.name for t in reader.teachers()] == ["a", "b", "c", "d", "e"]


def test_a_full_disk_of_ours_is_no_trouble_of_the_remote_store(
    path: Path, address: str, cache: Path
) -> None:
    publish(path, address)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, usual[1]))
    try:
        with pytest.raises(ResourceLimit, match="could not write") as caught:
            objects_or_refusal(address, cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    [left] = (cache / "stores" / "objects").glob("*.part")
    assert f"2,000 bytes that were fetched are kept ({left})" in caught.value.line()
    assert "goes on from there; or remove that file" in caught.value.line()
    assert left.stat().st_size == 2000
    assert look(address, cache) == local(path)


def test_a_damaged_cached_object_is_fetched_again_on_the_next_read(
    path: Path, address: str, cache: Path
) -> None:
    publish(path, address)
    expected = look(address, cache)
    for digest in objects(address).values():
        held = cache / "stores" / "objects" / digest
        data = bytearray(held.read_bytes())
        data[-1] ^= 1
        held.write_bytes(data)
        assert look(address, cache) == expected
        held.unlink()
        assert look(address, cache) == expected


def test_a_fetch_that_broke_off_goes_on_and_a_spoilt_part_is_thrown_away(
    path: Path, address: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(path, address)
    monkeypatch.setattr(addresses, "PORTION", 1000)
    digest = objects(address)["catalog.sqlite"]
    place = Address.parse(address)
    whole = place.filesystem.cat_file(place.at(digest))
    folder = cache / "stores" / "objects"
    folder.mkdir(parents=True)
    starts: list[int] = []
    real = Address.portions

    def seen(self: Address, name: str, size: int, start: int = 0) -> Iterator[bytes]:
        if name == digest:
            starts.append(start)
        return real(self, name, size, start)

    monkeypatch.setattr(Address, "portions", seen)
    (folder / f"{digest}.part").write_bytes(whole[:5000])
    assert look(address, cache) == local(path)
    assert starts == [5000]
    (folder / digest).unlink()
    (folder / f"{digest}.part").write_bytes(b"x" * 5000)
    assert look(address, cache) == local(path)
    assert starts == [5000, 5000, 0]


@pytest.mark.parametrize(
    "files",
    [
        {"../../x": 1},
        {"gen-000001/../../x": 1},
        {"/etc/passwd": 1},
        {"catalog.sqlite-wal": 1},
        {"gen-000001/.x": 1},
    ],
)
def test_a_listing_can_name_no_other_file(
    path: Path, address: str, cache: Path, files: dict[str, int], tmp_path: Path
) -> None:
    publish(path, address)
    place = Address.parse(address)
    listing = json.loads(place.filesystem.cat_file(place.at("store.json")))
    entry = next(iter(listing["files"].values()))
    listing["files"] |= dict.fromkeys(files, entry)
    overwrite(address, "store.json", json.dumps(listing).encode())
    with pytest.raises(UnsafeInput, match="no store has"), opened(address, cache):
        pytest.fail("opened")
    overwrite(address, "store.json", b"rubbish")
    with pytest.raises(StoreIntegrity, match="listing"), opened(address, cache):
        pytest.fail("opened")


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every object that is asked for, with the size that is allowed it."""
    found: list[tuple[str, int]] = []
    real = Address.portions

    def seen(self: Address, name: str, size: int, start: int = 0) -> Iterator[bytes]:
        found.append((name, size))
        return real(self, name, size, start)

    monkeypatch.setattr(Address, "portions", seen)
    return found


def relisted(address: str, **changed: object) -> None:
    """Adds entries to a published store's listing, or changes them."""
    place = Address.parse(address)
    listing = json.loads(place.filesystem.cat_file(place.at("store.json")))
    entry = next(iter(listing["files"].values()))
    for name, size in changed.items():
        listing["files"][name] = {**listing["files"].get(name, entry), "size": size}
    overwrite(address, "store.json", json.dumps(listing).encode())


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({f"gen-000001/x{i}": 9 << 40 for i in range(10_000)}, "the index does not have"),
        ({f"gen-000001/x{i}": 10 for i in range(1_000_000)}, "can't be read"),
        ({f"gen-{i:06d}/manifest.json": 4096 for i in range(9)}, "no store has"),
        ({"CURRENT": 9 << 40}, "no store has"),
        ({"gen-000001/manifest.json": 9 << 40}, "no store has"),
        ({"gen-000001/index.faiss": 9 << 40}, "not of the index"),
        ({"gen-000001/second.faiss": 10}, "the index does not have"),
        ({"gen-000002/index.faiss": 10}, "the index does not have"),
        ({"catalog.sqlite": 9 << 40}, "may be"),
        ({"catalog.sqlite": -1}, "can't be read"),
    ],
    ids=["many", "a million", "manifests", "pointer", "manifest", "index", "more", "other", "catalogue", "negative"],
)  # fmt: skip
def test_a_hostile_listing_makes_nobody_fetch_what_no_store_needs(
    path: Path,
    tmp_path: Path,
    cache: Path,
    fetched: list[tuple[str, int]],
    files: dict[str, int],
    why: str,
) -> None:
    address = f"file://{tmp_path}/far"
    publish(path, address)
    relisted(address, **files)
    with pytest.raises(AuditError, match=why):
        objects_or_refusal(address, cache)
    assert sum(size for name, size in fetched if name != "store.json") < 4096
    assert [name for name, _ in fetched].count("store.json") == 1
    assert not list(cache.rglob("view-*"))


def test_a_listing_without_its_manifest_is_no_trouble_of_this_machine(
    path: Path, tmp_path: Path, cache: Path
) -> None:
    address = f"file://{tmp_path}/far"
    publish(path, address)
    listed = _listed(address)
    del listed["gen-000001/manifest.json"]
    overwrite(address, "store.json", json.dumps({"files": listed}).encode())
    with pytest.raises(StoreIntegrity, match="lacks the manifest") as caught:
        objects_or_refusal(address, cache)
    assert address in caught.value.line()
    assert "publish again" in caught.value.line()


READER = """
import os, signal, sys
from pathlib import Path
from fingerprints import address, remote_store
address.PORTION = 1000
real, left = address.Address.portions, [int(sys.argv[3])]
def cut(self, name, size, start=0):
    for data in real(self, name, size, start):
        yield data
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
address.Address.portions = cut
with remote_store.opened(sys.argv[1], Path(sys.argv[2])) as store:
    print(len(store.teachers()))
"""


def test_readers_that_are_killed_and_readers_at_once_end_with_one_whole_copy(
    path: Path, tmp_path: Path, cache: Path
) -> None:
    address = f"file://{tmp_path}/far"
    publish(path, address)
    for portions in (1, 4, 30):
        argv = [sys.executable, "-c", READER, address, str(cache), str(portions)]
        assert subprocess.run(argv, check=False).returncode == -signal.SIGKILL
    argv[-1] = "-1"
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in running] == ["3\n", "3\n"]
    assert look(address, cache) == local(path)
    held = list((cache / "stores" / "objects").iterdir())
    assert {file.suffix for file in held} == {"", ".lock"}
    assert all(sha256(file.read_bytes()) == file.name for file in held if not file.suffix)


def test_more_than_may_be_fetched_or_than_there_is_room_for_is_refused_before(
    path: Path, address: str, cache: Path, fetched: list[tuple[str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    publish(path, address)
    sizes = {entry["sha256"]: entry["size"] for entry in _listed(address).values()}
    large = sum(size for size in sizes.values() if size > 1000)
    monkeypatch.setenv("AUDITOR_LARGEST_FETCH", str(large - 1))
    with pytest.raises(ResourceLimit, match=f"{large:,} bytes of a published store would") as told:
        objects_or_refusal(address, cache)
    assert f"AUDITOR_LARGEST_FETCH={large}" in told.value.line()
    monkeypatch.setenv("AUDITOR_LARGEST_FETCH", "lots")
    with pytest.raises(UsageProblem, match="no number of bytes"):
        objects_or_refusal(address, cache)
    monkeypatch.setenv("AUDITOR_LARGEST_FETCH", str(large))
    usage = shutil.disk_usage(cache)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=large - 1))
    with pytest.raises(ResourceLimit, match=f"and {large - 1:,} are free"):
        objects_or_refusal(address, cache)
    assert not any(size > 1000 for name, size in fetched if name != "store.json")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=large))
    assert look(address, cache) == local(path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    monkeypatch.setenv("AUDITOR_LARGEST_FETCH", "0")
    assert look(address, cache) == local(path)  # all is here already


def _listed(address: str) -> dict[str, dict[str, Any]]:
    place = Address.parse(address)
    files: dict[str, dict[str, Any]] = json.loads(
        place.filesystem.cat_file(place.at("store.json"))
    )["files"]
    return files


@pytest.mark.parametrize(
    "bad",
    [
        f"s3://user:{KEY}@bucket/store",
        f"https://host/store?X-Amz-Signature={KEY}",
        f"simplecache::s3://{KEY}",
        f"memory://x#{KEY}",
        f"memory://a b{KEY}",
        f"nosuch://{KEY}",
    ],
)
def test_no_credential_is_taken_or_told(bad: str) -> None:
    assert is_address(bad)
    with pytest.raises(UsageProblem) as caught:
        Address.parse(bad)
    assert KEY not in caught.value.line()
    assert "\n" not in caught.value.line()


def test_an_unknown_protocol_and_a_missing_package_are_one_line_each() -> None:
    with pytest.raises(UsageProblem, match="no protocol is called 'nosuch'"):
        Address.parse("nosuch://x/y")
    fsspec.register_implementation("later", "not_there.at_all.System", errtxt="pip install laterfs")
    with pytest.raises(UsageProblem, match="pip install laterfs"):
        Address.parse("later://x/y")


@pytest.mark.parametrize("address", ["reference://x", "webhdfs://", "dir://x"])
def test_a_protocol_that_an_address_does_not_fill_is_one_line(address: str) -> None:
    with pytest.raises(UsageProblem, match="needs more than an address"):
        Address.parse(address)


def test_the_host_of_an_address_is_part_of_who_reads_it() -> None:
    assert Address.parse("webhdfs://host:9870/teachers/").root == "/teachers"


def test_what_a_backend_says_is_not_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(f"denied for {KEY} at https://{KEY}.example")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "open", refused)
    with (
        pytest.raises(Incomplete, match="PermissionError") as caught,
        opened("memory://x/y", cache),
    ):
        pytest.fail("opened")
    assert KEY not in caught.value.line()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


class Ranged(http.server.SimpleHTTPRequestHandler):
    """Serves ranges, as object storage does; quiet."""

    ranges = True

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """A range where one is asked."""
        asked, file = self.headers.get("Range"), Path(self.translate_path(self.path))
        if not self.ranges or asked is None or not file.is_file():
            super().do_GET()
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        data = file.read_bytes()[int(first) : int(last) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def served(handler: Any) -> Iterator[str]:
    """The address of a server of this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_plain_server_is_read_with_and_without_ranges(
    path: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, ranges: bool
) -> None:
    pytest.importorskip("aiohttp")
    publish(path, f"file://{tmp_path}/far")
    monkeypatch.setattr(addresses, "PORTION", 10_000)
    handler = type("Handler", (Ranged,), {"ranges": ranges})
    with served(partial(handler, directory=str(tmp_path / "far"))) as where:
        assert look(where, cache) == local(path)
        cut(cache / "stores" / "objects")
        assert look(where, cache) == local(path)
        with pytest.raises(AuditError):
            publish(path, where + "/new")
        shutil.rmtree(tmp_path / "far")
        with pytest.raises(MalformedInput, match="no such object"), opened(where, cache):
            pytest.fail("opened")


def cut(objects: Path) -> None:
    """Leaves of what was fetched what a broken fetch would have."""
    for held in [file for file in objects.iterdir() if not file.suffix]:
        data = held.read_bytes()
        held.unlink()
        held.with_name(f"{held.name}.part").write_bytes(data[: len(data) // 3])


class Endless(http.server.BaseHTTPRequestHandler):
    """Sends hundreds of megabytes whatever it is asked for; quiet."""

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """Spaces, until nobody reads on."""
        self.send_response(206)
        self.end_headers()
        with suppress(OSError):
            for _ in range(400):
                self.wfile.write(b" " * (1 << 20))


def test_a_server_that_sends_more_than_it_was_asked_for_takes_no_memory(
    path: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("aiohttp")
    tracemalloc.start()
    try:
        with (
            served(Endless) as where,
            pytest.raises(StoreIntegrity, match="listing"),
            opened(where, cache),
        ):
            pytest.fail("opened")
        assert tracemalloc.get_traced_memory()[1] < 48 << 20  # the listing may have eight MiB
        monkeypatch.setattr(addresses, "PORTION", 1 << 20)
        publish(path, f"file://{tmp_path}/far")
        large = tmp_path / "far" / "large"
        large.write_bytes(bytes(64 << 20))
        handler = partial(
            type("Handler", (Ranged,), {"ranges": False}), directory=str(large.parent)
        )
        with served(handler) as where:
            tracemalloc.reset_peak()
            for start in (0, 40 << 20):
                came = Address.parse(where).portions("large", 64 << 20, start)
                assert sum(map(len, came)) == (64 << 20) - start
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("part", ["CURRENT", "index.faiss", "catalog.sqlite"])
def test_what_mends_a_damaged_published_store_is_not_a_rebuild_of_it(
    path: Path,
    address: str,
    cache: Path,
    part: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(path, address)
    name = part if part != "index.faiss" else f"{next(path.glob('gen-*')).name}/{part}"
    data = (path / name).read_bytes()
    damaged = data[: len(data) // 2] + b"x" + data[len(data) // 2 + 1 :]
    republished(address, {name: damaged})
    monkeypatch.setenv("AUDITOR_CACHE", str(cache))
    for command in (["search", "x"], ["verify"]):
        assert run(["store", *command, "--store", address]) == 5
        line = capsys.readouterr().err
        assert "publish again" in line
        assert address in line
        assert f"--store {cache}" not in line
        assert "view-" not in line


def test_the_folders_of_killed_readers_are_removed_in_time(
    path: Path, address: str, cache: Path
) -> None:
    publish(path, address)
    stores = cache / "stores"
    (stores / "objects").mkdir(parents=True)
    for view in ("view-old", "view-young"):
        (stores / view).mkdir()
    for part in ("old.part", "young.part"):
        (stores / "objects" / part).write_bytes(b"x")
    for left in ("view-old", "objects/old.part"):
        os.utime(stores / left, (0, 0))
    look(address, cache)
    assert [p.name for p in sorted(stores.glob("view-*"))] == ["view-young"]
    assert [p.name for p in stores.glob("objects/*.part")] == ["young.part"]
