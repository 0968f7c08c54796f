"""Numbers in the text of pages, from what is kept.

A number with ``<!-- RUN -->`` behind it is the mean of a run, with ``<!-- RUN OTHER -->`` the paired difference from
another: in percent or points, as tables have them, with the interval where ``±`` stands and a sign where one stands. A
kept plan (``reality-`` may be left out) and a metric may stand before the runs; else they are those of the last
``<!-- numbers: PLAN METRIC -->`` above.
"""

import re

from reading import HERE, values_of

from hardmine.comparing.replicates import differences, estimate

METRICS = ("recall@1", "map@r")
SECTION = r"<!-- numbers: (?P<plan>\S+) (?P<metric>\S+) -->"
NUMBER = r"(?P<text>[+-]?\d+\.\d+(?: ± \d+\.\d+)?)<!-- (?P<what>[^>\n]+) -->"
PART = re.compile(f"{SECTION}|{NUMBER}")


def with_numbers(text: str) -> str:
    """A page with its numbers made anew.

    Raises:
        SystemExit: a comment behind a number names no plan that is kept, or runs that it does not have.
    """
    standing = ["", "recall@1"]

    def made(found: re.Match[str]) -> str:
        if found["plan"]:
            standing[:] = found["plan"], found["metric"]
            return found[0]
        return f"{_number(found['text'], found['what'].split(), *standing)}<!-- {found['what']} -->"

    return PART.sub(made, text)


def _number(text: str, words: list[str], plan: str, metric: str) -> str:
    runs = []
    for word in words:
        if word in METRICS:
            metric = word
        elif named := next((name for name in (word, f"reality-{word}") if (HERE / name).is_dir()), None):
            plan = named
        else:
            runs.append(word)
    values = values_of(plan, metric)
    if not 1 <= len(runs) <= 2 or not set(runs) <= set(values):
        raise SystemExit(f"{text}<!-- {' '.join(words)} -->: {plan} has no such run, or these are not one or two.")
    own = values[runs[0]]
    shown = estimate(own if len(runs) == 1 else differences(own, values[runs[1]])).percent(signed=text[0] in "+-")
    return shown if "±" in text else shown.split(" ± ")[0]
