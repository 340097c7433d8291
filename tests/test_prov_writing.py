"""`iracdb prov`: to the terminal, to a file, to an RO-Crate; all of it or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from iracdb_cli import main as command_line
from prov_helpers import FORMATS, LEVELS, copied, read, written
from run_helpers import write_frames
from sqlalchemy import select, update
from warm import carried_out

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.errors import CannotWrite, UsageError
from iracdb.export.prov import texts
from iracdb.export.tables import export_run
from iracdb.irac.simulate import FrameSpec

STAR = FrameSpec(channel=1, aorkey=91000000, x=127.0, y=127.0, noise=False)
TERMS = "https://w3id.org/ro/terms/workflow-run#"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """One run over two AORs, in SQLite: what is written does not depend on the database."""
    folder = tmp_path_factory.mktemp("writing")
    write_frames(folder / "a", STAR, replace(STAR, expid=1), replace(STAR, aorkey=91000256))
    targets = folder / "list of targets.csv"
    targets.write_text(
        "AOR Filepath,Target Coordinates\n"
        + "".join(f"r{key},{STAR.ra:.8f} {STAR.dec:+.8f}\n" for key in (91000000, 91000256))
    )
    with Catalogue(folder / "iracdb.sqlite") as catalogue:
        catalogue.ingest(folder / "a")
        catalogue.run(run_id=5, targets=targets, comment="why", command="iracdb run --targets x")
        yield catalogue


def location(catalogue: Catalogue) -> str:
    return str(catalogue._database.url.database)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# --- Files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("format_name", FORMATS)
def test_the_command_writes_to_the_terminal_and_to_a_file(
    made: Catalogue,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    format_name: str,
    level: str,
) -> None:
    words = ["prov", "5", "--db", location(made), "--format", format_name, "--level", level]
    assert command_line.main(words) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert read(shown.out, format_name) == made.prov(5, level=level)
    path = tmp_path / "new" / f"run5.{format_name}"
    assert command_line.main([*words, "--out", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_text(encoding="utf-8") == shown.out
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    # The same again is no other thing.
    assert command_line.main([*words, "--out", str(path)]) == 0


def test_json_down_to_the_averages_is_what_is_written_by_default(
    made: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["prov", "run5", "--db", location(made)]) == 0
    assert capsys.readouterr().out == written(made, 5, "json", "aor")


def test_it_is_utf_8_whatever_the_terminal_is(made: Catalogue, tmp_path: Path) -> None:
    with copied(made._database, tmp_path / "copy.sqlite") as catalogue:
        with catalogue._database.write() as connection:
            connection.execute(update(t.run).values(comment="caf\u00e9 \U0001f52d"))
        expected = written(catalogue, 5, "xml")
        program = """
