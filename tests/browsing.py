"""Pages in Debian's Chromium, with everything that they complain about and ask for."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["Visit", "browser", "ids_twice", "nameless", "needs_chromium", "undisturbed", "visited"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@dataclass
class Visit:
    """A page with everything it complained about and asked for."""

    page: "Page"
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


def visited(browser: "Browser", address: str, **options: object) -> Visit:
    """Open a page and wait until it says that it is ready."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **options})
    context.set_default_timeout(10_000)
    visit = Visit(context.new_page())
    for event in ("pageerror", "requestfailed"):
        visit.page.on(event, lambda thing: visit.complaints.append(str(thing)))
    visit.page.on("console", lambda message: visit.complaints.append(message.text))
    visit.page.on("request", lambda request: visit.requests.append(request.url))
    visit.page.goto(address)
    visit.page.wait_for_selector("html[data-ready=yes]")
    return visit


@contextmanager
def undisturbed(visit: Visit, *own: str) -> Iterator[Visit]:
    """A visit at whose end nothing was complained about, and only addresses with these beginnings were asked for."""
    yield visit
    visit.page.context.close()
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith(own)] == []


def nameless(page: "Page") -> list[str]:
    """The controls without a name and the pictures without a text."""
    return page.evaluate("""() => [...document.querySelectorAll('button, select, input, canvas, img, svg, [role]')]
        .filter(node => !node.closest('[hidden]'))
        .filter(node => !(node.getAttribute('aria-label') || node.getAttribute('alt') || node.textContent.trim()
                          || node.getAttribute('aria-hidden') || (node.labels && node.labels.length)))
        .map(node => node.outerHTML.slice(0, 200))""")


def ids_twice(page: "Page") -> list[str]:
    """The ids that several elements have."""
    return page.evaluate(
        "() => [...document.querySelectorAll('[id]')].map(n => n.id).filter((id, i, ids) => ids.indexOf(id) !== i)"
    )
