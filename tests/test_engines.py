"""The engines gdl and idl against the native one, on sources of our own."""

from __future__ import annotations

import ast
import csv
import hashlib
import itertools
import json
import pickle
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from engine_helpers import BOTH, CRYO, points, python_with_stand_in, temporary_folders

from iracdb.engines import choosing
from iracdb.engines.calls import ARRAY_LOCATION, PIXEL_PHASE, Call
from iracdb.engines.choosing import ENGINES, engine_named
from iracdb.engines.gdl import GdlResponse
from iracdb.engines.idl import WORKER, IdlResponse
from iracdb.engines.source import read_source
from iracdb.errors import EngineFailed, UsageError
from iracdb.photometry.response import MISSIONS, NATIVE, response_factors

BOTH_FACTORS = {"pixel_phase": True, "array_location": True}
MOST = 1e-14

pytestmark = pytest.mark.usefixtures("gdl")


def close(got, want):
    np.testing.assert_allclose(got, want, rtol=MOST, atol=0)


@pytest.fixture
def stand_in(tmp_path: Path) -> str:
    return python_with_stand_in(tmp_path)


@pytest.fixture(params=["gdl", "idl"])
def make(request, tmp_path):
    """Make the engine of a source: in GDL, and through the worker, in the stand-in for IDL."""
    if request.param == "gdl":
        return lambda path, **words: GdlResponse(read_source(path), **words)
    python = python_with_stand_in(tmp_path)
    return lambda path, **words: IdlResponse(read_source(path), python, **words)


# --- Numbers -------------------------------------------------------------------------------------

WAYS = list(itertools.product(MISSIONS, (1, 2, 3, 4), (False, True)))


def all_at_once(engine, x, y, ways):
    """Both factors in several ways, by one process: one for each way takes half a second."""
    calls = [
        Call(channel, mission, only, subarray)
        for mission, channel, subarray in ways
        for only in (ARRAY_LOCATION, PIXEL_PHASE)
    ]
    found = [1 / answer.corrected for answer in engine._carry_out(x, y, calls)]
    return zip(ways, found[::2], found[1::2], strict=True)


def agrees_with_native(engine, x, y, ways):
    for (mission, channel, subarray), *found in all_at_once(engine, x, y, ways):
        native = response_factors(x, y, channel, mission=mission, subarray=subarray)
        for got, want in zip(found, native, strict=True):
            assert got.shape == x.shape
            close(got, want)


def test_gdl_agrees_with_native_in_every_way():
    agrees_with_native(GdlResponse(read_source(BOTH)), *points(20_000), WAYS)


# Each mission, each channel, and both read modes; every way is above.
@pytest.mark.parametrize(
    ("mission", "channel", "subarray"),
    list(zip(MISSIONS, (1, 2, 3, 4), (False, True) * 2, strict=True)),
)
def test_gdl_is_asked_for_the_way_that_is_wanted(mission, channel, subarray):
    x, y = points(100_000)
    engine = GdlResponse(read_source(BOTH))
    found = engine.factors(x, y, channel, mission=mission, subarray=subarray, **BOTH_FACTORS)
    native = response_factors(x, y, channel, mission=mission, subarray=subarray)
    for got, want in zip(found, native, strict=True):
        assert got.shape == x.shape
        close(got, want)


def test_idl_agrees_with_native(stand_in):
    ways = [("warm", 2, False), ("cryo", 2, True), ("hora", 2, True)]
    agrees_with_native(IdlResponse(read_source(BOTH), stand_in), *points(100_000, seed=2), ways)


def test_idl_is_asked_for_the_way_that_is_wanted(stand_in):
    x, y = points(500)
    at = {"mission": "reach", "subarray": True}
    found = IdlResponse(read_source(BOTH), stand_in).factors(x, y, 3, **at, **BOTH_FACTORS)
    close(found, response_factors(x, y, 3, **at))


def test_the_older_routine_agrees_with_native(make):
    ways = [(mission, 1, True) for mission in ("cryo", "hora", "reach")]
    agrees_with_native(make(CRYO), *points(500), ways)


