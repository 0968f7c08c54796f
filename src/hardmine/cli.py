"""The commands; thin, each importing what it needs when it runs."""

import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hardmine.artefacts import VERBS, Job
from hardmine.comparing.commands import compare
from hardmine.errors import UserError
from hardmine.exporting.commands import export
from hardmine.foreign import shown
from hardmine.inspecting.commands import inspect
from hardmine.loading import loading
from hardmine.offline.commands import mine
from hardmine.rehearsing.commands import rehearse
from hardmine.search.commands import index, search
from hardmine.serving.commands import serve
from hardmine.starting.commands import init
from hardmine.verbs import download, embed, evaluate, figures, preprocess, train, tune

__all__ = ["main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PlanFile = Annotated[Path, typer.Option(help="The plan file.")]


for verb_command in (download, preprocess, tune, train, embed, evaluate, figures):
    app.command(rich_help_panel="Verbs")(verb_command)
for command in (export, index, search, serve, inspect, mine):
    app.command(rich_help_panel="Models in use")(command)
app.command(rich_help_panel="Care")(init)
app.command(rich_help_panel="Care")(rehearse)
app.command(rich_help_panel="Care")(compare)


def _print_version(asked: bool) -> None:
    if asked:
        import hardmine

        print(f"hardmine {hardmine.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Hard example mining for deep metric learning. 'snakemake --cores all' calls the verbs in order."""


@app.command(rich_help_panel="Care")
def settle(plan: PlanFile = Path("params.yaml")) -> None:
    """Write the settings files of a plan and say which artefacts will be made."""
    from hardmine.artefacts import hold_workflow
    from hardmine.artefacts import settle as settle_jobs

    hold_workflow()
    jobs, strict = _jobs(plan)
    pending = settle_jobs(jobs, strict)
    print(f"{len(jobs) - len(pending)} of {len(jobs)} artefacts are good.")
    for folder, why in pending.items():
        print(f"to be made: {folder} ({why})")


@app.command(rich_help_panel="Care")
def check(plan: PlanFile = Path("params.yaml")) -> None:
    """Check a plan file, what packages of others bring for it, and your own images, and say what it holds."""
    from hardmine.settings import probe_packages, read_plan, remarks_on

    content = read_plan(plan)
    probe_packages(content)
    size = f"{len(content.runs)} runs, {len(content.seeds)} seeds"
    print(f"{plan}: plan '{content.plan}' on {content.dataset.name}, {size}.")
    if content.tuning and content.searched:
        trials = sum(len(content.trials(run)) for run in content.searched)
        each = f"{content.tuning.folds} trainings each"
        print(f"tuning: {len(content.searched)} runs, {trials} trials, {each}; then {size}.")
    for remark in remarks_on(content):
        print(f"warning: {remark}.")
    if content.dataset.name == "folder":
        from hardmine.datasets.own_check import check_own_images

        print(check_own_images(content))


@app.command(rich_help_panel="Care")
def verify(
    verb: Annotated[str, typer.Argument(help=f"all, or one of {', '.join(VERBS)}.")] = "all",
    plan: PlanFile = Path("params.yaml"),
    repair: Annotated[bool, typer.Option("--repair", help="Have faulty artefacts made again.")] = False,
    remake: Annotated[
        int, typer.Option(help="Make so many drawn artefacts again under scratch/remake/ and compare bytes.", min=0)
    ] = 0,
) -> None:
    """Rehash artefacts and check what made them; leaves with 2 when something is wrong."""
    from hardmine.artefacts import differences, drawn, hold_workflow, retire, versions_apart
    from hardmine.artefacts import verify as verify_jobs
    from hardmine.settings import no_project, workflow_command

    verbs = _verbs(verb)
    jobs, strict = _jobs(plan)
    command = workflow_command(plan)
    if repair or remake:
        hold_workflow()
    faults = verify_jobs(jobs, verbs, strict)
    found = "\n".join(fault for sentences in faults.values() for fault in sentences)
    if faults and repair:
        for record, target in retire(list(faults)):
            found += f"\n{record} moved to {target}: the next '{command}' makes the artefact again."
        print(found)
        return
    if faults:
        own = "" if plan == Path("params.yaml") else f" --plan {plan}"
        again = f"'hardmine verify{own} --repair' has the next '{command}' make them again."
        raise UserError(f"{found}\n{no_project() or again}")
    for versions, count in versions_apart(jobs, verbs).items():
        print(f"warning: {count} artefacts were made with {versions}; 'versions: strict' in the plan makes them again.")
    print(f"verified: {sum(job.verb in verbs for job in jobs)} artefacts ({verb}).")
    others = []
    for job in drawn(jobs, verbs, remake) if remake else []:
        other = differences(job)
        others += other
        print(f"{job.folder}: made again, {'equal' if not other else 'other bytes: ' + ', '.join(other)}", flush=True)
    if others:
        raise UserError(f"{len(others)} files came out otherwise. Their records say on which machine they were made.")


@app.command(rich_help_panel="Care")
def accept(
    verb: Annotated[str, typer.Argument(help=f"all, or one of {', '.join(VERBS)}.")] = "all",
    plan: PlanFile = Path("params.yaml"),
) -> None:
    """After an edit of code that changes no result: show it by one remake a run, and record the artefacts under it."""
    from hardmine.artefacts import accept as accept_jobs
    from hardmine.artefacts import hold_workflow
    from hardmine.settings import workflow_command

    hold_workflow()
    jobs, _ = _jobs(plan)
    verdicts = []
    for sentence, equal in accept_jobs(jobs, _verbs(verb)):
        verdicts.append(equal)
        print(sentence, flush=True)
    print(f"{sum(verdicts)} of {len(verdicts)} remakes were equal.")
    if not all(verdicts):
        raise UserError(f"some artefacts differ under the present code; '{workflow_command(plan)}' makes them again.")


@app.command(rich_help_panel="Care")
def prune(
    verb: Annotated[str, typer.Argument(help=f"all, or one of {', '.join(VERBS)}.")],
    plan: PlanFile = Path("params.yaml"),
) -> None:
    """Move outputs of runs and seeds that left the plan into scratch/trash/."""
    from hardmine.artefacts import hold_workflow
    from hardmine.artefacts import prune as prune_jobs

    hold_workflow()
    jobs, _ = _jobs(plan)
    for each in _verbs(verb):
        for source, target in prune_jobs(jobs, each):
            print(f"not in the plan any more: {source} moved to {target}")


@app.command(rich_help_panel="Care")
def digests(
    plan: PlanFile = Path("params.yaml"),
    write: Annotated[Path | None, typer.Option(help="Write them to this file, where they changed.")] = None,
) -> None:
    """Print digests of the code and versions of the libraries behind each verb of a plan."""
    from hardmine.artefacts import digests_of, write_text

    text = digests_of(_jobs(plan)[0])
    if write is None:
        print(text, end="")
    elif not os.path.isfile(write) or write.read_bytes() != text.encode():
        write_text(write, text)


@app.command(rich_help_panel="Care")
def schema() -> None:
    """Print the JSON schema of a plan, for editors."""
    import json

    from hardmine.settings import plan_schema

    print(json.dumps(plan_schema(), indent=1))


@app.command(rich_help_panel="Care")
def show(
    plan: PlanFile = Path("params.yaml"),
    test: Annotated[bool, typer.Option("--test", help="Print the results on test classes too.")] = False,
    chosen: Annotated[bool, typer.Option("--chosen", help="Print instead the runs as tuning chose them.")] = False,
) -> None:
    """Print the results of a plan on validation classes, which run to use, and where its page is.

    Leaves with 3 where trainings failed.
    """
    from hardmine.settings import read_plan

    with loading():
        from hardmine.comparing.showing import show_chosen, show_results

    content = read_plan(plan)
    if chosen:
        show_chosen(content, plan)
    else:
        show_results(content, plan, test)


def main() -> NoReturn:
    """Run a command; a user's mistake is one message and exit code 2."""
    code = 0
    warnings.filterwarnings("ignore", module=r"PIL\b")  # a picture that cannot be used is named with its reason
    try:
        app()
    except UserError as error:
        print(f"hardmine: {error}", file=sys.stderr)
        code = error.exit_code
    except BrokenPipeError:
        code = 1
    except OSError as error:
        if error.filename is None:
            raise
        print(f"hardmine: {shown(error.filename)}: {error.strerror}.", file=sys.stderr)
        code = UserError.exit_code
    except KeyboardInterrupt:
        code = 130
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End the process at once: taking the interpreter apart takes 0.7 s where torch was imported."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = code or 1
    os._exit(code)


def _jobs(plan: Path) -> tuple[list[Job], bool]:
    """The jobs of a plan file, and whether versions of libraries count."""
    from hardmine.settings import jobs_of, read_plan

    content = read_plan(plan)
    return jobs_of(content), content.versions == "strict"


def _verbs(verb: str) -> tuple[str, ...]:
    from hardmine.errors import nearest

    if verb == "all":
        return VERBS
    if verb not in VERBS:
        raise UserError(f"'{verb}' is no verb{nearest(verb, VERBS)}; allowed: all, {', '.join(VERBS)}.")
    return (verb,)


if __name__ == "__main__":
    main()
