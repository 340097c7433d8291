"""Pictures of the pages that ``iracdb serve`` shows, as a browser draws them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PAGES = {
    "serve-runs.png": ("", 1280, 620),
    "serve-run.png": ("run/22", 1280, 1000),
    "serve-image.png": ("run/23/image/4", 1280, 1180),
    "serve-telephone.png": ("run/22", 390, 800),
}
"""Of each picture the address, and the size of the screen."""

_SERVE = "import sys; from iracdb_cli.main import main; sys.exit(main(sys.argv[1:]))"


def take_pages(database: Path) -> dict[str, bytes]:
    """Take a picture of each page of `PAGES`.

    Parameters
    ----------
    database : pathlib.Path
        A catalogue that holds the runs of figures.md.

    Returns
    -------
    dict
        PNG by name; empty where Chromium or selenium is not at hand.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    try:
        from selenium import webdriver
    except ModuleNotFoundError:
        return {}
    if program is None or driver is None:
        return {}
    options: Any = webdriver.ChromeOptions()
    options.binary_location = program
    with tempfile.TemporaryDirectory() as profile, _served(database) as address:
        for flag in (
            "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-dev-shm-usage",
            "--force-color-profile=srgb", f"--user-data-dir={profile}",
        ):  # fmt: skip
            options.add_argument(flag)
        browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
        try:
            return {
                name: _picture(browser, address + path, width, height)
                for name, (path, width, height) in PAGES.items()
            }
        finally:
            browser.quit()


def _picture(browser: Any, address: str, width: int, height: int) -> bytes:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    browser.get(address)
    # Pictures on the page, and the curve that a script draws, are waited for.
    browser.execute_async_script("requestAnimationFrame(() => setTimeout(arguments[0], 1500))")
    content: bytes = browser.get_screenshot_as_png()
    return content


@contextmanager
def _served(database: Path) -> Iterator[str]:
    """Serve a catalogue at a free port, and give its address."""
    process = subprocess.Popen(  # noqa: S603 - this Python and words of ours
        [sys.executable, "-c", _SERVE, "serve", "--db", str(database), "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
