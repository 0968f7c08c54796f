"""The page in Chromium, as a person uses it: choose, drop, paste, click on, filter, keys, a phone."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import Visit, ids_twice, nameless, needs_chromium, undisturbed, visited
from playwright.sync_api import Browser, Page, expect
from search_tools import draw, draw_forty, succeeded
from serving_tools import running

from hardmine.search.query import search_index

pytestmark = needs_chromium

MARKUP = "<img src=x onerror=alert(1)>&\"'.png"
CLASSES = 3000


@pytest.fixture(scope="module")
def pictures_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pictures in two classes, and two in one with markup and a turned direction in its name."""
    folder = draw_forty(tmp_path_factory.mktemp("page") / "pictures")
    strange = folder / "<b>ö\u202e"
    strange.mkdir()
    for name in (MARKUP, "plain.png"):
        draw(np.random.default_rng(len(name))).save(strange / name)
    return folder


@pytest.fixture(scope="module")
def index_of_all(trained: Path, pictures_of_all: Path) -> Path:
    index = pictures_of_all.parent / "index"
    succeeded("index", trained, pictures_of_all, "-o", index)
    return index


@pytest.fixture(scope="module")
def threshold(index_of_all: Path, pictures_of_all: Path) -> float:
    """Between the sixth and the seventh image found for odd/07.png."""
    (answer,) = search_index(index_of_all, [pictures_of_all / "odd/07.png"]).answers
    return (answer.hits[5].similarity + answer.hits[6].similarity) / 2


@pytest.fixture(scope="module")
def address(index_of_all: Path, threshold: float) -> Iterator[str]:
    with running(index_of_all, threshold) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    with undisturbed(visited(browser, address), address, "blob:") as visit:
        yield visit