def agrees_with_the_routine(engine, groups):
    """All positions are given to every way: each takes its own of them."""
    sizes = np.cumsum([len(rows) for rows in groups.values()])
    x, y, observed, corrected = np.concatenate([np.array(rows) for rows in groups.values()]).T
    found = list(all_at_once(engine, x, y, groups))
    assert len(found) == len(groups) == len(sizes)
    for end, rows, (_, r_al, r_pp) in zip(sizes, groups.values(), found, strict=True):
        mine = slice(end - len(rows), end)
        close(observed[mine] / (r_al[mine] * r_pp[mine]), corrected[mine])


@pytest.mark.reference
def test_gdl_agrees_with_the_routine_on_every_row(reference):
    agrees_with_the_routine(GdlResponse(read_source(BOTH)), reference_groups(reference))


@pytest.mark.reference
def test_idl_agrees_with_the_routine(reference, stand_in):
    groups = reference_groups(reference)
    ways = [("warm", 1, False), ("cryo", 4, True), ("hora", 2, False)]
    engine = IdlResponse(read_source(BOTH), stand_in)
    agrees_with_the_routine(engine, {way: groups[way] for way in ways})


def reference_groups(reference: Path) -> dict:
    """Rows of the reference by mission, channel and read mode."""
    groups = defaultdict(list)
    with (reference / "aphot_reference.csv").open(newline="") as lines:
        for row in csv.DictReader(lines):
            key = row["mode"], int(row["channel"]), row["subarray"] == "1"
            columns = ("x", "y", "observed_flux", "corrected_flux")
            groups[key].append([float(row[column]) for column in columns])
    assert len(groups) == 32
    return groups


def test_each_factor_can_be_left_out(make):
    engine = make(BOTH)
    x, y = points(4)
    want_al, want_pp = response_factors(x, y, 1, mission="warm")
    at = {"mission": "warm", "subarray": False}
    r_al, r_pp = engine.factors(x, y, 1, **at, pixel_phase=False, array_location=True)
    close(r_al, want_al)
    assert (r_pp == 1).all()
    r_al, r_pp = engine.factors(x, y, 1, **at, pixel_phase=True, array_location=False)
    close(r_pp, want_pp)
    assert (r_al == 1).all()


def test_one_position_and_shapes(make):
    engine = make(BOTH)
    r_al, r_pp = engine.factors(14.6, 200.2, 2, mission="cryo", subarray=False, **BOTH_FACTORS)
    want = response_factors(14.6, 200.2, 2, mission="cryo")
    assert (r_al.shape, r_pp.shape) == ((), ())
    close((r_al, r_pp), want)
    columns, rows = np.array([[3.0], [4.6]]), np.array([7.0, 8.4, 9.9])
    found = engine.factors(columns, rows, 2, mission="cryo", subarray=False, **BOTH_FACTORS)
    want = response_factors(columns, rows, 2, mission="cryo")
    assert found[0].shape == (2, 3)
    close(found, want)


def test_what_is_no_position_never_reaches_the_engine(make):
    engine = make(BOTH)
    x = np.array([np.nan, 5.2, 7.0, np.inf, 9.4, 4e4])
    y = np.array([3.0, 6.1, np.nan, 4.0, -np.inf, 5.0])
    found = engine.factors(x, y, 1, mission="warm", subarray=False, **BOTH_FACTORS)
    for got, want in zip(found, response_factors(x, y, 1, mission="warm"), strict=True):
        assert np.isnan(got[[0, 2, 3, 4, 5]]).all()
        close(got[1], want[1])


@pytest.mark.parametrize("name", ["gdl", "idl"])
def test_an_empty_block_calls_nothing(name, monkeypatch, stand_in):
    engine = engine_named(name, idl_source=BOTH, idl_python=stand_in)
    monkeypatch.setattr(type(engine), "_carry_out", None)
    at = {"mission": "warm", "subarray": False}
    for x in (np.array([]), np.full(3, np.nan)):
        r_al, r_pp = engine.factors(x, x, 1, **at, **BOTH_FACTORS)
        assert r_al.shape == r_pp.shape == x.shape
        assert np.isnan(r_al).all()
    r_al, _ = engine.factors(3.0, 4.0, 1, **at, pixel_phase=False, array_location=False)
    assert r_al == 1


