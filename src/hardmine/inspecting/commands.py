"""The command for labelled images: inspect."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hardmine.errors import UserError
from hardmine.foreign import shown
from hardmine.loading import loading
from hardmine.processors import available_processors, limit_threads
from hardmine.search.commands import Threads
from hardmine.search.speaking import speaking

__all__ = ["inspect"]

_PAGE = "index.html"  # as .page has it, which takes long to load
_HEAD = 4096


def inspect(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IMAGES", help="A folder of class folders, a list (CSV: path,class[,split]), or an index."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the report.")],
    model: Annotated[
        Path | None, typer.Argument(metavar="[MODEL]", help="What 'hardmine.load' takes; not for an index.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Of an index: a list with the classes, where its folders are not the classes.")
    ] = None,
    near: Annotated[
        float | None, typer.Option(help="Cosine from which images count as near copies; by the data unless given.")
    ] = None,
    folds: Annotated[int, typer.Option(help="Parts of which each is judged by the others.", min=2, max=1000)] = 5,
    threads: Threads = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:<n>.")] = "auto",
) -> None:
    """Report on labelled images: copies, doubtful labels, overlapping classes, outliers, faulty files."""
    if near is not None and not -1 <= near <= 1:
        raise UserError(f"--near {near}: is no cosine; allowed: -1 to 1, such as 0.98.")
    _check_output(output)
    threads = threads or available_processors()
    limit_threads(threads)
    with loading():
        from hardmine import load
        from hardmine.search.store import is_index

        from .looking import look_at_files, look_at_index
        from .page import write_page
        from .report import inspect as found_in
        from .sources import labels_of_files
        from .tables import write_tables

    report = speaking(lambda done, total, rate: f"read {done:,} of {total:,} images, {rate:.0f} images/s")
    if is_index(source):
        if model is not None:
            raise UserError(f"{source}: is an index, which has its vectors: leave {model} out.")
        looked = look_at_index(source, labels, threads, report)
    else:
        if labels is not None:
            raise UserError(f"--labels {labels}: is for an index. Give the list instead of the folder of images.")
        named = labels_of_files(source)
        if model is None:
            raise UserError(f"{source}: is no index, so a model is needed: hardmine inspect {source} MODEL -o {output}")
        looked = look_at_files(load(model, device, threads), named, report)
    found = found_in(looked, near, folds, threads)
    write_page(found, source.resolve().name, output / _PAGE)  # first: it says that the folder is a report
    for path in (output / _PAGE, *write_tables(found, output)):
        print(shown(path))
    for note in found.notes:
        print(shown(note))
    across = (sum(one.across_classes for one in found.groups), sum(one.across_splits for one in found.groups))
    print(
        f"images: {len(looked.names):,}; classes: {len(found.names):,}; groups of copies: {len(found.groups):,} (in "
        f"several classes {across[0]:,}, in several splits {across[1]:,}); doubtful labels: {found.doubted:,}; "
        f"pairs of classes that overlap: {len(found.overlaps):,}; outliers: {len(found.outliers):,}; files to look at: "
        f"{len({one.name for one in found.problems}):,}"
    )


def _check_output(output: Path) -> None:
    """Refuse a folder that holds anything but an earlier report: its files could be somebody's."""
    if not os.path.lexists(output):
        return
    try:
        entries = os.listdir(output)
        if not entries:
            return
        with open(output / _PAGE, "rb") as page:
            if b'content="hardmine inspect"' in page.read(_HEAD):
                return
    except OSError:
        pass
    raise UserError(f"{output}: exists and is no report of 'hardmine inspect'. Give a new folder with -o.")