def choose(page: Page, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a picture").click()
    chooser.value.set_files(file)
    wait(page)


def wait(page: Page) -> None:
    expect(page.locator("#status")).to_contain_text(re.compile("most similar image|No image passes"))


def names(page: Page) -> list[str]:
    return page.locator("#results .name").all_inner_texts()


def send(page: Page, kind: str, file: Path) -> None:
    """Drop or paste a file as the browser would."""
    page.evaluate(
        """([kind, content, name]) => {
            const bytes = Uint8Array.from(atob(content), char => char.charCodeAt(0)), data = new DataTransfer();
            data.items.add(new File([bytes], name, { type: "image/png" }));
            const options = { bubbles: true, cancelable: true };
            document.body.dispatchEvent(kind === "paste" ? new ClipboardEvent(kind, { ...options, clipboardData: data })
                : new DragEvent(kind, { ...options, dataTransfer: data }));
        }""",
        [kind, base64.b64encode(file.read_bytes()).decode(), file.name],
    )
    wait(page)


def test_a_chosen_picture_finds_itself_and_what_looks_like_it(visit: Visit, pictures_of_all: Path) -> None:
    page = visit.page
    expect(page.get_by_role("heading", level=1)).to_have_text("index")
    expect(page.locator("#about")).to_contain_text("42 images")
    choose(page, pictures_of_all / "odd/07.png")
    assert names(page)[0] == "odd/07.png"
    assert len(names(page)) == 20
    expect(page.locator("#results li").first).to_contain_text("1.000")
    expect(page.locator("#query-name")).to_have_text("07.png")
    expect(page.locator("#picture")).to_have_js_property("naturalWidth", 24)
    expect(page.locator("#results img").first).to_have_js_property("naturalWidth", 24)


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_dropped_or_pasted_picture_is_searched_with(visit: Visit, pictures_of_all: Path, way: str) -> None:
    send(visit.page, way, pictures_of_all / "even/06.png")
    assert names(visit.page)[0] == "even/06.png"


def test_dragging_shows_where_to_drop_and_a_link_is_told(visit: Visit) -> None:
    page = visit.page
    page.evaluate("document.body.dispatchEvent(new DragEvent('dragover', { bubbles: true, cancelable: true }))")
    expect(page.locator("body")).to_have_class("dragging")
    options = "{ bubbles: true, cancelable: true, dataTransfer: new DataTransfer() }"
    page.evaluate(f"document.body.dispatchEvent(new DragEvent('drop', {options}))")
    expect(page.get_by_role("alert")).to_have_text("This is no file: save the picture first, then drop or choose it.")
    expect(page.locator("body")).not_to_have_class("dragging")


def test_a_result_is_searched_on_with_and_the_way_back_leads_to_the_query(visit: Visit, pictures_of_all: Path) -> None:
    page = visit.page
    choose(page, pictures_of_all / "odd/07.png")
    first, third = names(page), names(page)[2]
    page.locator("#results .hit").nth(2).click()
    expect(page.locator("#query-name")).to_have_text(third)
    expect(page.locator("#results .name").first).to_have_text(third)
    page.go_back()
    expect(page.locator("#query-name")).to_have_text("07.png")
    expect(page.locator("#results .name").first).to_have_text("odd/07.png")
    assert names(page) == first
    page.go_back()
    expect(page.locator("#status")).to_have_text("Choose a picture, or begin with one of these.")


def test_a_search_begins_with_an_image_of_the_index_too(visit: Visit) -> None:
    page = visit.page
    name = names(page)[4]
    page.locator("#results .hit").nth(4).click()
    wait(page)
    assert names(page)[0] == name


def test_the_line_of_the_threshold_parts_the_matches_from_the_others(
    visit: Visit, pictures_of_all: Path, threshold: float
) -> None:
    page = visit.page
    choose(page, pictures_of_all / "odd/07.png")
    value = "item => item.className === 'threshold' ? null : Number(item.querySelector('b').textContent)"
    parts = page.locator("#results li").evaluate_all(f"items => items.map({value})")
    at = parts.index(None)
    assert at == 6
    assert min(parts[:at]) >= threshold - 5e-4
    assert max(parts[at + 1 :]) <= threshold + 5e-4
    expect(page.locator(".threshold")).to_have_text(f"threshold {threshold:.3f}, no match below")
    expect(page.locator("#verdict")).to_have_text("6 matches")
    assert page.locator("#results li.below").count() == len(parts) - at - 1
    box, last = page.locator(".threshold").bounding_box(), page.locator("#results .hit").nth(at - 1).bounding_box()
    assert box["y"] > last["y"] + last["height"] - 1


def test_where_nothing_is_above_the_threshold_the_words_are_no_match(
    browser: Browser, index_of_all: Path, tmp_path: Path
) -> None:
    draw(np.random.default_rng(77)).save(tmp_path / "new.png")
    with running(index_of_all, 1.0) as address:
        page = visited(browser, address).page
        choose(page, tmp_path / "new.png")
        expect(page.locator("#verdict")).to_have_text("no match")
        expect(page.locator("#status")).to_contain_text("Nothing is as similar as 1.000.")
        expect(page.locator("#results li").first).to_have_class("threshold")
        page.context.close()


def test_filters_narrow_and_are_cleared(visit: Visit, pictures_of_all: Path, threshold: float) -> None:
    page = visit.page
    choose(page, pictures_of_all / "odd/07.png")
    page.get_by_label("Class", exact=True).fill("even")
    expect(page.locator("#results .name").first).to_have_text(re.compile("^even/"))
    assert {name.split("/")[0] for name in names(page)} == {"even"}
    page.get_by_label("Path begins with").fill("even/1")
    expect(page.locator("#results .hit")).to_have_count(5)
    page.get_by_label("Class", exact=True).fill("odd")
    expect(page.locator("#status")).to_have_text("No image passes the filters.")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("#results .hit")).to_have_count(20)
    page.get_by_label("Images", exact=True).select_option("50")
    expect(page.locator("#results .hit")).to_have_count(42)
    page.get_by_label("Least similarity").fill(f"{threshold:.6f}")
    expect(page.locator("#results .hit")).to_have_count(6)