def test_one_process_a_block(monkeypatch):
    from iracdb.engines import process

    started = []
    popen = process.subprocess.Popen
    monkeypatch.setattr(
        process.subprocess, "Popen", lambda *a, **k: started.append(a) or popen(*a, **k)
    )
    x, y = points(3_000)
    GdlResponse(read_source(BOTH)).factors(x, y, 1, mission="cryo", subarray=False, **BOTH_FACTORS)
    assert len(started) == 1


def test_an_engine_can_be_handed_to_another_process():
    engine = GdlResponse(read_source(BOTH))
    digest = engine.coefficients_digest()
    again = pickle.loads(pickle.dumps(engine))
    assert again.coefficients_digest() == digest
    at = {"mission": "hora", "subarray": False}
    close(again.factors(3.0, 4.0, 1, **at, **BOTH_FACTORS), response_factors(3.0, 4.0, 1, **at))


# --- What is recorded ----------------------------------------------------------------------------


def test_the_source_and_its_coefficients_are_recorded(make):
    engine = make(BOTH)
    held = engine.coefficients()
    assert engine.source_sha256 == hashlib.sha256(BOTH.read_bytes()).hexdigest()
    assert held["source_sha256"] == engine.source_sha256
    assert held["function"] == "irac_aphot_corr"
    native = NATIVE.coefficients()
    assert set(held["params"]) == set(MISSIONS)
    for mission, channel in (("warm", 1), ("cryo", 1), ("cryo", 2), ("cryo", 4), ("warm", 2)):
        row = held["params"][mission][channel - 1]
        own = native[mission][str(channel)]
        assert len(row) == 14
        assert row[:6] == own["array_location"]
        assert row[6:13] == own["pixel_phase"] or not own["pixel_phase"]
    assert held["params"]["hora"][0][12] == native["hora"]["1"]["pixel_phase_cone"]
    text = json.dumps(held, sort_keys=True, separators=(",", ":"))
    assert engine.coefficients_digest() == hashlib.sha256(text.encode()).hexdigest()
    assert engine.version


def test_the_digest_covers_the_source_and_the_coefficients(tmp_path):
    digests = {GdlResponse(read_source(path)).coefficients_digest() for path in (BOTH, CRYO)}
    text = BOTH.read_text()
    assert "0.97713769" in text
    for number, changed in enumerate((text.replace("0.97713769", "0.977138"), text + "; more\n")):
        path = tmp_path / f"{number}.pro"
        path.write_text(changed)
        digests.add(GdlResponse(read_source(path)).coefficients_digest())
    assert len(digests) == 4


def test_what_is_hashed_is_what_is_carried_out(tmp_path):
    path = tmp_path / "mine.pro"
    path.write_bytes(BOTH.read_bytes())
    engine = GdlResponse(read_source(path))
    path.write_text("changed since")
    at = {"mission": "warm", "subarray": False}
    close(engine.factors(3.0, 4.0, 1, **at, **BOTH_FACTORS), response_factors(3.0, 4.0, 1, **at))


@pytest.mark.parametrize(
    ("old", "new"),
    [("PARAMS=params, ", ""), ("RETURN, c[13]*obs", "params = 'secret'\n  RETURN, c[13]*obs")],
)
def test_coefficients_may_be_unknown(make, tmp_path, old, new):
    path = tmp_path / "silent.pro"
    text = BOTH.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    engine = make(path)
    assert engine.coefficients()["params"] == dict.fromkeys(MISSIONS)
    assert engine.source_sha256 in json.dumps(engine.coefficients())
    at = {"mission": "warm", "subarray": False}
    close(engine.factors(3.0, 4.0, 1, **at, **BOTH_FACTORS), response_factors(3.0, 4.0, 1, **at))


def test_native_has_no_source():
    native = engine_named("native")
    assert (native.name, native.version, native.source_sha256) == ("native", None, None)


def test_gdl_tells_its_version():
    assert GdlResponse(read_source(BOTH)).version.split(".")[0].isdecimal()


# --- Sources -------------------------------------------------------------------------------------


