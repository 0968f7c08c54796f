"""The page in Debian's Chromium: what a reader clicks, types, points at, and what the page must never do."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Visit, ids_twice, nameless, needs_chromium, undisturbed, visited
from fake_report import Plan, make_report
from playwright.sync_api import Browser, Page, expect

pytestmark = needs_chromium

FAKE = Plan(
    runs=("base", "triplet-semihard", "hdc", "hdc-cascade"), classes=[*(f"class {n}" for n in range(11)), "<b>ö"]
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_report(FAKE, tmp_path_factory.mktemp("report"))


def open_page(browser: Browser, report: Path, **options: object) -> Visit:
    return visited(browser, (report / "index.html").as_uri(), **options)


@pytest.fixture
def visit(browser: Browser, report: Path) -> Iterator[Visit]:
    with undisturbed(open_page(browser, report), "file://", "data:", "blob:") as visit:
        yield visit


def runs_in_table(page: Page) -> list[str]:
    return page.locator("#results tbody tr:visible th").all_inner_texts()


def articles(page: Page) -> None:
    page.locator("#gallery").scroll_into_view_if_needed()
    page.wait_for_selector("#gallery-rows article")


def test_a_click_sorts_and_a_second_click_turns_the_order(visit: Visit) -> None:
    best_first = ["hdc-cascade", "hdc", "triplet-semihard", "base"]
    head = visit.page.locator("#results th", has_text="R@2")
    expect(visit.page.locator("#results th", has_text="R@1")).to_have_attribute("aria-sort", "descending")
    assert runs_in_table(visit.page) == best_first
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert runs_in_table(visit.page) == best_first[::-1]
    assert visit.page.locator("#results th[aria-sort]").count() == 1


def test_the_keyboard_alone_reaches_the_table_and_sorts_it(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "BUTTON":
            break
    assert page.evaluate("document.activeElement.textContent") == "run"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#results thead th").first).to_have_attribute("aria-sort", "ascending")
    assert runs_in_table(page) == sorted(FAKE.runs)
    page.keyboard.press("Space")
    assert runs_in_table(page) == sorted(FAKE.runs, reverse=True)


def test_the_filter_leaves_matching_rows_and_says_how_many(visit: Visit) -> None:
    visit.page.get_by_label("Filter runs").fill("HDC")
    assert runs_in_table(visit.page) == ["hdc-cascade", "hdc"]
    expect(visit.page.locator("#shown")).to_have_text("2 of 4 runs")
    visit.page.get_by_label("Filter runs").fill("")
    assert len(runs_in_table(visit.page)) == 4


def test_chosen_runs_are_drawn_and_pointing_reads_their_values(visit: Visit) -> None:
    page = visit.page
    lines = page.locator("#recall-chart g")
    assert lines.count() == page.locator("#curve-chart g").count() == 4
    button = page.locator("#runs").get_by_role("button", name="hdc-cascade")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert [line.get_attribute("data-run") for line in lines.all()] == ["hdc", "triplet-semihard", "base"]
    samples = page.locator("#runs button").filter(has_text="hdc").locator("line")
    assert len({sample.get_attribute("stroke-dasharray") for sample in samples.all()}) == 2  # of one colour
    page.locator("#recall-chart circle").first.hover()
    expect(page.locator("#recall-chart .readout")).to_contain_text(re.compile(r"hdc, k 1: 5\d\.\d ± \d\.\d %"))
    page.get_by_role("button", name="none").click()
    assert lines.count() == 0
    expect(page.locator("#recall-chart .readout")).to_have_text("No run is chosen.")
    page.get_by_role("button", name="all runs").click()
    assert lines.count() == 4


def test_the_gallery_shows_two_runs_side_by_side_on_the_same_queries(visit: Visit) -> None:
    page = visit.page
    articles(page)
    names = page.locator("#gallery-rows article").first.locator(".name").all_inner_texts()
    assert names == ["hdc-cascade", "base"]
    assert page.locator("#gallery-rows article").first.locator(".strip figure").count() == 20
    page.locator("#gallery-first").select_option("triplet-semihard")
    page.locator("#gallery-second").select_option("")
    page.locator("#gallery-class").select_option(label="<b>ö")
    expect(page.locator("#gallery-count")).to_have_text("6 of 6 queries")
    assert set(page.locator(".query figcaption").all_inner_texts()) == {"<b>ö"}
    assert page.locator(".strip .name").all_inner_texts() == ["triplet-semihard"] * 6


def test_the_hardest_queries_come_first_or_those_where_the_runs_differ(visit: Visit) -> None:
    page = visit.page
    articles(page)
    right = """rows => rows.map(row => [...row.querySelectorAll('.strip')]
        .map(line => line.querySelectorAll('.right').length))"""
    counts = [row[0] for row in page.locator("#gallery-rows article").evaluate_all(right)]
    assert counts == sorted(counts)
    page.locator("#gallery-order").select_option("differ")
    gaps = [abs(row[0] - row[1]) for row in page.locator("#gallery-rows article").evaluate_all(right)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0


def test_right_and_wrong_differ_in_sign_frame_and_words(visit: Visit) -> None:
    articles(visit.page)
    for name, sign, frame in (("right", "✓", "solid"), ("wrong", "✗", "dashed")):
        figure = visit.page.locator(f".strip figure.{name}").first
        expect(figure.locator("figcaption")).to_have_text(f"{sign}{name}")
        assert figure.locator(".picture").evaluate("node => getComputedStyle(node).outlineStyle") == frame
        assert figure.get_attribute("title").endswith(name)


def test_more_queries_come_on_demand_until_all_are_there(visit: Visit) -> None:
    articles(visit.page)
    more = visit.page.get_by_role("button", name="more queries")
    expect(visit.page.locator("#gallery-rows article")).to_have_count(8)
    more.click()
    expect(visit.page.locator("#gallery-rows article")).to_have_count(32)
    for _ in range(2):
        more.click()
    expect(visit.page.locator("#gallery-rows article")).to_have_count(72)
    expect(more).to_be_hidden()


def test_pointing_at_the_map_shows_picture_and_class(visit: Visit) -> None:
    page, canvas, note = visit.page, visit.page.locator("#map"), visit.page.locator("#map-note")
    canvas.scroll_into_view_if_needed()
    expect(canvas).to_have_attribute("data-points", "72")
    colours = """node => new Set(new Uint32Array(
        node.getContext('2d').getImageData(0, 0, node.width, node.height).data.buffer)).size"""
    assert canvas.evaluate(colours) > 12
    spot = """i => {
        const { x, y } = report.gallery.maps['hdc-cascade'];
        const box = document.querySelector('#map').getBoundingClientRect();
        return [x, y].map(values => 12 + values[i] / 1000 * (box.width - 24));
    }"""
    x, y = page.evaluate(spot, 5)
    canvas.hover(position={"x": x, "y": y})
    expect(note.locator(".picture")).to_be_visible()
    expect(note).to_contain_text("class class 0")
    page.locator("#map-run").select_option("base")
    expect(note).to_contain_text("Point at a dot")


def test_the_map_is_walked_with_arrow_keys(visit: Visit) -> None:
    canvas, note = visit.page.locator("#map"), visit.page.locator("#map-note")
    seen = set()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
        canvas.press(key)
        expect(note.locator(".picture")).to_be_visible()
        seen.add(note.locator(".picture").get_attribute("style"))
    assert len(seen) > 2
    canvas.press("Escape")
    expect(note).to_contain_text("Point at a dot")


def test_dark_mode_has_other_colours_with_contrast(visit: Visit) -> None:
    page = visit.page
    colours = """() => ['body', '#recall-chart .line', 'a'].map(selector => {
        const style = getComputedStyle(document.querySelector(selector));
        return [style.color, style.backgroundColor, style.stroke];
    })"""
    page.emulate_media(color_scheme="light")
    light = page.evaluate(colours)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(colours)
    assert all(one != other for one, other in zip(light, dark, strict=True))
    ground = [int(number) for number in re.findall(r"\d+", dark[0][1])]
    ink = [int(number) for number in re.findall(r"\d+", dark[0][0])]
    assert max(ground) < 60
    assert min(ink) > 180


def test_a_phone_never_scrolls_sideways_and_sees_the_result(browser: Browser, report: Path) -> None:
    visit = open_page(browser, report, viewport={"width": 390, "height": 844}, has_touch=True)
    page = visit.page
    articles(page)
    page.locator("#provenance details").first.locator("summary").click()
    page.get_by_text("The figures for papers").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("document.querySelector('.strip').scrollWidth <= document.querySelector('.strip').clientWidth")
    cell = page.locator("#results tbody tr").first.locator("td").first.bounding_box()
    assert cell["x"] + cell["width"] < 390  # recall at 1, without scrolling
    size = "() => { const t = document.querySelector('#recall-chart text'); return t.getBoundingClientRect().height; }"
    assert page.evaluate(size) > 11
    page.context.close()
    assert visit.complaints == []


def test_every_control_has_a_name_and_every_picture_a_text(visit: Visit) -> None:
    articles(visit.page)
    assert nameless(visit.page) == []
    assert ids_twice(visit.page) == []


def test_motion_is_smooth_only_for_those_who_want_it(visit: Visit) -> None:
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    assert visit.page.evaluate(behaviour) == "auto"
    visit.page.emulate_media(reduced_motion="no-preference")
    assert visit.page.evaluate(behaviour) == "smooth"


def test_without_its_pictures_the_page_says_so(browser: Browser, report: Path, tmp_path: Path) -> None:
    shutil.copytree(report, tmp_path / "report")
    (tmp_path / "report/pictures.js").unlink()
    visit = open_page(browser, tmp_path / "report")
    visit.page.locator("#gallery").scroll_into_view_if_needed()
    expect(visit.page.locator("#gallery-rows")).to_contain_text(
        "No pictures: pictures.js beside this page cannot be read."
    )
    visit.page.context.close()


def test_the_page_alone_keeps_its_table_and_says_so(browser: Browser, report: Path, tmp_path: Path) -> None:
    shutil.copy(report / "index.html", tmp_path / "index.html")
    page = browser.new_context().new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((tmp_path / "index.html").as_uri())
    expect(page.get_by_text("opened without the files beside it")).to_be_visible()
    assert runs_in_table(page) == ["hdc-cascade", "hdc", "triplet-semihard", "base"]
    for section in ("#charts", "#gallery", "#map-section", "nav"):
        expect(page.locator(section)).to_be_hidden()
    expect(page.locator("#provenance")).to_be_visible()
    page.context.close()
    assert errors == []
