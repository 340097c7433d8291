"""How long, and in how much memory, the provenance of a large run is written.

Run ``python benchmarks/prov_export.py [--images N] [--url URL] [--read-back] [--rocrate]``. It
makes a catalogue with one run of N images (70,000 by default, 200 in an AOR), in SQLite or in the
empty database that URL names, and writes its provenance down to the images in each format, each in
a process of its own. The goal is a minute and 1 GB. With ``--read-back`` the library `prov` reads
each document again and compares it with the one it makes itself, which takes minutes and some GB.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import Connection, insert

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.bulk import insert_rows
from iracdb.catalogue.views import rebuild_all
from iracdb.photometry.response import NATIVE
from iracdb.runs.parameters import apply
from iracdb.runs.request import Request
from iracdb.runs.software import record, this_software
from iracdb.runs.targets import FromHeaders

GOAL_SECONDS, GOAL_GB = 60.0, 1.0
FORMATS = ("json", "provn", "xml")
IN_AN_AOR = 200
FIRST_AOR = 40_000_000
NOW = "2026-01-01T00:00:00.000000Z"
UUID = "6d1c1c46-6f0e-4a9f-8f0a-1b2c3d4e5f60"


def sha(word: object) -> str:
    return hashlib.sha256(str(word).encode()).hexdigest()


def fill(connection: Connection, images: int) -> None:
    """Make one finished run of so many images."""
    aors = -(-images // IN_AN_AOR)
    insert_rows(connection, t.aor, ("aorkey",), ((FIRST_AOR + aor,) for aor in range(aors)))
    insert_rows(
        connection, t.frame, ("id", "channel", "aorkey", "expid", "dcenum", "mjd_obs"),
        ((i + 1, 2, FIRST_AOR + i // IN_AN_AOR, i % IN_AN_AOR, 0, 55000 + i * 1e-3)
         for i in range(images)),
    )  # fmt: skip
    insert_rows(
        connection, t.file,
        ("id", "frame_id", "kind", "version", "name", "size", "sha256", "data_sha256", "bitpix",
         "naxis1", "naxis2", "data_offset", "creator", "mjd_obs", "first_seen"),
        ((i + 1, i + 1, "bcd", 2, file_name(i), 290880, sha(i), sha(-i - 1), -32, 256, 256, 28800,
          "S19.2.0", 55000 + i * 1e-3, NOW)
         for i in range(images)),
    )  # fmt: skip
    parameters = apply(Request(channel=2), 2, FromHeaders(None), NATIVE)
    connection.execute(insert(t.target).values(id=1, identity="star", name="star", ra=1.0, dec=2.0))
    connection.execute(
        insert(t.run).values(
            run_id=1, uuid=UUID, name="run1", name_key="run1", origin="executed", state="finished",
            recipe="manual", channel=2, kind="bcd", layout="16-14-NY", command="iracdb run",
            parameters=parameters.values, parameters_digest=parameters.digest,
            inputs_digest=sha("i"), software_id=record(connection, this_software()),
            operator="jane", host="host", comment="made", started_at=NOW, finished_at=NOW,
        )
    )  # fmt: skip
    insert_rows(
        connection, t.run_input, ("run_id", "file_id", "role", "position"),
        ((1, i + 1, "science", i + 1) for i in range(images)),
    )  # fmt: skip
    insert_rows(
        connection, t.aor_result,
        ("id", "run_id", "target_id", "aorkey", "channel", "frame_group", "repeat", "row_number",
         "listed", "state", "target_name", "n_total", "n_workable", "n_rejected", "flux", "error"),
        ((aor + 1, 1, 1, FIRST_AOR + aor, 2, "FULL 2.0 s", 0, aor + 1, True, "measured", "star",
          IN_AN_AOR, IN_AN_AOR, 2, 100.0 + aor * 1e-7, 0.5)
         for aor in range(aors)),
    )  # fmt: skip
    insert_rows(
        connection, t.image_result,
        ("aor_result_id", "frame_id", "plane", "repeat", "file_id", "row_number", "file_number",
         "mjd_obs", "flags", "x", "y", "raw", "background", "array_location_factor",
         "pixel_phase_factor", "corrected", "kept", "rejected_by"),
        ((i // IN_AN_AOR + 1, i + 1, -1, 0, i + 1, i + 1, i % IN_AN_AOR + 1, 55000 + i * 1e-3, 0,
          127 + i * 1e-7, 128 + i * 1e-7, 1000 + i * 1e-5, 10 + i * 1e-6, 1.01, 0.99, 990.1,
          i % IN_AN_AOR > 1, None if i % IN_AN_AOR > 1 else "min")
         for i in range(images)),
    )  # fmt: skip
    rebuild_all(connection)


def file_name(i: int) -> str:
    return f"SPITZER_I2_{FIRST_AOR + i // IN_AN_AOR}_{i % IN_AN_AOR:04d}_0000_2_bcd.fits"


def write(location: str, format_name: str, out: str) -> None:
    """Write in this process; tell seconds, seconds of the processor, and the most memory, kB."""
    start = time.perf_counter()
    with Catalogue(location) as catalogue:
        catalogue.write_prov(1, out, format=format_name, level="image")
    seconds = time.perf_counter() - start
    print(seconds, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def read_back(location: str, format_name: str, out: str) -> None:
    """Read with `prov` what was written, and compare it with the document that `prov` makes."""
    from prov.model import ProvDocument

    start = time.perf_counter()
    with Catalogue(location) as catalogue:
        expected = catalogue.prov(1, level="image")
    made = time.perf_counter()
    found = ProvDocument.deserialize(out, format=format_name)
    same = "equal" if found == expected else "DIFFERENT"
    print(f"{format_name:8} {same}: prov makes it in {made - start:.0f} s and reads it in "
          f"{time.perf_counter() - made:.0f} s")  # fmt: skip


def apart(what: str, *words: str) -> str:
    """Do one of the two in a process of its own, and give what it says."""
    return subprocess.run(
        [sys.executable, __file__, what, *words], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def measure(location: str, format_name: str, out: Path) -> None:
    words = apart("--write", location, format_name, str(out)).split()
    seconds, processor, gigabytes = float(words[0]), float(words[1]), float(words[2]) * 1024 / 1e9
    files = out.iterdir() if out.is_dir() else [out]
    size = sum(path.stat().st_size for path in files) / 1e6
    reached = seconds <= GOAL_SECONDS and gigabytes <= GOAL_GB
    verdict = "within the goal" if reached else "MISSES the goal"
    print(f"{format_name:8} {seconds:6.1f} s ({processor:.1f} s of the processor) "
          f"{gigabytes:5.2f} GB {size:7.1f} MB, {verdict}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=70_000)
    parser.add_argument("--url")
    parser.add_argument("--read-back", action="store_true")
    parser.add_argument("--rocrate", action="store_true")
    for one in ("--write", "--read"):
        parser.add_argument(one, nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        write(*given.write)
        return
    if given.read:
        read_back(*given.read)
        return
    with tempfile.TemporaryDirectory() as folder:
        location = given.url or str(Path(folder) / "iracdb.sqlite")
        with Catalogue(location) as catalogue, catalogue._database.write() as connection:
            fill(connection, given.images)
        print(f"{given.images:,} images, {-(-given.images // IN_AN_AOR):,} AORs", flush=True)
        for format_name in (*FORMATS, *(["rocrate"] if given.rocrate else [])):
            out = Path(folder) / f"out.{format_name}"
            measure(location, format_name, out)
            if given.read_back and format_name in FORMATS:
                print(apart("--read", location, format_name, str(out)), end="", flush=True)


if __name__ == "__main__":
    main()
