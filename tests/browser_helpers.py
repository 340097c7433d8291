"""Chromium without a window, and what a reader does with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.base import AXE_SCRIPT
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 30
LONGEST_WALK = 120
"""Presses of the tabulator until something must have been reached."""

AT_ONCE = 20
"""Presses that are sent together."""

# Of siblings that are made alike, as the rows of a table, two stay: what keeps people out of one
# keeps them out of all, and to look at each takes long. Alike are those of the same elements,
# classes, roles and attributes, with texts in the same places, however often these are repeated
# within.
TAKE_ALIKE_AWAY = """
const values = ["class", "role", "scope", "type", "tabindex"];
const outlines = new Map();
const outline = (one) => {
    if (!outlines.has(one)) {
        const attributes = [...one.attributes].map((each) =>
            [each.name, values.includes(each.name) ? each.value : each.value.trim() !== ""]);
        const texts = [...one.childNodes].some((each) =>
            each.nodeType === Node.TEXT_NODE && each.data.trim() !== "");
        outlines.set(one, JSON.stringify(
            [one.tagName, attributes, texts, [...new Set([...one.children].map(outline))]]));
    }
    return outlines.get(one);
};
for (const parent of document.body.querySelectorAll("*")) {
    const seen = new Map();
    for (const one of [...parent.children]) {
        seen.set(outline(one), (seen.get(outline(one)) ?? 0) + 1);
        if (seen.get(outline(one)) > 2) one.remove();
    }
}
"""

# The tabulator is listened to no more once it has reached what it was to reach.
STOP_AT = """
const selector = arguments[0];
window.reached = false;
const stop = (event) => { if (event.key === "Tab") event.preventDefault(); };
const look = (event) => {
    if (!window.reached && event.target.matches(selector)) {
        window.reached = true;
        document.addEventListener("keydown", stop, true);
    }
};
document.addEventListener("focusin", look, true);
window.forget = () => {
    document.removeEventListener("keydown", stop, true);
    document.removeEventListener("focusin", look, true);
};
"""


@contextmanager
def chromium(folder: Path) -> Iterator[webdriver.Chrome]:
    """Start Chromium; where there is none the test is skipped, and in CI fails."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        reason = "tests in a browser need Debian's chromium and chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (
        "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-dev-shm-usage", "--force-color-profile=srgb",
        f"--user-data-dir={folder / 'profile'}",
    ):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()


class Reader:
    """Somebody before the pages.

    Parameters
    ----------
    browser : selenium.webdriver.Chrome
        Open.
    address : str
        Of the start page, with a stroke at its end.
    """

    def __init__(self, browser: webdriver.Chrome, address: str) -> None:
        self.browser = browser
        self.address = address

    def width(self, width: int, height: int) -> None:
        """Take a screen of this size, telephones' included, which no window is as narrow as."""
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def open(self, path: str) -> None:
        """Type an address."""
        self.browser.get(self.address + path.lstrip("/"))
        self.settled()

    @property
    def path(self) -> str:
        """Where it is."""
        return "/" + self.browser.current_url.removeprefix(self.address)

    @property
    def title(self) -> str:
        """The heading of the page."""
        return self.browser.find_element(By.TAG_NAME, "h1").text

    def settled(self) -> None:
        """Wait until the page is there, its light curve drawn and its pictures loaded."""
        self.until(
            "return document.readyState === 'complete' && "
            "[...document.images].every((one) => one.complete) && "
            "[...document.querySelectorAll('figure.curve[data-points]')]"
            ".every((one) => one.dataset.state)"
        )

    def until(self, script: str) -> Any:
        """Wait until a script gives something."""
        return WebDriverWait(self.browser, SECONDS).until(lambda one: one.execute_script(script))

    def follow(self, text: str) -> None:
        """Click the first link in the page's content that is called so."""
        main = self.browser.find_element(By.TAG_NAME, "main")
        link = main.find_element(By.PARTIAL_LINK_TEXT, text)
        self.arrive(link.click)

    def arrive(self, act: Any) -> None:
        """Do what leads to another page, and wait for it."""
        before = self.browser.current_url
        act()
        WebDriverWait(self.browser, SECONDS).until(lambda one: one.current_url != before)
        self.settled()

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)

    def tab_to(self, selector: str) -> None:
        """Go by the tabulator to what a selector names; it must show where the focus is."""
        self.browser.execute_script(STOP_AT, selector)
        for _ in range(LONGEST_WALK // AT_ONCE):
            self.press(Keys.TAB * AT_ONCE)
            if self.browser.execute_script("return window.reached"):
                shown = self.browser.execute_script(
                    "window.forget();"
                    "const one = getComputedStyle(document.activeElement);"
                    "return document.activeElement.matches(arguments[0])"
                    " && one.outlineStyle !== 'none' && parseFloat(one.outlineWidth) >= 2",
                    selector,
                )
                assert shown, f"{selector} does not show that it has the focus"
                return
        raise NoSuchElementException(f"no {selector} was reached by the tabulator on {self.path}")

    def violations(self) -> list[str]:
        """Ask axe-core what keeps people out; the page must be opened again for anything else."""
        if not self.browser.execute_script("return 'axe' in window"):
            self.browser.execute_script(AXE_SCRIPT + TAKE_ALIKE_AWAY)
        found = self.browser.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']}).then(done)"
        )
        return [
            f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
            for one in found["violations"]
        ]

    def wider_than_the_screen(self) -> int:
        """Tell by how many pixels the page must be moved sideways."""
        return int(
            self.browser.execute_script(
                "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    def complaints(self) -> list[str]:
        """Take what the browser said: refused scripts, missing files, errors."""
        return [entry["message"] for entry in self.browser.get_log("browser")]
