"""The bits of the imask, read and written; and against real masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from iracdb.errors import UsageError
from iracdb.irac.mask_bits import FATAL, MASK_BITS, WIDTH, bits_of, parse_bits


def test_the_registry_is_whole() -> None:
    assert [bit.bit for bit in MASK_BITS] == list(range(WIDTH))
    assert [bit.value for bit in MASK_BITS] == [2**place for place in range(16)]
    assert len({bit.name for bit in MASK_BITS}) == WIDTH
    assert all(bit.name.isidentifier() and bit.sentence.endswith(".") for bit in MASK_BITS)


def test_the_fatal_bits() -> None:
    assert FATAL == 2**3 + sum(2**bit for bit in range(8, 15)) == 32520
    assert [bit.name for bit in MASK_BITS if bit.value & FATAL] == [
        "stray_light", "crosstalk", "radiation_hit", "latent", "no_flat_field", "poor_linearity",
        "saturated", "bad_or_missing",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("32520", 32520),
        ("3,8-14", 32520),
        (" 8 - 14 , 3 ", 32520),
        ("0", 0),
        ("16", 16),
        ("65535", 65535),
        ("0-15", 65535),
        ("14-14", 16384),
        ("13,14", 24576),
        ("3,3,3-3", 8),
        ("0,1", 3),
    ],
)
def test_masks_that_are_read(text: str, mask: int) -> None:
    assert parse_bits(text) == mask


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ",", "3,", ",3", "16,3", "14-8", "8-16", "-1", "-8", "8-", "65536", "3.0", "0x10",
        "3;8", "all", "3 8", "1e3", "9999999999999999999", "٣,٤", "3,8-14,x", "8-9-10",
    ],
)  # fmt: skip
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no mask"):
        parse_bits(text)


@pytest.mark.parametrize("number", [1, 3, 14, 15])
def test_one_small_number_may_be_either(number: int) -> None:
    with pytest.raises(UsageError) as caught:
        parse_bits(str(number))
    words = str(caught.value).replace(",", " , ").split()
    told = [word for word in words if "-" in word]
    # What it tells to write is what it says it means.
    assert parse_bits(told[0]) == 1 << number
    assert parse_bits(",".join(told[1:])) == number


def test_bits_are_read_back() -> None:
    for mask in (0, 1, FATAL, 65535, 40961):
        bits = bits_of(mask)
        assert sum(2**bit for bit in bits) == mask
        assert not bits or parse_bits(",".join(f"{b}-{b}" for b in bits)) == mask
    assert bits_of(-32768) == (15,)
    for wrong in (65536, -32769):
        with pytest.raises(UsageError, match="no mask of 16 bits"):
            bits_of(wrong)


def test_bits_of_real_masks(reference: Path) -> None:
    masks = sorted((reference / "archive").rglob("*_bimsk.fits"))
    assert masks
    seen = set()
    for path in masks:
        for value in np.unique(fits.getdata(path)):
            seen.update(bits_of(int(value)))
    assert seen == {11, 14}
