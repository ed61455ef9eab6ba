"""The gallery as it is served: on this machine alone, and in a browser."""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from auditor.gallery.found import key_of

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Where a server of the folder listens."""
    command = [sys.executable, "-m", "auditor", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        found = None
        while found is None:
            line = running.stderr.readline()
            assert line, "the server ended before it listened"
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        yield found[0]
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0


def asked(address: str, path: str, method: str = "GET", host: str = "") -> tuple[int, str, Any]:
    """Status, text and headers of one request, its path as it is written here."""
    where = urlsplit(address)
    made = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    with closing(made) as connection:
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or where.netloc)
        connection.endheaders()
        with connection.getresponse() as reply:
            return reply.status, reply.read().decode("utf-8"), reply.headers


def test_every_answer_forbids_what_a_page_could_load_or_run(address: str) -> None:
    key = key_of("a/calibrated")
    for path in (
        "/",
        f"/report/{key}",
        f"/report/{key}/exhibits",
        f"/report/{key}/exhibit/0",
        "/nothing",
    ):
        _, text, headers = asked(address, path)
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "<script" not in text


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/report/../../etc/passwd",
        "/report/..%2f..%2fetc%2fpasswd",
        "/report/%2e%2e/%2e%2e/report.json",
        "/report//etc/passwd",
        "/report/b",
        "/report/0123456789abcdef",
        f"/report/{key_of('linked')}",
        f"/report/{key_of('c')}",
        f"/report/{key_of('broken')}",
        f"/report/{key_of('b')}/exhibit/999999",
        "/side-by-side?with=../../etc&with=passwd",
    ],
)
def test_what_is_no_report_of_the_folder_is_not_found(address: str, path: str) -> None:
    status, text, _ = asked(address, path)
    assert status == 404
    assert "root:" not in text


def test_it_only_reads_and_answers_to_this_machine_alone(address: str) -> None:
    assert asked(address, "/", "POST")[0] == 405
    assert asked(address, "/", "DELETE")[0] == 405
    assert asked(address, "/", host="evil.example:80")[0] == 400
    assert asked(address, "/side-by-side?with=1")[0] == 400


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.timeout(400)
def test_in_a_browser_reports_are_filtered_opened_and_put_side_by_side(address: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(120_000)
        asked_for: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked_for.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.goto(address)
        assert page.locator("tbody tr").count() == 3
        page.locator("select[name=inheritance]").select_option("supported")
        page.get_by_role("button", name="Show").click()
        assert page.locator("tbody tr").count() == 2
        for box in page.locator("input[type=checkbox]").all():
            box.check()
        page.get_by_role("button", name="Side by side").click()
        assert page.locator(".beside > section").count() == 2
        left, right = (page.locator(".beside > section").nth(i).bounding_box() for i in (0, 1))
        assert left["y"] == right["y"]
        page.get_by_role("link", name="All reports").click()
        page.get_by_role("link", name="Exhibits").first.click()
        page.locator("section h2 a").first.click()
        assert page.locator("figure.exhibit").count() == 1
        page.set_viewport_size({"width": 400, "height": 800})
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        browser.close()
    assert said == []
    assert all(url.startswith(address) for url in asked_for)
