import pytest

from hardmine.rehearsing.growing import grow, power_law


def law(exponent: float, factor: float = 1e-4):
    seen: list[int] = []

    def work(size: int) -> dict[str, float]:
        seen.append(size)
        return {"seconds": factor * size**exponent}

    return work, seen


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 2.7])
def test_a_power_law_is_extrapolated_exactly(exponent: float) -> None:
    work, seen = law(exponent)
    found = grow(work, 64_000, limit=0.01)
    assert found.values["seconds"] == pytest.approx(work(64_000)["seconds"])
    assert found.sizes == (8000, 16_000) == tuple(seen[:2])
    assert found.said(64_000) == "extrapolated from 8,000 and 16,000 of 64,000 images"


def test_what_keeps_to_the_limit_is_measured_whole() -> None:
    for size in (1500, 64_000):
        work, seen = law(1, 1e-9)
        found = grow(work, size, limit=1)
        assert found.sizes == (size,)
        assert seen[-1] == size
        assert not found.said(size)


def test_sizes_double_as_long_as_the_limit_allows() -> None:
    work, _ = law(2, 1e-9)
    assert grow(work, 64_000, limit=2).sizes == (16_000, 32_000)


def test_each_part_has_a_law_of_its_own() -> None:
    def work(size: int) -> dict[str, float]:
        return {"flat": 5.0, "steep": 1e-6 * size**2}

    found = grow(work, 80_000, limit=1, parts=("flat", "steep"))
    assert found.values == {"flat": 5.0, "steep": pytest.approx(6400)}


def test_what_falls_or_is_nothing_is_taken_as_it_is() -> None:
    assert power_law((10, 4.0), (20, 3.0), 80) == 3.0
    assert power_law((10, 0.0), (20, 0.0), 80) == 0.0
    assert power_law((10, 1.0), (20, 100.0), 40) == 800.0  # no steeper than a cube