import sys
sys.stdout.reconfigure(encoding="ascii")
from iracdb_cli.main import main
main()
"""
        words = ["prov", "5", "--format", "xml", "--db", location(catalogue)]
        done = carried_out(program, words, tmp_path, os.environ, seconds=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == expected


def test_other_files_are_not_replaced_unless_asked(
    made: Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    words = ["prov", "5", "--db", location(made), "--out", str(path)]
    assert command_line.main(words) == 6
    assert "holds something else: name another with --out" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert command_line.main([*words, "--overwrite"]) == 0
    assert json.loads(path.read_text())["activity"]
    assert command_line.main(["prov", "5", "--db", location(made), "--out", str(tmp_path)]) == 6
    assert "is a folder: name a file in it" in capsys.readouterr().err


@pytest.mark.parametrize("format_name", [*FORMATS, "rocrate"])
def test_nothing_is_half_written(
    made: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_name: str
) -> None:
    def broken(*_: Any) -> Iterator[str]:
        yield "the beginning"
        raise OSError(28, "No space left on device")

    for name in FORMATS:
        monkeypatch.setitem(texts.TEXTS, name, broken)
    with pytest.raises(CannotWrite, match=r"Could not write to .*: No space left on device"):
        made.write_prov(5, tmp_path / "place", format=format_name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(made: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for format_name in ("json", "rocrate"):
        with pytest.raises(CannotWrite):
            made.write_prov(5, tmp_path / "file" / "below", format=format_name)
        with pytest.raises(CannotWrite):
            made.write_prov(5, tmp_path / "file", format=format_name)
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize("words, said", [
    (["--format", "rocrate"], "An RO-Crate is a folder: name one with --out"),
    (["--license", "https://x"], "--license goes with --format rocrate"),
    (["--format", "turtle"], "'turtle' is not one of"),
    (["--level", "pixel"], "'pixel' is not one of"),
])  # fmt: skip
def test_wrong_words(
    made: Catalogue, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert command_line.main(["prov", "5", "--db", location(made), *words]) == 2
    assert said in capsys.readouterr().err


def test_a_run_that_there_is_not(made: Catalogue, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["prov", "6", "--db", location(made)]) == 3
    assert "There is no run 6" in capsys.readouterr().err


def test_no_stream_holds_a_crate(made: Catalogue) -> None:
    with pytest.raises(UsageError, match="folder"):
        made.write_prov(5, sys.stdout, format="rocrate")


def test_writing_is_noted_and_changes_nothing_told(made: Catalogue, tmp_path: Path) -> None:
    with copied(made._database, tmp_path / "copy.sqlite") as catalogue:
        before = written(catalogue, 5, "json", "image")
        catalogue.write_prov(5, tmp_path / "run5.json", level="image")
        query = select(t.activity).order_by(t.activity.c.id.desc()).limit(1)
        with catalogue._database.read() as connection:
            note = connection.execute(query).one()
        assert note.kind == "export"
        assert note.detail["formats"] == ["json"]
        digest = hashlib.sha256((tmp_path / "run5.json").read_bytes()).hexdigest()
        assert note.detail["files"] == [{"name": "run5.json", "sha256": digest}]
        assert written(catalogue, 5, "json", "image") == before


def test_xml_needs_no_other_package(made: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = written(made, 5, "xml")
    for name in ("lxml", "lxml.etree", "prov", "prov.model"):
        monkeypatch.setitem(sys.modules, name, None)
    assert written(made, 5, "xml") == expected


# --- RO-Crates -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crate(made: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crates") / "run5"
    paths = made.write_prov(5, folder, format="rocrate", level="image")
    assert sorted(paths) == sorted(folder.iterdir())
    return folder


@pytest.fixture(scope="module")
def graph(crate: Path) -> dict[str, dict[str, Any]]:
    """What the crate tells, by identifier, read as plain JSON."""
    told = json.loads((crate / "ro-crate-metadata.json").read_text())
    assert told["@context"] == [
        "https://w3id.org/ro/crate/1.1/context",
        "https://w3id.org/ro/terms/workflow-run/context",
    ]
    return {entity["@id"]: entity for entity in told["@graph"]}


def ids(values: Any) -> list[str]:
    return [value["@id"] for value in (values if isinstance(values, list) else [values])]


def test_a_crate_holds_the_tables_the_log_and_the_provenance(
    made: Catalogue, crate: Path, tmp_path: Path
) -> None:
    with copied(made._database, tmp_path / "copy.sqlite") as other:
        export_run(other.get("run5"), tmp_path / "tables", formats=("csv", "ecsv"))
    expected = tree(tmp_path / "tables")
    assert len(expected) == 5
    expected["run5_prov.json"] = written(made, 5, "json", "image").encode()
    found = tree(crate)
    assert found.pop("ro-crate-metadata.json")
    assert found == expected


def test_the_root_keeps_what_ro_crate_demands(
    graph: dict[str, dict[str, Any]], crate: Path, made: Catalogue
) -> None:
    descriptor, root = graph["ro-crate-metadata.json"], graph["./"]
    assert ids(descriptor["conformsTo"]) == ["https://w3id.org/ro/crate/1.1"]
    assert ids(descriptor["about"]) == ["./"]
    assert root["@type"] == "Dataset"
    assert root["name"]
    assert root["description"] == "why"
    assert root["datePublished"] == made.get(5).row.finished_at[:10]
    assert ids(root["conformsTo"]) == ["https://w3id.org/ro/wfrun/process/0.5"]
    assert graph["https://w3id.org/ro/wfrun/process/0.5"]["@type"] == "CreativeWork"
    assert graph[ids(root["license"])[0]]["name"] == "No licence stated"
    assert root["identifier"] == f"urn:uuid:{made.get(5).row.uuid}"
    names = {path.name for path in crate.iterdir()} - {"ro-crate-metadata.json"}
    assert set(ids(root["hasPart"])) == names


def test_files_are_described_by_what_they_hold(
    graph: dict[str, dict[str, Any]], crate: Path
) -> None:
    for path in crate.iterdir():
        if path.name != "ro-crate-metadata.json":
            told = graph[path.name]
            assert told["@type"] == "File"
            assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
            assert told["contentSize"] == str(path.stat().st_size)
            assert told["encodingFormat"]
            assert told["description"]


def test_the_action_keeps_what_the_profile_demands(
    graph: dict[str, dict[str, Any]], made: Catalogue
) -> None:
    run, software = made.get(5).row, made.get(5).software
    ((name, action),) = [
        (name, entity) for name, entity in graph.items() if entity["@type"] == "CreateAction"
    ]
    assert ids(graph["./"]["mentions"]) == [name] == [f"urn:uuid:{run.uuid}#run"]
    (tool,) = ids(action["instrument"])
    assert graph[tool]["@type"] == "SoftwareApplication"
    assert graph[tool]["softwareVersion"] == software.iracdb
    needed = {graph[one]["name"]: graph[one]["softwareVersion"]
              for one in ids(graph[tool]["softwareRequirements"])}  # fmt: skip
    assert needed == software.packages
    (agent,) = ids(action["agent"])
    assert graph[agent] == {"@id": agent, "@type": "Person", "name": run.operator}
    assert action["description"] == "iracdb run --targets x"
    assert action["actionStatus"] == "http://schema.org/CompletedActionStatus"
    # Milliseconds and a zone, as the profile's validator takes them.
    assert action["startTime"] == f"{run.started_at[:23]}+00:00"
    assert action["endTime"] == f"{run.finished_at[:23]}+00:00"
    assert set(ids(action["result"])) == set(ids(graph["./"]["hasPart"]))


def test_inputs_are_named_with_their_hashes_and_not_copied(
    graph: dict[str, dict[str, Any]], made: Catalogue
) -> None:
    (action,) = (e for e in graph.values() if e["@type"] == "CreateAction")
    objects = {name: graph[name] for name in ids(action["object"])}
    with made._database.read() as connection:
        files = connection.execute(select(t.file)).all()
        targets = connection.execute(select(t.target_list)).one()
    for row in (*files, targets):
        told = objects.pop(f"urn:iracdb:sha256-{row.sha256}")
        assert told["@type"] == "CreativeWork"
        assert told["sha256"] == row.sha256
    response = objects.pop(f"urn:iracdb:response-{made.get(5).parameters['response_coefficients']}")
    assert response["name"] == "response native"
    assert {e["name"]: e["value"] for e in objects.values()} == {
        name: value for name, value in made.get(5).parameters.values.items() if value is not None
    }
    assert {e["@type"] for e in objects.values()} == {"PropertyValue"}


def test_everything_named_is_described(graph: dict[str, dict[str, Any]]) -> None:
    outside = {"https://w3id.org/ro/crate/1.1"}
    for entity in graph.values():
        for value in entity.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    assert one["@id"] in graph or one["@id"] in outside


def test_a_crate_reads_back_with_rocrate(crate: Path) -> None:
    from rocrate.rocrate import ROCrate

    found = ROCrate(crate)
    assert {entity.id for entity in found.data_entities} == {
        path.name for path in crate.iterdir() if path.name != "ro-crate-metadata.json"
    }
    assert found.get("./")["mentions"].type == "CreateAction"


def test_the_same_run_gives_the_same_crate(made: Catalogue, crate: Path, tmp_path: Path) -> None:
    made.write_prov(5, tmp_path / "again", format="rocrate", level="image")
    assert tree(tmp_path / "again") == tree(crate)
    # Written over itself, it is not in its own way.
    made.write_prov(5, tmp_path / "again", format="rocrate", level="image")
    assert tree(tmp_path / "again") == tree(crate)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_validator_of_crs4_accepts_it(crate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against all that RO-Crate 1.1 and the profile require, without the network."""
    validator = pytest.importorskip("rocrate_validator", reason="roc-validator is not installed")
    import rocrate
    from rocrate_validator import models, services
    from rocrate_validator.utils import document_loader, http

    assert validator
    bundled = Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"
    contexts = {
        "https://w3id.org/ro/crate/1.1/context": json.loads(bundled.read_text())["@context"],
        "https://w3id.org/ro/terms/workflow-run/context": {"sha256": f"{TERMS}sha256"},
    }

    class Answer:
        def __init__(self, url: str) -> None:
            self._url = url
            self.status_code = 200
            self.headers = {"Content-Type": "application/ld+json"}

        def json(self) -> dict[str, Any]:
            return {"@context": contexts[self._url]}

    monkeypatch.setattr(document_loader, "_fetch_json_ld", lambda url: Answer(url).json())
    monkeypatch.setattr(http.HttpRequester, "__getattr__", lambda *_: lambda url, **__: Answer(url))
    result = services.validate(
        services.ValidationSettings(
            rocrate_uri=str(crate),
            profile_identifier="process-run-crate",
            requirement_severity=models.Severity.REQUIRED,
            skip_availability_check=True,
        )
    )
    assert [issue.message for issue in result.get_issues()] == []
    assert result.passed()


