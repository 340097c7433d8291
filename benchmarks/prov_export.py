"""How long, and in how much memory, the provenance of a large run is written.

It makes a catalogue with one run, 200 images an AOR, and writes its provenance down to the images,
in each format in a process of its own. The goal is a minute and 1 GB. With ``--read-back`` the
library `prov` reads each document again and compares it with the one it makes itself, which takes
minutes and some GB at the full size.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from places import empty
from rows import PROCESSOR, SIZES, Row, peak_memory, show
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
IMAGES = {"tiny": 200, "small": 20_000, "full": 70_000}
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
    """Write in this process; tell seconds, seconds of the processor, and the most memory, bytes."""
    start = time.perf_counter()
    with Catalogue(location) as catalogue:
        catalogue.write_prov(1, out, format=format_name, level="image")
    seconds = time.perf_counter() - start
    print(seconds, time.process_time(), peak_memory())


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


def measure(location: str, format_name: str, out: Path) -> tuple[float, float, float]:
    """Give seconds, seconds of the processor, and the most memory in GB."""
    words = apart("--write", location, format_name, str(out)).split()
    return float(words[0]), float(words[1]), float(words[2]) / 1e9


def rows(size: str) -> list[Row]:
    """Write the provenance of a made run in each format."""
    found = []
    with tempfile.TemporaryDirectory() as name, empty("SQLite", Path(name)) as location:
        with Catalogue(location) as catalogue, catalogue._database.write() as connection:
            fill(connection, IMAGES[size])
        # One of them stands for all where only little time is wanted.
        for format_name in (*FORMATS, "rocrate") if size == "full" else FORMATS[:1]:
            _, seconds, gigabytes = measure(location, format_name, Path(name) / format_name)
            what = f"provenance of {IMAGES[size]:,} images as {format_name}"
            found += [
                Row(what, "", GOAL_SECONDS, [seconds], PROCESSOR, at_most=True, unit="s"),
                Row(f"{what}, peak memory", "", GOAL_GB, [gigabytes], "-", at_most=True, unit="GB"),
            ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small", help="how much (small)")
    parser.add_argument("--read-back", action="store_true")
    for one in ("--write", "--read"):
        parser.add_argument(one, nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        write(*given.write)
    elif given.read:
        read_back(*given.read)
    elif given.read_back:
        with tempfile.TemporaryDirectory() as name, empty("SQLite", Path(name)) as location:
            with Catalogue(location) as catalogue, catalogue._database.write() as connection:
                fill(connection, IMAGES[given.size])
            for format_name in FORMATS:
                out = Path(name) / format_name
                measure(location, format_name, out)
                print(apart("--read", location, format_name, str(out)), end="", flush=True)
    else:
        show(rows(given.size))


if __name__ == "__main__":
    main()
