import importlib.util
from pathlib import Path

import pytest
from tiny import build

from benchmarks import method_steps, page, table
from benchmarks.__main__ import MARKS, SUBJECTS
from benchmarks.table import Row
from hardmine.methods.smart_mining import method as smart_mining

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row("s", "w", 3.0, "ms"), ""),
        (Row("s", "w", 1.0, "ms", peer=10.0, at_most=0.1), "pass"),
        (Row("s", "w", 1.1, "ms", peer=10.0, at_most=0.1), "FAIL"),
        (Row("s", "w", 15.0, "images/s", peer=10.0, at_least=1.5), "pass"),
        (Row("s", "w", 14.0, "images/s", peer=10.0, at_least=1.5), "FAIL"),
        (Row("s", "w", 0.3, "s", at_most=0.2), "FAIL"),
        (Row("s", "w", float("nan"), "", at_most=0), "FAIL"),
        (Row("s", "w", 1.0, "s", peer=0.0, at_most=1), "FAIL"),
    ],
)
def test_a_target_is_one_of_the_ratio_or_of_ours_without_a_peer(row: Row, verdict: str) -> None:
    assert row.verdict == verdict


def test_the_table_has_a_line_a_row_and_names_what_was_missed() -> None:
    lines = table.markdown([Row("tuples", "all", 1.23456, "ms", 10.0, 0.1, how="one thread")]).splitlines()
    assert lines[2:] == ["| tuples | all | 1.23 | 10 | ms | 0.123 | ≤ 0.1 | FAIL | one thread |"]


def test_ways_take_turns_and_calls_to_warm_up_do_not_count() -> None:
    calls: list[str] = []
    clock = iter(range(1000))
    ways = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    found = table.alternate(ways, rounds=2, warm=1, clock=lambda: float(next(clock)))
    assert calls == ["a", "b"] * 3
    assert found == {"a": 1.0, "b": 1.0}


def test_growth_sees_memory_that_is_freed_again() -> None:
    def work() -> int:
        return len(bytearray(40 * 2**20).replace(b"\0", b"\1"))

    size, grown = table.growth(work)
    assert size == 40 * 2**20
    assert 60 < grown < 140


def test_the_page_of_runs_that_were_never_trained_is_built(tmp_path: Path) -> None:
    job = page.write(tmp_path, runs=2, seeds=2, images=300)
    page.build(tmp_path, job)
    assert (tmp_path / "report/page/index.html").stat().st_size > 0


def test_a_function_in_a_process_of_its_own_gives_back_plain_data() -> None:
    assert table.alone("benchmarks.table", "number", 1234.5) == "1,234"


def test_an_index_of_vectors_that_are_there_is_written_and_searched(tmp_path: Path) -> None:
    made = table.alone("benchmarks.indexing", "write", str(tmp_path), 1000, "Flat")
    found = table.alone("benchmarks.indexing", "search", str(tmp_path), "")
    assert made["peak"] > 0
    assert (found["recall"], found["rate"] > 0) == (1.0, True)


def test_the_share_of_mining_is_measured_between_two_epochs() -> None:
    mine = smart_mining.mine
    row = method_steps.selection_share(build({"method": "smart-mining", "batch_triplets": 4, "random_epochs": 1}))
    assert row.ours > 0
    assert row.peer is not None
    assert smart_mining.mine is mine


def test_every_subject_is_a_module_and_the_page_has_a_place_for_the_table() -> None:
    assert all(importlib.util.find_spec(f"benchmarks.{subject}") for subject in SUBJECTS)
    page = (ROOT / "docs/benchmarks.md").read_text()
    assert all(page.count(mark) == 1 for mark in MARKS)
