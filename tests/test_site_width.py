"""The pages of the site on a phone: none is wider than its window."""

import pathlib
import shutil

import pytest

driver = pytest.importorskip("playwright.sync_api")

SITE = pathlib.Path(__file__).parents[1] / "docs" / "site"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="NO CHROMIUM: apt-get install chromium"),
]
WIDTH = 390


def test_no_page_is_wider_than_a_phone():
    pages = sorted(SITE.glob("*.html"))
    assert pages
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": 844})
        wide = {}
        for path in pages:
            page.goto(path.as_uri())
            wide[path.name] = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert {name: wide[name] for name in wide if wide[name] > WIDTH} == {}
