"""The controller of the sphere's scale, its schedule and its ceiling, by their worked numbers."""

import numpy as np
import pytest
from oracles_smart_mining import fitted_line

from hardmine.methods.smart_mining.controller import Controller, error_ceiling, scheduled_scale


def controller(pairs, target, **options):
    """A controller that measured pairs (error, kappa)."""
    made = Controller(target, **options)
    for error, kappa in pairs:
        made.observe(kappa, error)
    return made


def test_three_measurements_give_the_worked_line():
    found = controller([(0.9, 1), (0.7, 3), (0.6, 4.5)], 0.65).propose()
    assert found.slope == pytest.approx(-11.428571, abs=5e-7)
    assert found.intercept == pytest.approx(11.214286, abs=5e-7)
    assert found.kappa == pytest.approx(3.785714, abs=5e-7)
    assert not found.rejected


def test_prior_alone_gives_the_worked_line():
    found = controller([], 0.60).propose()
    assert (found.slope, found.intercept) == (pytest.approx(-25), pytest.approx(23.5))
    assert found.kappa == pytest.approx(8.5)


def test_prior_with_one_measurement_gives_the_worked_line():
    found = controller([(0.4, 8.5)], 0.60).propose()
    assert found.slope == pytest.approx(-21.774194, abs=5e-7)
    assert found.intercept == pytest.approx(20.112903, abs=5e-7)
    assert found.kappa == pytest.approx(7.048387, abs=5e-7)


def test_prior_with_two_measurements_gives_the_worked_scale():
    assert controller([(0.4, 8.5), (0.55, 6)], 0.60).propose().kappa == pytest.approx(6.506042, abs=5e-7)


def test_scale_is_clamped_to_one_and_to_the_largest():
    pairs = [(0.8, 2), (0.6, 6), (0.5, 9)]
    found = controller(pairs, 0.95).propose()
    assert found.slope * 0.95 + found.intercept == pytest.approx(-1.571429, abs=5e-7)
    assert found.kappa == 1.0
    assert controller(pairs, 0.05, largest=10).propose().kappa == 10


def test_rising_line_is_refused_and_the_last_slope_goes_through_the_last_measurement():
    pairs = [(0.5, 2), (0.6, 3), (0.7, 5)]
    assert fitted_line(pairs)[0] == pytest.approx(15)
    found = controller(pairs, 0.6).propose()
    assert found.rejected
    assert found.slope == pytest.approx(-25)
    assert found.kappa == pytest.approx(5 - 25 * (0.6 - 0.7))


def test_equal_errors_keep_the_line():
    found = controller([(0.5, 4.0)] * 4, 0.6).propose()
    assert found.rejected
    assert found.kappa == pytest.approx(4 - 25 * 0.1)


def test_line_is_that_of_least_squares_over_the_window():
    draws = np.random.default_rng(0)
    pairs = [(e, 20 - 18 * e + draws.normal(0, 0.5)) for e in draws.uniform(0.3, 0.9, 9)]
    for window, used in ((5, pairs[-5:]), (None, pairs)):
        found = controller(pairs, 0.55, window=window).propose()
        np.testing.assert_allclose((found.slope, found.intercept), fitted_line(used), rtol=1e-9)


def test_prior_slope_corrects_the_last_scale_by_what_is_missing():
    made = controller([(0.5, 3.0), (0.9, 3.0)], 0.6, prior=((0.6, 1.0), (0.3, 4.0)), line="prior-slope")
    found = made.propose()
    assert found.kappa == pytest.approx(3 - 10 * (0.6 - 0.9))
    assert not found.rejected


@pytest.mark.parametrize(("share", "at_random", "ceiling"), [(0.5, 0.2, 0.60), (0.75, 0.2, 0.80), (0.02, 0.3, 0.314)])
def test_ceiling_has_the_worked_values(share, at_random, ceiling):
    assert error_ceiling(share, at_random) == pytest.approx(ceiling, abs=1e-12)


def test_target_out_of_reach_is_said_once(capsys):
    made = Controller(0.75)
    made.warn_of(0.80)
    assert capsys.readouterr().out == ""
    made.warn_of(0.60)
    made.warn_of(0.60)
    again = Controller(0.75)
    again.load_state_dict(made.state_dict())
    again.warn_of(0.60)
    assert capsys.readouterr().out.count("0.600") == 1


@pytest.mark.parametrize(("epoch", "kappa"), [(3, 16), (4, 13.592189), (10, 5.108647), (15, 2.260232), (20, 1)])
def test_schedule_has_the_worked_values(epoch, kappa):
    assert scheduled_scale(epoch, 3, 20, 16, 1) == pytest.approx(kappa, abs=5e-7)


def test_schedule_without_room_stays_at_its_start():
    assert scheduled_scale(2, 2, 2, 16, 1) == 16


def test_saved_controller_proposes_the_same():
    made = controller([(0.5, 2), (0.6, 3), (0.7, 5)], 0.6)
    made.propose()
    other = Controller(0.6)
    other.load_state_dict(made.state_dict())
    assert other.propose() == made.propose()
