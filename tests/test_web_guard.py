"""Who is let in: this machine by its own names, whoever knows the token; and nobody to write."""

from __future__ import annotations

import http.client
import re
import socket
from contextlib import closing
from pathlib import Path

import pytest
from helpers import iracdb
from serving_helpers import client, served

from iracdb import Catalogue
from iracdb.errors import UsageError
from iracdb.web.addresses import PAGES
from iracdb.web.guard import is_loopback
from iracdb.web.serving import serve

TOKEN = "a-token-of-the-tests"


@pytest.fixture
def catalogue(tmp_path: Path):
    with Catalogue(tmp_path / "c.sqlite") as made:
        yield made


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8613", "localhost", "LOCALHOST:1", "localhost.", "[::1]:80"]
)
def test_it_answers_to_its_own_names(catalogue, host):
    assert client(catalogue).get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8613", "127.0.0.1.evil.example", "", "localhost@evil.example",
     "[::1].evil.example", "192.168.0.7"],
)  # fmt: skip
def test_a_name_that_was_pointed_here_is_refused(catalogue, host):
    answer = client(catalogue).get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "<" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_sent(catalogue, method):
    # Where there is no page, too: it is refused before anything is looked for.
    for path in ("/", "/nothing", "/static/style.css"):
        answer = client(catalogue).request(method, path)
        assert answer.status_code == 405, path
        assert answer.headers["allow"] == "GET, HEAD"
        assert answer.text == "Nothing can be changed here\n"


def test_every_answer_says_what_a_browser_may_do(catalogue):
    ask = client(catalogue)
    for path in ("/", "/run/1", "/static/style.css", "/nothing", "/runs.json", "/runs.csv"):
        answer = ask.get(path)
        policy = dict(
            part.strip().split(" ", 1)
            for part in answer.headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in str(policy)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_templates_hold_no_script_and_no_style_of_their_own():
    folder = Path(__file__).parents[1] / "iracdb" / "web"
    for page in sorted((folder / "templates").glob("*.html")):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=\"/static/)", text), page.name
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), page.name
        assert "|safe" not in text.replace(" ", ""), page.name
        for address in re.findall(r"(?:src|href)=\"([^\"]*)\"", text):
            assert not re.match(r"(?i)[a-z]+:|//", address), f"{page.name} leads to {address}"
    for script in sorted((folder / "static").glob("*.js")):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function",
            script.read_text(encoding="utf-8"),
        ), script.name


def test_no_address_names_a_path():
    """Parts of addresses are numbers, or names that are looked up in a list of ours."""
    parts = {name for page in PAGES for name in re.findall(r"{([^}]*)}", page.path)}
    assert not {name for name in parts if ":" in name}  # such as {path:path}


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "//etc/passwd",
     "/file//etc/passwd", "/file/..%2f..%2fetc%2fpasswd", "/run/..%2f..%2fetc%2fpasswd"],
)  # fmt: skip
def test_no_path_of_the_disk_is_reached(running, path):
    """Asked by a client that sends the path as it is."""
    status, text = plain_request(int(running.rstrip("/").rpartition(":")[2]), path)
    assert status in (404, 308, 400), path
    assert b"root:" not in text
    assert b"import" not in text


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    place = tmp_path_factory.mktemp("served") / "c.sqlite"
    Catalogue(place).close()
    with served(place) as address:
        yield address


# --- The token -----------------------------------------------------------------------------------


def test_without_the_token_nothing_is_shown(catalogue):
    ask = client(catalogue, token=TOKEN)
    for path in ("/", "/?token=wrong", "/?token=", "/static/style.css", "/runs.json"):
        answer = ask.get(path)
        assert answer.status_code == 401, path
        assert TOKEN not in answer.text
    assert ask.get("/", headers={"cookie": "iracdb_token=wrong"}).status_code == 401
    assert ask.get("/", headers={"cookie": "iracdb_token"}).status_code == 401


def test_the_token_leaves_the_address_at_once(catalogue):
    ask = client(catalogue, token=TOKEN)
    answer = ask.get(f"/?q=x%26y&token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?q=x%26y"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert ask.get("/").status_code == 200


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example", "/\\evil.example"])
def test_the_token_leads_nowhere_else(catalogue, path):
    from starlette.testclient import TestClient

    ask: TestClient = client(catalogue, token=TOKEN)
    answer = ask.get(f"http://127.0.0.1:8613{path}?token={TOKEN}")
    assert answer.status_code == 303
    where = answer.headers["location"]
    assert where.startswith("/")
    assert not where.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    ("host", "home"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("localhost", True), ("::1", True), ("[::1]", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.2", False), ("a.example", False), ("", False)],
)  # fmt: skip
def test_what_is_of_this_machine_alone(host, home):
    assert is_loopback(host) is home


def test_an_open_address_is_given_a_token_unasked(tmp_path):
    Catalogue(tmp_path / "c.sqlite").close()
    # 0.0.0.0 is not called so by any browser; the test asks over this machine's own address.
    with served(tmp_path / "c.sqlite", "--host", "0.0.0.0") as address:
        found = re.fullmatch(r"http://0\.0\.0\.0:(\d+)/\?token=([\w-]{20,})", address)
        assert found, address
        port, token = int(found[1]), found[2]
        assert _status(port, "/") == 401
        assert _status(port, f"/?token={token}") == 303
        assert _status(port, "/", cookie=f"iracdb_token={token}") == 200


def _status(port: int, path: str, **headers: str) -> int:
    return plain_request(port, path, **headers)[0]


def plain_request(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


# --- The port ------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_said(tmp_path):
    Catalogue(tmp_path / "c.sqlite").close()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = iracdb("serve", "--db", tmp_path / "c.sqlite", "--port", str(port), cwd=tmp_path)
    assert done.returncode == 6
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


def test_no_address_is_a_usage_error(catalogue):
    with pytest.raises(UsageError, match="no address"):
        serve(catalogue, host="no.such.host.invalid", port=0)


def test_it_serves_only_what_is_there(tmp_path):
    done = iracdb("serve", "--db", tmp_path / "none.sqlite", cwd=tmp_path)
    assert done.returncode == 4
    assert not (tmp_path / "none.sqlite").exists()
