"""In a real browser: from the start page to a frame's pixels and back, by pointer and by keys.

Chromium without a window does what a reader would, on a laptop's and on a telephone's width, and
axe-core looks at every kind of page. Where there is no Chromium the tests say so; in CI that fails.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser_helpers import Reader, chromium
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from serving_helpers import served

from iracdb import Catalogue
from iracdb.irac.simulate import simulate_archive

LAPTOP, TELEPHONE = (1366, 768), (390, 844)
AOR = 90000256
"""One with ten images of one star."""

PAGES = (
    "/", "/run/13", f"/run/13/aor/{AOR}", "/run/13/image/1", "/file/1", "/frame/1", "/files",
    "/problems", "/compare", "/compare/13/14", f"/compare/13/14/aor/{AOR}", "/sql",
    f"/run/13/aor/{AOR}/lineage", "/run/13/figure/lightcurve", "/run/13/lightcurve", "/nothing",
    "/run/99", "/?q=nothing",
)  # fmt: skip
"""One of every kind."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve two runs over a simulated archive."""
    folder = tmp_path_factory.mktemp("browser")
    simulate_archive(folder / "archive")
    with Catalogue(folder / "c.sqlite") as catalogue:
        catalogue.ingest(folder / "archive")
        catalogue.run(13, channel=1, comment="<b>as the manual says</b>")
        catalogue.run(14, channel=1, recipe="handbook")
    with served(folder / "c.sqlite") as where:
        yield where


@pytest.fixture(scope="module")
def reader(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield Reader(browser, address)


@pytest.fixture(params=[LAPTOP, TELEPHONE], ids=["laptop", "telephone"])
def sized(request: pytest.FixtureRequest, reader: Reader) -> Reader:
    reader.width(*request.param)
    reader.complaints()
    return reader


def test_from_the_start_to_the_pixels_and_back(sized: Reader) -> None:
    sized.open("/")
    sized.follow("run13")
    assert sized.path == "/run/13"
    sized.follow(str(AOR))
    assert sized.path == f"/run/13/aor/{AOR}"
    table = sized.browser.find_elements(By.CSS_SELECTOR, "main a[href^='/run/13/image/']")
    sized.arrive(table[0].click)
    assert sized.path.startswith("/run/13/image/")
    wide = sized.browser.execute_script(
        "return document.querySelector(\"main img[src*='figure/frame']\").naturalWidth"
    )
    assert wide > 300, "the frame's pixels are not shown"
    way = "nav.way a[href='{}']"
    for path in (f"/run/13/aor/{AOR}", "/run/13", "/"):
        link = sized.browser.find_element(By.CSS_SELECTOR, way.format(path))
        sized.arrive(link.click)
        assert sized.path == path
    assert sized.complaints() == []


def test_a_point_of_the_light_curve_leads_to_its_image(sized: Reader) -> None:
    sized.open(f"/run/13/aor/{AOR}")
    points = sized.browser.find_elements(By.CSS_SELECTOR, "figure.curve circle.point")
    assert len(points) == 10
    sized.arrive(points[3].click)
    assert sized.path.startswith("/run/13/image/")
    numbers = sized.browser.find_element(By.TAG_NAME, "main").text
    assert "mJy" in numbers


def test_zooming_shows_fewer_points_and_all_again(sized: Reader) -> None:
    sized.open(f"/run/13/aor/{AOR}")

    def shown() -> int:
        return len(sized.browser.find_elements(By.CSS_SELECTOR, "figure.curve circle.point"))

    names = {
        one.text: one for one in sized.browser.find_elements(By.CSS_SELECTOR, "figure.curve button")
    }
    names["Zoom in"].click()
    assert 0 < shown() < 10
    names["Show all"].click()
    assert shown() == 10


def test_with_the_keyboard_alone(sized: Reader) -> None:
    sized.open("/")
    sized.tab_to("a.skip")
    sized.press(Keys.ENTER)
    sized.tab_to("main a[href='/run/13']")
    sized.arrive(lambda: sized.press(Keys.ENTER))
    sized.tab_to("figure.curve svg")
    sized.press(Keys.ARROW_RIGHT)
    said = sized.browser.find_element(By.CSS_SELECTOR, "figure.curve .said").text
    assert "AOR" in said
    assert "mJy" in said
    sized.arrive(lambda: sized.press(Keys.ENTER))
    assert sized.path.startswith("/run/13/aor/")
    sized.tab_to("main a[href^='/run/13/image/']")
    sized.arrive(lambda: sized.press(Keys.ENTER))
    assert sized.path.startswith("/run/13/image/")
    sized.tab_to("nav.way a[href='/']")
    sized.arrive(lambda: sized.press(Keys.ENTER))
    assert sized.path == "/"


@pytest.mark.parametrize("path", PAGES)
def test_nobody_is_kept_out(reader: Reader, path: str) -> None:
    reader.complaints()
    for size in (LAPTOP, TELEPHONE):
        reader.width(*size)
        reader.open(path)
        assert reader.wider_than_the_screen() <= 0, size
    assert reader.violations() == []
    # The same page grows: axe-core does not begin anew.
    reader.width(*LAPTOP)
    assert reader.violations() == []
    refused = [one for one in reader.complaints() if path not in ("/nothing", "/run/99")]
    assert refused == []


def test_a_comment_stays_a_text(reader: Reader) -> None:
    reader.open("/")
    assert "<b>as the manual says</b>" in reader.browser.find_element(By.TAG_NAME, "main").text
    assert not reader.browser.find_elements(By.CSS_SELECTOR, "main b")


def test_dark_is_legible_too(reader: Reader) -> None:
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [dark]})
    try:
        for path in ("/", "/run/13", "/sql"):
            reader.open(path)
            assert reader.violations() == []
    finally:
        reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
