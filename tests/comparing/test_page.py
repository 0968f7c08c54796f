"""The comparison's page in a browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from browsing import ids_twice, nameless, needs_chromium, undisturbed, visited
from typer.testing import CliRunner

from hardmine.cli import app

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
GAINS = {"base": [0.5, 0.52, 0.54], "control": [0.56, 0.58, 0.59], "mined": [0.66, 0.68, 0.71]}


@needs_chromium
def test_the_page_sorts_filters_fits_a_phone_and_shows_what_it_is_given(browser: "Browser", reported: Any) -> None:
    questions = [{"ask": ATTACK, "run": "mined", "against": "base"}]
    plans = [
        reported("one", GAINS, questions=questions, failed=[("mined", 1)], seconds=20),
        reported("two", GAINS, dataset={"name": "glyphs", "size": 16, "variant": "16"}),
    ]
    assert CliRunner().invoke(app, ["compare", *map(str, plans), "--to", "out"]).exit_code == 0
    address = Path("out/index.html").resolve().as_uri()
    with undisturbed(visited(browser, address), "file://", "data:") as visit:
        page = visit.page
        rows = page.locator("#results tbody tr")
        assert rows.count() == 6
        page.get_by_role("button", name="R@1").click()
        assert rows.first.inner_text().split()[0] == "mined"
        page.fill("#filter", "mined 16)")
        assert page.inner_text("#shown") == "1 of 6 rows"
        assert page.inner_text("#questions tbody th") == ATTACK
        assert page.locator("#questions .above").count() == 1
        assert page.locator("#results .missing").first.text_content() == "3 (1 failed)"
        assert page.locator(".forest circle").count() == 1
        assert nameless(page) == []
        assert ids_twice(page) == []
    phone = visited(browser, address, viewport={"width": 390, "height": 844}, color_scheme="dark")
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
    phone.page.context.close()
