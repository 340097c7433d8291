"""What is said when a run closes: whose numbers it repeats, and where its words are not true."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from iracdb_cli.main import main
from published_helpers import change, copy_run, set_cell
from run_helpers import images, select, write_frames
from sqlalchemy import update

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.errors import NotFound
from iracdb.irac.simulate import FrameSpec
from iracdb.runs.words import disagreements

AOR = 46466816
OPTIONS: dict[str, Any] = {"channel": 2, "aors": [AOR], "radius": (3, 3, 7)}


def location(database: Database) -> str:
    if database.dialect == "sqlite":
        return str(database.url.database)
    return database.url.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def archive(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for name in (AOR, 38703360):
        shutil.copytree(reference / "archive" / f"r{name}", folder / f"r{name}")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    return folder


@pytest.fixture
def catalogue(module_database: Database, archive: Path) -> Iterator[Catalogue]:
    with Catalogue(location(module_database)) as opened:
        opened.ingest(archive)
        yield opened


def repeats(catalogue: Catalogue, which: int | str) -> list[str]:
    return [said for said in catalogue.closing_notes(which) if "to the bit" in said]


# Repeated numbers


def test_whose_results_a_run_repeats(catalogue: Catalogue, module_database: Database) -> None:
    assert catalogue.closing_notes(catalogue.run(name="first", **OPTIONS).name) == []
    catalogue.run(name="second", **OPTIONS)
    assert catalogue.closing_notes("second") == ["Its results are, to the bit, those of first"]
    catalogue.run(name="third", **OPTIONS)
    assert repeats(catalogue, "third") == ["Its results are, to the bit, those of first and second"]
    # Other settings, other numbers: nothing is said.
    catalogue.run(name="wider", **(OPTIONS | {"radius": (5, 5, 10)}))
    assert catalogue.closing_notes("wider") == []
    # The same images through another factor.
    catalogue.run(name="brighter", **(OPTIONS | {"aperture_correction": 1.25}))
    assert catalogue.closing_notes("brighter") == [
        "All its 11 images with a flux are, to the bit, in first too"
    ]
    # One AOR more: what is repeated is a part.
    catalogue.run(name="both", **(OPTIONS | {"aors": [AOR, 38703360]}))
    (said,) = catalogue.closing_notes("both")
    shared = select(
        catalogue,
        "SELECT count(*) AS number FROM image_result i JOIN aor_result a "
        "ON a.id = i.aor_result_id JOIN run r ON r.run_id = a.run_id "
        "WHERE r.name = 'both' AND i.raw IS NOT NULL",
    )[0]["number"]
    assert said == (
        f"1 of its 2 averages and 11 of its {shared} images with a flux are, to the bit, "
        "in first too"
    )
    # A withdrawn run is told to be one; an unfinished one is not told of.
    name = t.run.c.name
    with module_database.write() as connection:
        connection.execute(
            update(t.run).where(name == "first").values(withdrawn_at="2026-01-02T03:04:05")
        )
        connection.execute(update(t.run).where(name == "third").values(state="running"))
    assert repeats(catalogue, "second") == [
        "Its results are, to the bit, those of first (withdrawn)"
    ]
    with pytest.raises(NotFound):
        catalogue.closing_notes("nobody")


def test_repeats_without_a_digest(
    catalogue: Catalogue, module_database: Database, published_copies: Path
) -> None:
    """Older catalogues hold runs without digests; their averages are compared all the same."""
    catalogue.import_runs(published_copies)
    with module_database.write() as connection:
        connection.execute(
            update(t.run).where(t.run.c.name.in_(("run14", "copy14"))).values(result_digest=None)
        )
    # One flux of one AOR.
    assert repeats(catalogue, "copy14") == ["Its one average is, to the bit, in run14 too"]
    assert repeats(catalogue, "off14") == repeats(catalogue, "err14") == []


def test_frames_that_look_the_same_are_not_the_same(any_location: str, tmp_path: Path) -> None:
    """Two AORs of frames without noise: their numbers agree to the bit, and repeat nothing."""
    star = FrameSpec(channel=1, aorkey=91000000, noise=False, frame_time=12.0)
    keys = (91000000, 91000256)
    specs = [
        replace(star, aorkey=key, expid=n, mjd=star.mjd + day + n / 1000)
        for day, key in enumerate(keys)
        for n in range(2)
    ]
    write_frames(tmp_path / "archive", *specs)
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path / "archive")
        for name, aors in (("one", keys[:1]), ("other", keys[1:])):
            catalogue.run(name=name, channel=1, aors=aors)
        values = [
            [(row["x"], row["raw"], row["background"]) for row in images(catalogue, run)]
            for run in (catalogue.get("one"), catalogue.get("other"))
        ]
        assert values[0] == values[1]
        assert catalogue.closing_notes("one") == catalogue.closing_notes("other") == []
        catalogue.run(name="both", channel=1, aors=keys)
        assert catalogue.closing_notes("one") == [
            "Its one average and all its 2 images with a flux are, to the bit, in both too"
        ]
        assert not catalogue.compare("one", "other").comparable


@pytest.fixture
def published_copies(reference: Path, tmp_path: Path) -> Path:
    """run14, the same once more, and once more with another flux and with another error."""
    for name in ("run14", "copy14", "off14", "err14"):
        copy_run(reference / "published_runs", tmp_path, "run14", name)
    lines = (tmp_path / "run14_aor_data.csv").read_text().splitlines()
    place = lines[0].split(",").index("Flux (mJy)")
    # The text of the coordinates, in quotes, holds a comma too.
    change(tmp_path / "off14_aor_data.csv", set_cell(2, place + 1, "643.6"))
    change(tmp_path / "err14_aor_data.csv", set_cell(2, place + 2, "4.08"))
    return tmp_path


def test_the_commands_say_so(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], reference: Path
) -> None:
    where = ["--db", str(tmp_path / "iracdb.sqlite")]
    assert main(["ingest", str(archive / f"r{AOR}"), *where]) == 0
    again = ["run", "--channel", "2", "--radius", "3", "3", "7", "--no-tables", *where]
    assert main(again) == 0
    capsys.readouterr()
    assert main([*again, "--comment", "channel 1, 5-5-10 rad combo"]) == 0
    out, err = capsys.readouterr()
    assert "to the bit" not in out
    assert err.splitlines()[-3:] == [
        "  Its results are, to the bit, those of run1",
        "  Its words say channel 1, it was made with channel 2",
        "  Its comment speaks of radii 5 5 10, it was made with 3 3 7",
    ]
    copy_run(reference / "published_runs", tmp_path / "runs", "run14")
    assert main(["import", str(tmp_path / "runs"), *where]) == 0
    for number in ("50", "51"):
        capsys.readouterr()
        main(["recompute", "14", "--as", number, *where])
    assert "  Its results are, to the bit, those of run50\n" in capsys.readouterr().err


# Words

RADII = {"radius_source": 3.0, "radius_inner": 3.0, "radius_outer": 7.0}


def said(
    comment: str | None, parameters: dict[str, Any] | None = None, *, name: str = "run7",
    channel: int | None = 1, missions: tuple[str, ...] = (),
) -> list[str]:  # fmt: skip
    found = disagreements(name, comment, channel, RADII | (parameters or {}), missions)
    return [each.sentence for each in found]


@pytest.mark.parametrize(
    ("comment", "parameters", "sentence"),
    [
        ("Used (10,12,20)px.", {}, "its comment speaks of radii 10 12 20, it was made with 3 3 7"),
        ("10-12-20 rad combo", {}, "its comment speaks of radii 10 12 20, it was made with 3 3 7"),
        ("only channel 2", {}, "its words say channel 2, it was made with channel 1"),
        ("ch2", {"aperture_correction": 1.12},
         "its words say channel 2, it was made with channel 1, and its aperture correction 1.12 "
         "is that of channel 2"),
        ("NGC 2420", {"target": "NGC 2506"},
         "its target is NGC 2506, its comment speaks of NGC 2420"),
        ("on cbcd files", {"kind": "bcd"},
         "its comment speaks of cbcd files, it measured bcd files"),
        ("no outlier rejected", {"rejection": "minmax"},
         "its comment says that no outlier was rejected, its rule of rejection is minmax"),
        ("Outliers rejected by min and max", {"rejection": "none"},
         "its comment says that outliers were rejected, its rule of rejection is none"),
    ],
)  # fmt: skip
def test_words_that_are_not_true(comment: str, parameters: dict[str, Any], sentence: str) -> None:
    assert said(comment, parameters) == [sentence]


@pytest.mark.parametrize(
    ("comment", "parameters"),
    [
        (None, {}),
        ("Used a radius combination of (3,3,7)px.", {}),
        ("The first run was done with 10 12 20 combination, this one is not.", {}),
        ("radii 10 12 20 instead of 3 3 7", {}),
        ("on 10 12 20 of December", {}),
        ("radii 10 12 20", {"radius_source": None, "radius_inner": None, "radius_outer": None}),
        ("channel 1", {}),
        ("channels 1 and 2: ch1, ch2", {}),
        ("NGC 2420 and NGC2506", {"target": "NGC 2506"}),
        ("bcd and cbcd files", {"kind": "bcd"}),
        ("no outliers rejected", {"rejection": "none"}),
        ("no outliers rejected", {"rejection": None}),
        ("outliers rejected", {"rejection": "sigma:3"}),
        ("Testing the new terminal structure", {"rejection": "minmax", "kind": "bcd"}),
    ],
)
def test_words_that_are_true_or_say_nothing(
    comment: str | None, parameters: dict[str, Any]
) -> None:
    assert said(comment, parameters) == []


@pytest.mark.parametrize(
    ("name", "comment", "missions", "expected"),
    [
        ("run7", "cold mission data", ("WARM",),
         ["its words say cryogenic mission, all its frames are of the warm mission"]),
        ("hd_warm_final", None, ("CRYO",),
         ["its words say warm mission, all its frames are of the cryogenic mission"]),
        ("hd_cryo_final", "cryogenic", ("CRYO",), []),
        ("run7", "warm and cryogenic", ("WARM",), []),
        ("run7", "cryogenic", ("CRYO", "WARM"), []),
        ("run7", "cryogenic tables on warm data", ("WARM",), []),
        ("run7", "cryogenic", (), []),
        ("run7", "luke-warmish", ("CRYO",), []),
    ],
)  # fmt: skip
def test_the_mission_in_words(
    name: str, comment: str | None, missions: tuple[str, ...], expected: list[str]
) -> None:
    assert said(comment, name=name, missions=missions) == expected


def test_the_channel_in_a_name() -> None:
    assert said(None, name="ngc2420_ch2") == ["its words say channel 2, it was made with channel 1"]
    assert said(None, name="ngc2420_ch1") == said(None, name="ngc2420_ch2", channel=2) == []
    assert said(None, name="ngc2420_ch2", channel=None) == []
