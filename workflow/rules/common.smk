# The plan in force and its jobs. The main process settles before the DAG is built (docs/architecture.md).
import os
import shlex
import sys
from pathlib import Path

from hardmine.artefacts import (
    devices_here,
    hold_workflow,
    said_of_devices,
    settle,
    what_changed,
)
from hardmine.errors import UserError
from hardmine.settings import jobs_of, load_plan, read_yaml

try:
    for path in workflow.configfiles:
        read_yaml(
            Path(path)
        )  # refuses what Snakemake's own reader passes over in silence
    PLAN = load_plan(config, str(workflow.configfiles[0]))
    JOBS = jobs_of(PLAN)
    if workflow.is_main_process:
        hold_workflow()
        for line in what_changed(settle(JOBS, strict=PLAN.versions == "strict")):
            print(f"code: {line}.", file=sys.stderr)
except UserError as error:
    print(f"hardmine: {error}", file=sys.stderr)
    sys.exit(2)

# Training and embedding ask for a GPU; on small images from scratch many cores are faster, and README's bytes hold.
GPU = 0 if PLAN.dataset.name == "glyphs" else 1
# What a job of training, tuning or embedding may take, in MB, times the attempt: docs/rehearsal.md has what they took.
MEMORY = 2000 if PLAN.dataset.name == "glyphs" else 6000
if (
    workflow.is_main_process
    and workflow.resource_settings.nodes is None
    and "gpu" not in workflow.global_resources
):
    # Without a limit Snakemake takes no notice of what rules ask for; a cluster knows its devices itself.
    COUNT = devices_here()
    workflow.register_resource("gpu", COUNT)
    if GPU:
        print(f"devices: {said_of_devices(COUNT)}.", file=sys.stderr)

# Jobs find the commands of this environment, activated or not.
shell.prefix(f'export PATH={shlex.quote(os.path.dirname(sys.executable))}:"$PATH"; ')

BY_FOLDER = {job.folder: job for job in JOBS}
SETTINGS = f"scratch/settings/{PLAN.plan}"


wildcard_constraints:
    run=r"[a-z0-9-]+",
    seed=r"\d+",
    trial=r"\d+",


def made(verb):
    """Records of all artefacts of a verb."""
    return [str(job.record_file) for job in JOBS if job.verb == verb]


def files_of(verb):
    """All output files of a verb that has one artefact."""
    return [file for job in JOBS if job.verb == verb for file in job.files]


def inputs_of(pattern, seeds=(None,)):
    """Input function: every file of every artefact that the jobs of the filled-in folders read."""

    def inputs(wildcards):
        filled = [pattern.format(**{"seed": seed, **wildcards}) for seed in seeds]
        folders = dict.fromkeys(
            name for folder in filled for name in BY_FOLDER[folder].inputs
        )
        return [file for folder in folders for file in BY_FOLDER[folder].files]

    return inputs
