"""The command for a page to search with: serve."""

from pathlib import Path
from typing import Annotated

import typer

from hardmine.errors import UserError
from hardmine.foreign import shown
from hardmine.loading import loading
from hardmine.processors import available_processors, limit_threads
from hardmine.search.commands import Device, ModelPlace, Rate, Tune

__all__ = ["serve"]


def serve(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="A folder of 'hardmine index'.")],
    host: Annotated[str, typer.Option(help="Address to listen on; any other lets others in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.", min=0, max=65535)] = 8000,
    count: Annotated[int, typer.Option("-k", help="Images shown for a query at first.", min=1, max=1000)] = 20,
    threshold: Annotated[
        float | None,
        typer.Option(help="Similarity from which images are matches; the model's own unless given."),
    ] = None,
    rate: Rate = None,
    model: ModelPlace = None,
    tune: Tune = "",
    threads: Annotated[
        int | None,
        typer.Option(
            help="Pictures worked on at once; all processors unless given.", min=1, max=1024, show_default=False
        ),
    ] = None,
    device: Device = "auto",
) -> None:
    """Search an index on a page in the browser and as JSON over HTTP, for this machine alone without --host."""
    if threshold is not None and not -1 <= threshold <= 1:
        raise UserError(f"--threshold {threshold}: is no cosine; allowed: -1 to 1, such as 0.8.")
    limit_threads(1)
    threads = threads or available_processors()
    with loading():
        from .running import address_of, bound, check_installed, is_loopback, server_of

        check_installed()
        from .answers import Offer
        from .app import build_app
        from .state import Served
        from .visitors import Visitors

    with bound(host, port) as listening:
        served = Served(index, model, tune, device)
        address, taken = listening.getsockname()[:2]
        offer = Offer(count, threshold, rate)
        offer.decision(served.now())
        app = build_app(served, offer, Visitors.of(host, address, taken), threads)
        place = address_of(host, taken)
        print(
            f"{shown(index)}: {len(served.now().searcher.index.table.paths):,} images at {place} (Ctrl-C ends it)",
            flush=True,
        )
        if not is_loopback(address):
            print("Whoever reaches this address can search the index and see its pictures.", flush=True)
        server_of(app).run([listening])