def test_a_licence_that_is_stated(
    made: Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["prov", "5", "--db", location(made), "--format", "rocrate", "--out"]
    url = "https://creativecommons.org/licenses/by/4.0/"
    assert command_line.main([*words, str(tmp_path / "with"), "--license", url]) == 0
    assert "licence" not in capsys.readouterr().err
    told = json.loads((tmp_path / "with" / "ro-crate-metadata.json").read_text())
    (root,) = (entity for entity in told["@graph"] if entity["@id"] == "./")
    assert root["license"] == {"@id": url}
    assert command_line.main([*words, str(tmp_path / "without")]) == 0
    shown = capsys.readouterr()
    assert "states no licence" in shown.err
    assert len(shown.out.splitlines()) == 7


def test_a_folder_that_holds_something_else_is_left_alone(made: Catalogue, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(CannotWrite, match="holds something else: name another"):
        made.write_prov(5, folder, format="rocrate")
    assert tree(folder) == {"notes.txt": b"mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    made.write_prov(5, folder, format="rocrate", overwrite=True)
    assert tree(folder)["notes.txt"] == b"mine"
    assert len(tree(folder)) == 8


def test_rocrate_that_is_not_installed(
    made: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    with pytest.raises(CannotWrite, match=r"pip install 'iracdb\[standards\]'"):
        made.write_prov(5, tmp_path / "crate", format="rocrate")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.reference
def test_a_crate_of_a_published_run(reference: Path, tmp_path: Path) -> None:
    """Its tables are those published, byte for byte; who made it and when it began is not told."""
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.import_runs(reference / "published_runs" / "run22_log.txt")
        catalogue.write_prov("run22", tmp_path / "crate", format="rocrate")
    published = {path.name: path.read_bytes() for path in (reference / "published_runs").iterdir()}
    told = json.loads((tmp_path / "crate" / "ro-crate-metadata.json").read_text())
    for name in ("run22_aor_data.csv", "run22_img_data.csv", "run22_log.txt"):
        assert (tmp_path / "crate" / name).read_bytes() == published[name]
    (action,) = (entity for entity in told["@graph"] if entity["@type"] == "CreateAction")
    assert action["endTime"] == "2018-11-22"
    assert not {"startTime", "agent"} & set(action)
    assert action["instrument"] == {"@id": "#software"}
