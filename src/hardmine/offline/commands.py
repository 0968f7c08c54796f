"""The command for hard examples: mine."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from hardmine.errors import UserError
from hardmine.foreign import shown
from hardmine.loading import loading
from hardmine.processors import available_processors, limit_threads
from hardmine.search.commands import Threads
from hardmine.search.outputs import check_outputs
from hardmine.search.speaking import speaking

from .rules import Pick, Positive, Rules, Strategy, one_of, ranks_in

__all__ = ["mine"]

_SHAPES = ("pairs", "triplets", "n-tuples")

Score = float | None
PathOrNone = Path | None


def _option(text: str, *names: str, **keys: Any) -> Any:
    return typer.Option(*names, help=text, **keys)


def mine(
    source: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|INDEX",
            help="A folder of 'hardmine export', models/<plan>/<run>/seed<k>, torchvision/<name>, timm/<name> or "
            "bvlc-googlenet for a published network; or a folder of 'hardmine index', whose vectors are there already.",
        ),
    ],
    output: Annotated[Path, _option("The file to write: .parquet, .csv or .jsonl.", "--output", "-o")],
    images: Annotated[
        PathOrNone,
        typer.Argument(
            metavar="IMAGES",
            help="A folder with a folder a class, or a CSV list (path,class or path,class,split) in the folder of the "
            "images. Of an index: such a list, if its folders are not the classes.",
        ),
    ] = None,
    kind: Annotated[str | None, _option("parquet, csv or jsonl, whatever the ending says.", "--format")] = None,
    shape: Annotated[str, _option("Rows: triplets, n-tuples or pairs.", "--as")] = "triplets",
    scores: Annotated[bool, _option("Add the column score.", "--scores")] = False,
    relative: Annotated[bool, _option("Paths inside the folder of images.", "--relative")] = False,
    strategy: Annotated[str, _option("nearest, classes (as SCHEM) or spheres (as Smart Mining).")] = "nearest",
    negatives: Annotated[int, _option("Negatives of each pair of anchor and positive.", min=1, max=1000)] = 5,
    positives: Annotated[int, _option("Positives of each anchor.", min=1, max=100)] = 1,
    positive: Annotated[
        str | None, _option("hardest, nearest or random; hardest unless given, nearest for spheres.")
    ] = None,
    ranks: Annotated[
        str, _option("Which of the nearest candidates, such as 10-50; 1-100, of spheres 1-1000.", show_default=False)
    ] = "",
    pick: Annotated[str, _option("Of the candidates that pass: top (the nearest) or random.")] = "top",
    seed: Annotated[int, _option("Of all draws.", min=0)] = 0,
    min_score: Annotated[Score, _option("Lowest cosine of a negative.")] = None,
    max_score: Annotated[Score, _option("Highest cosine of a negative.")] = None,
    margin: Annotated[Score, _option("A negative's cosine must be below the positive's by more than this.")] = None,
    relative_margin: Annotated[Score, _option("As --margin, in shares of the positive's: 0.05 is below 95 %.")] = None,
    duplicate_score: Annotated[
        Score, _option("From this cosine on two images count as copies; equal vectors always do.")
    ] = None,
    classes: Annotated[int, _option("Hard classes of an anchor (classes).", min=1, max=1000)] = 5,
    kappa: Annotated[float, _option("Scale of the sphere on squared distances (spheres); below 1 acts as 1.")] = 1.0,
    split: Annotated[str | None, _option("Of the list; train unless given, all for every image.")] = None,
    page: Annotated[PathOrNone, _option("Write a page with the pictures of the hardest anchors.")] = None,
    page_anchors: Annotated[int, _option("Anchors on the page.", min=1, max=1000)] = 60,
    weights: Annotated[PathOrNone, _option("File of a published network's weights.")] = None,
    strict: Annotated[bool, _option("Fail where an image cannot be read, or is not as indexed.", "--strict")] = False,
    threads: Threads = None,
    device: Annotated[str, _option("auto, cpu, cuda or cuda:<n>.")] = "auto",
) -> None:
    """Write hard negatives and positives of labelled images as a table for training elsewhere."""
    first, last = ranks_in(ranks or ("1-1000" if strategy == "spheres" else "1-100"))
    chosen: Any = one_of("--strategy", strategy, Strategy)
    which: Any = one_of("--positive", positive or ("nearest" if chosen == "spheres" else "hardest"), Positive)
    how: Any = one_of("--pick", pick, Pick)
    bounds = (min_score, max_score, margin, relative_margin, duplicate_score)
    rules = Rules(chosen, first, last, negatives, positives, which, how, seed, *bounds, kappa, classes)
    if shape not in _SHAPES:
        raise UserError(f"--as {shape}: is not allowed; allowed: {', '.join(_SHAPES)}.")
    threads = threads or available_processors()
    limit_threads(threads)
    with loading():
        from hardmine.search.store import is_index

        from .mining import mine as mine_all
        from .report import beside, print_report, report_of, write_report
        from .sources import from_index, from_model
        from .tables import IMAGE_COLUMNS, Layout, blocks, columns_of, image_rows
        from .writing import format_of, write_rows, write_table

    kind = format_of(output, kind)
    others = [beside(output, name) for name in ("images", "report", "skipped")]
    check_outputs(page, [output, *others], [source, images, weights])
    if is_index(Path(source)):
        found = from_index(Path(source), images, split, strict, threads, _speaking("checked", "images"))
    elif images is None:
        raise UserError(
            f"{source}: is no index, so the images are missing: hardmine mine MODEL IMAGES -o FILE, where IMAGES is a "
            "folder with a folder a class or a list with the columns path,class."
        )
    else:
        speak = _speaking("read", "images")
        found = from_model(source, images, split, weights, strict, device, threads, speak)
    layout: Any = Layout(shape, scores, negatives, relative)  # type: ignore[arg-type]
    mined = mine_all(found.vectors, _numbers(found), rules, threads, _speaking("mined", "anchors"))
    rows = write_table(output, kind, columns_of(layout), blocks(found.labelled, mined, layout))
    lines = report_of(found, mined, layout, rows)
    write_report(output, lines, found, mined, layout)
    write_rows(beside(output, "images"), image_rows(found.labelled, mined, relative), list(IMAGE_COLUMNS))
    print_report(lines)
    for note in found.notes:
        print(shown(note))
    if page is not None:
        from .page import write_page

        write_page(page, found, mined, lines, page_anchors)
        print(shown(page))
    print(shown(f"{output}: {rows:,} rows ({', '.join(columns_of(layout))})"))


def _numbers(found: Any) -> Any:
    from .labelled import label_numbers

    return label_numbers(found.labelled.images)[0]


def _speaking(done_word: str, things: str) -> Callable[[int, int], None]:
    """Says every few seconds how far the work is."""
    return speaking(lambda done, total, rate: f"{done_word} {done:,} of {total:,} {things}, {rate:,.0f} a second")
