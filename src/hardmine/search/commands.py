"""The commands for images: index, search."""

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from hardmine.errors import UserError
from hardmine.foreign import shown
from hardmine.loading import loading
from hardmine.processors import available_processors, limit_threads

from .outputs import check_outputs
from .speaking import speaking

__all__ = ["Device", "ModelPlace", "Rate", "Threads", "Tune", "index", "search"]

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:<n>.")]
Threads = Annotated[
    int | None, typer.Option(help="Threads; all processors unless given.", min=1, max=1024, show_default=False)
]
ModelPlace = Annotated[Path | None, typer.Option(help="Where the index's model lies now.")]
Rate = Annotated[
    float | None,
    typer.Option("--false-match-rate", help="Take the model's threshold for this rate; for 0.05 unless given."),
]
Tune = Annotated[str, typer.Option(help="Of an approximate index, such as nprobe=64 or efSearch=128.")]
ModelFolder = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A folder of 'hardmine export', or models/<plan>/<run>/seed<k>.")
]


def index(
    model: ModelFolder,
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="The folder of images.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the index.")],
    factory: Annotated[
        str | None, typer.Option(help="faiss's description of the index; 'Flat' (exact) for a new one.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where an image cannot be read.")] = False,
    threads: Threads = None,
    device: Device = "auto",
) -> None:
    """Make a folder of images searchable, or bring its index up to date: only new and changed images are embedded."""
    threads = threads or available_processors()
    limit_threads(threads)
    with loading():
        from hardmine import load

        from .updating import Wish, update_index

    report = speaking(lambda done, total, rate: f"read {done} of {total} images, {rate:.0f} images/s")
    update = update_index(Wish(load(model, device, threads), model, images, output, factory, strict, threads, report))
    for name, reason in update.unreadable.items():
        print(shown(f"left out: {name}: {reason}"))
    if update.passed_over:
        print(shown(f"passed over: {update.passed_over}"))
    counts = f"{update.embedded} embedded, {update.kept} unchanged, {update.removed} gone"
    print(f"{shown(output)}: {update.images} images ({counts}, {len(update.unreadable)} unreadable)")
    if update.recall < 1:
        print(f"approximate: it finds {100 * update.recall:.1f} % of the ten nearest of drawn images; 'Flat' finds all")


def search(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="A folder of 'hardmine index'.")],
    queries: Annotated[list[Path], typer.Argument(metavar="QUERY…", help="Image files.")],
    count: Annotated[int, typer.Option("-k", help="Images wanted for each query.", min=1)] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    page: Annotated[Path | None, typer.Option(help="Write a page with the pictures to this file.")] = None,
    model: ModelPlace = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Similarity from which on an image is a match; the model's own unless given.", min=-1, max=1),
    ] = None,
    rate: Rate = None,
    tune: Tune = "",
    threads: Threads = None,
    device: Device = "auto",
) -> None:
    """Find the images of an index that look most like the given ones, or say that none is a match."""
    threads = threads or available_processors()
    limit_threads(threads)
    with loading():
        from .query import as_json, print_table, search_index

    check_outputs(page, inputs=queries)
    for query in queries:
        _check(query)
    results = search_index(index, queries, count, model, tune, device, threads, threshold, rate)
    if json:
        print(as_json(results.answers))
    if page is not None:
        from .page import write_page

        write_page(results, page)
        print(shown(page))
    if not json and page is None:
        print_table(results)


def _check(query: Path) -> None:
    """Refuse what is no file before anything large is read."""
    if os.path.isfile(query):  # False too for a name that no file can have
        return
    if os.path.isdir(query):
        raise UserError(f"{query}: is a folder; a query is an image file. Give its files, such as {query}/*.jpg")
    if re.match(r"[a-z][a-z0-9+.-]+:/", str(query), re.IGNORECASE):
        raise UserError(
            f"{query}: is an address; a query is an image file here. Download the picture and give the file."
        )
    if os.path.exists(query):
        raise UserError(f"{query}: is no regular file; a query is an image file.")
    raise UserError(f"{query}: there is no such file.")