def test_the_keyboard_alone_searches_walks_and_goes_back(visit: Visit, pictures_of_all: Path) -> None:
    page = visit.page
    focused = "document.activeElement.id || document.activeElement.className || document.activeElement.tagName"
    order = []
    for _ in range(9):
        page.keyboard.press("Tab")
        order.append(page.evaluate(focused))
    assert order == ["skip", "choose", "SUMMARY", "class", "folder", "least", "count", "BUTTON", "hit"]
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    at = "[...document.querySelectorAll('.hit')].indexOf(document.activeElement)"
    columns = page.evaluate(
        "getComputedStyle(document.querySelector('#results')).gridTemplateColumns.split(' ').length"
    )
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "End", "Home", "ArrowUp"):
        page.keyboard.press(key)
        seen.append(page.evaluate(at))
    assert seen == [1, 2, 2 + columns, 1 + columns, 1, 19, 0, 0]
    name = names(page)[0]
    page.keyboard.press("Enter")
    expect(page.locator("#query-name")).to_have_text(name)
    wait(page)
    expect(page.locator("#results .hit").first).to_be_focused()
    assert page.locator("#results .hit[tabindex='0']").count() == 1
    page.keyboard.press("Escape")
    expect(page.locator("#choose")).to_be_focused()
    page.get_by_label("Class", exact=True).fill("even")
    expect(page.locator("#results .name").first).to_have_text(re.compile("^even/"))
    page.keyboard.press("Escape")
    expect(page.get_by_label("Class", exact=True)).to_have_value("")
    expect(page.locator("#results .name").first).to_have_text(name)


def test_names_with_markup_are_shown_as_they_are(visit: Visit, pictures_of_all: Path) -> None:
    page = visit.page
    choose(page, pictures_of_all / "<b>ö\u202e" / MARKUP)
    assert names(page)[0] == f"<b>ö\\u202e/{MARKUP}"
    expect(page.locator("#query-name")).to_have_text(MARKUP)
    page.locator("#results .hit").first.click()
    expect(page.locator("#query-name")).to_have_text(f"<b>ö\\u202e/{MARKUP}")
    page.get_by_label("Class", exact=True).focus()
    expect(page.locator("#classes option")).to_have_count(3)
    page.get_by_label("Class", exact=True).fill("<b>ö\u202e")
    expect(page.locator("#results .hit")).to_have_count(2)


