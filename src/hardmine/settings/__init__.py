"""From ``params.yaml`` to validated, resolved settings of every job. Never imports torch."""

from .jobs import jobs_of
from .load import load_plan, probe_packages, read_plan
from .pasting import chosen_runs
from .plan import Plan, plan_schema
from .pretraining import remarks_on
from .remedies import making, no_project, workflow_command
from .run import RunSettings
from .yaml_text import read_yaml

__all__ = [
    "Plan",
    "RunSettings",
    "chosen_runs",
    "jobs_of",
    "load_plan",
    "making",
    "no_project",
    "plan_schema",
    "probe_packages",
    "read_plan",
    "read_yaml",
    "remarks_on",
    "workflow_command",
]
