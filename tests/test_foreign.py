"""Others' text where it meets a terminal, a spreadsheet, a page."""

import csv
import io
import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from hardmine.errors import UserError
from hardmine.foreign import from_csv, in_csv, in_json, in_markdown, markdown_table, shown

ATTACK = "\x1b]0;owned\x07\x1b[2J\u202egpj.exe\u200b\x9b31m"


def test_a_terminal_gets_no_character_that_it_obeys() -> None:
    assert shown(ATTACK) == "\\x1b]0;owned\\x07\\x1b[2J\\u202egpj.exe\\u200b\\x9b31m"
    assert str(UserError(f"{ATTACK}: no.\nNext line.")).count("\n") == 1
    assert "\x1b" not in str(UserError(ATTACK))


def test_names_of_all_scripts_stay_as_they_are() -> None:
    for name in ("Große Straße", "漢字", "ελληνικά", "العربية", "🦊", "a b-c_d.jpg", "e\u0301"):
        assert shown(name) == name


@given(st.text())
def test_what_is_shown_is_one_text_without_control_characters(text: str) -> None:
    assert not [c for c in shown(text) if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


@given(st.text())
def test_a_cell_is_no_formula_and_is_read_back_as_it_was(text: str) -> None:
    assert in_csv(text)[:1] not in ("=", "+", "-", "@", "\t", "\r") or not text
    assert from_csv(in_csv(text)) == text
    file = io.StringIO()
    csv.writer(file).writerow([in_csv(text)])


@given(st.text() | st.text("\x1b\x7f\x9b\u202e\U000f0000\ud800a\n"))
def test_json_is_read_back_as_it_was_and_holds_no_character_that_a_terminal_obeys(text: str) -> None:
    written = in_json([text])
    assert json.loads(written) == [text]
    assert not [c for c in written if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]


def test_markdown_holds_no_markup_of_others() -> None:
    nasty = "<img src=x onerror=alert(1)> [a](javascript:x) | **b** `c` \n# d"
    found = in_markdown(nasty)
    assert "<" not in found
    assert "\n" not in found
    assert "\\[a\\](" in found
    assert "\\|" in found


def test_a_cell_of_a_markdown_table_breaks_neither_row_nor_column() -> None:
    table = markdown_table(("run", "R@1"), "-:", [("a | b\nc", 31.2), ("`d`", "")])
    assert table == "| run | R@1 |\n|---|--:|\n| a \\| b c | 31.2 |\n| \\`d\\` |  |\n"
