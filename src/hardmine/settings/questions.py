"""What a plan wants to know of its runs: the control and the base of each, and questions put before any is trained.

None of it decides a training, a choice or a report; ``hardmine compare`` alone reads it.
"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from hardmine.errors import nearest

from .base import Settings

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["MOST_QUESTIONS", "Question", "refuse_unknown_runs"]

MOST_QUESTIONS = 8
"""Of a plan: Holm's correction makes each dearer for all others."""
RunName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Question(Settings):
    """Whether one run is better than another, asked before the runs are made."""

    ask: str = Field(min_length=1, max_length=300)
    """The question in words."""
    run: RunName
    """The run that is asked about."""
    against: RunName
    """The run that it is compared with."""


def refuse_unknown_runs(plan: "Plan") -> None:
    """Refuse controls, bases and questions that name no other run of the plan, and a pair asked about twice.

    Raises:
        ValueError: one does; the message begins with the key.
    """
    for name, run in plan.runs.items():
        for key, other in (("control", run.control), ("base_run", run.base_run)):
            if other is not None:
                _refuse(plan, f"runs.{name}.{key}", other, name)
    asked: dict[tuple[str, str], int] = {}
    for place, question in enumerate(plan.questions):
        _refuse(plan, f"questions.{place}.run", question.run)
        _refuse(plan, f"questions.{place}.against", question.against, question.run)
        pair = question.run, question.against
        first = asked.setdefault(pair, asked.get(pair[::-1], place))
        if first != place:
            raise ValueError(f"questions.{place}: compares the runs of questions.{first} again; leave one of them out")


def _refuse(plan: "Plan", where: str, other: str, itself: str | None = None) -> None:
    if other == itself:
        raise ValueError(f"{where}: '{other}' is the run itself; name another run")
    if other not in plan.runs:
        raise ValueError(
            f"{where}: there is no run '{other}'{nearest(other, plan.runs)}; the runs are {', '.join(plan.runs)}"
        )