def test_a_source_may_have_any_name(make, tmp_path, monkeypatch):
    # No program is told the name: only the last of them goes through one.
    for name in ("IRAC_APHOT_CORR.PRO", "a blank.pro", "x.txt", "é ü/ñ.pro"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(BOTH.read_text())
        source = read_source(path)
        assert (source.function, source.content) == ("irac_aphot_corr", BOTH.read_bytes())
    elsewhere = tmp_path / "temporary, with a blank and ö"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    at = {"mission": "warm", "subarray": False}
    found = make(path).factors(3.4, 4.0, 1, **at, **BOTH_FACTORS)
    close(found, response_factors(3.4, 4.0, 1, **at))
    assert temporary_folders(elsewhere) == []


def test_the_function_tells_which_routine_it_is(tmp_path):
    path = tmp_path / "irac_aphot_corr.pro"
    path.write_bytes(CRYO.read_bytes())
    assert read_source(path).function == "irac_aphot_corr_cryo"
    path.write_text(
        "; FUNCTION irac_aphot_corr, in a comment\r\nfunction\tIRAC_APHOT_CORR_CRYO ,f,$ ; more\r\n"
        "  x,y,ch, $\r\n  params = p\r\nRETURN,f\r\nEND\r\n"
    )
    source = read_source(path)
    assert source.function == "irac_aphot_corr_cryo"
    assert source.gives_coefficients
    assert "warm" not in source.missions


@pytest.mark.parametrize("text", ["", "FUNCTION irac_aphot_corr2, x\nRETURN, x\nEND\n", "\xff\x00"])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "irac_aphot_corr.pro"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(EngineFailed, match="defines neither"):
        read_source(path)


def test_a_source_that_is_not_there(tmp_path):
    for path in (tmp_path / "nowhere.pro", tmp_path):
        with pytest.raises(EngineFailed, match="cannot be read"):
            read_source(path)


def test_warm_data_are_refused_by_the_older_routine(make):
    with pytest.raises(EngineFailed, match=r"cryogenic mission alone and cannot correct warm"):
        make(CRYO).factors(3.0, 4.0, 1, mission="warm", subarray=False, **BOTH_FACTORS)


# --- Choosing ------------------------------------------------------------------------------------


def test_engines_by_name(monkeypatch, stand_in):
    monkeypatch.delenv(choosing.SOURCE_VARIABLE, raising=False)
    monkeypatch.delenv(choosing.PYTHON_VARIABLE, raising=False)
    assert ENGINES == ("native", "gdl", "idl")
    for name in ENGINES:
        assert engine_named(name, idl_source=BOTH, idl_python=stand_in).name == name
    with pytest.raises(UsageError, match="there are: native, gdl, idl"):
        engine_named("fortran")
    for name in ("gdl", "idl"):
        with pytest.raises(UsageError, match="--idl-source or IRACDB_IDL_SOURCE"):
            engine_named(name)
    with pytest.raises(UsageError, match="--idl-python or IRACDB_IDL_PYTHON"):
        engine_named("idl", idl_source=BOTH)
    monkeypatch.setenv(choosing.SOURCE_VARIABLE, str(CRYO))
    monkeypatch.setenv(choosing.PYTHON_VARIABLE, stand_in)
    assert engine_named("idl").coefficients()["function"] == "irac_aphot_corr_cryo"
    assert engine_named("gdl", idl_source=BOTH).source.function == "irac_aphot_corr"


def test_a_program_that_is_not_there(monkeypatch, tmp_path):
    with pytest.raises(EngineFailed, match=r"no Python .*nowhere"):
        engine_named("idl", idl_source=BOTH, idl_python=tmp_path / "nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineFailed, match="not installed; install"):
        engine_named("gdl", idl_source=BOTH)


@pytest.mark.parametrize("name", ["native", "gdl"])
def test_unknown_channels_and_missions(name):
    engine = engine_named(name, idl_source=BOTH)
    for channel, mission in ((5, "warm"), (1, "none")):
        with pytest.raises(UsageError):
            engine.factors(1.0, 1.0, channel, mission=mission, subarray=False, **BOTH_FACTORS)


def test_the_worker_is_within_the_words_of_an_older_python():
    tree = ast.parse(WORKER.read_text(), feature_version=(3, 6))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"json", "os", "sys", "typing", "importlib.metadata", "mirpyidl", "numpy"}