def test_what_is_no_picture_and_a_server_that_is_gone_are_told(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    (tmp_path / "letter.png").write_text("no picture")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a picture").click()
    chooser.value.set_files(tmp_path / "letter.png")
    expect(page.get_by_role("alert")).to_have_text("This cannot be used as an image: cannot identify image file.")
    expect(page.locator("#results .hit")).to_have_count(0)
    page.route("**/search?*", lambda route: route.abort())
    page.locator("#count").select_option("50")
    expect(page.get_by_role("alert")).to_contain_text("Is 'hardmine serve' still running?")
    said = "422|ERR_FAILED|/search"  # of the two requests that failed
    assert [text for text in visit.complaints if not re.search(said, text)] == []
    visit.complaints.clear()


def test_a_picture_that_is_gone_is_told_in_its_place(browser: Browser, index: Path, pictures: Path) -> None:
    (pictures / "even/00.png").unlink()
    with running(index) as address:
        page = visited(browser, address).page
        expect(page.locator("#results .gone")).to_have_text("not there any more, or altered")
        expect(page.locator("#verdict")).to_be_hidden()
        page.context.close()


def test_an_index_that_changes_under_the_page_is_told_and_searched_on(
    browser: Browser, index: Path, trained: Path, pictures: Path
) -> None:
    with running(index) as address:
        page = visited(browser, address).page
        draw(np.random.default_rng(5)).save(pictures / "aaa.png")
        succeeded("index", trained, pictures, "-o", index)
        page.locator("#results .hit").nth(1).click()
        expect(page.get_by_role("alert")).to_have_text("The index has changed meanwhile; search again.")
        expect(page.locator("#about")).to_contain_text("41 images")
        expect(page.locator("#results .name").first).to_have_text("aaa.png")
        page.locator("#results .hit").first.click()
        wait(page)
        expect(page.get_by_role("alert")).to_be_hidden()
        assert names(page)[0] == "aaa.png"
        page.context.close()


def test_while_the_index_is_gone_the_page_says_so_and_comes_back(browser: Browser, index: Path) -> None:
    with running(index) as address:
        page = visited(browser, address).page
        index.rename(index.parent / "away")
        page.locator("#results .hit").first.click()
        expect(page.get_by_role("alert")).to_contain_text("holds no index")
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("holds no index")
        (index.parent / "away").rename(index)
        page.reload()
        expect(page.locator("#results .hit")).to_have_count(20)
        page.context.close()


def test_images_that_lie_flat_have_no_class_to_filter_by(browser: Browser, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    for number in range(3):
        draw(np.random.default_rng(number)).save(tmp_path / "flat" / f"{number}.png")
    succeeded("index", trained, tmp_path / "flat", "-o", tmp_path / "index")
    with running(tmp_path / "index") as address:
        page = visited(browser, address).page
        expect(page.get_by_label("Least similarity")).to_be_visible()
        expect(page.get_by_label("Class", exact=True)).to_be_hidden()
        expect(page.get_by_label("Path begins with")).to_be_hidden()
        page.locator("#results .hit").first.click()
        expect(page.locator("#results .score b").first).to_have_text("1.000")
        page.context.close()


def test_thousands_of_classes_are_offered_as_they_are_typed(browser: Browser, trained: Path, tmp_path: Path) -> None:
    draw(np.random.default_rng(1)).save(tmp_path / "one.png")
    for number in range(CLASSES):
        (tmp_path / f"many/class {number:04d}").mkdir(parents=True)
        (tmp_path / f"many/class {number:04d}/one.png").hardlink_to(tmp_path / "one.png")
    succeeded("index", trained, tmp_path / "many", "-o", tmp_path / "index")
    with running(tmp_path / "index") as address:
        page = visited(browser, address).page
        page.get_by_label("Class", exact=True).press_sequentially("277")
        expect(page.locator("#classes option")).to_have_count(13)
        assert page.locator("#classes option").first.get_attribute("value") == "class 0277"
        page.locator("#results .hit").first.click()
        page.get_by_label("Class", exact=True).fill("class 2770")
        expect(page.locator("#results .name")).to_have_text(["class 2770/one.png"])
        page.context.close()


def test_a_phone_never_scrolls_sideways_and_sees_results_at_once(
    browser: Browser, address: str, pictures_of_all: Path
) -> None:
    visit = visited(browser, address, viewport={"width": 390, "height": 844}, has_touch=True)
    page = visit.page
    choose(page, pictures_of_all / "odd/07.png")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    box = page.locator("#results .hit").first.bounding_box()
    assert box["y"] + box["height"] < 844
    page.get_by_text("Filters", exact=True).click()
    expect(page.get_by_label("Class", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator("#results .hit").nth(1).tap()
    expect(page.locator("#query-note")).to_have_text("query, an image of the index")
    page.context.close()
    assert visit.complaints == []


def test_dark_mode_has_other_colours_with_contrast(visit: Visit) -> None:
    colours = "() => [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    visit.page.emulate_media(color_scheme="light")
    light = visit.page.evaluate(colours)
    visit.page.emulate_media(color_scheme="dark")
    ink, ground = visit.page.evaluate(colours)
    assert (ink, ground) != tuple(light)
    assert min(int(number) for number in re.findall(r"\d+", ink)) > 180
    assert max(int(number) for number in re.findall(r"\d+", ground)) < 60


def test_every_control_has_a_name_and_results_say_what_they_are(visit: Visit, pictures_of_all: Path) -> None:
    page = visit.page
    choose(page, pictures_of_all / "odd/07.png")
    assert nameless(page) == []
    assert ids_twice(page) == []
    label = page.locator("#results .hit").first.get_attribute("aria-label")
    assert label == "1: odd/07.png, similarity 1.000. Search on with it"
    assert (
        page.locator("#results .hit")
        .last.get_attribute("aria-label")
        .endswith("below the threshold. Search on with it")
    )
