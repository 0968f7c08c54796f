"""What the report's page costs at the size it is meant for: seconds to build, size, seconds until it can be used.

    python -m benchmarks.page [--runs 30] [--seeds 5] [--images 10000] [--folder scratch/page]

Artefacts of runs that were never trained: 100 images a class, RGB of 96 pixels with the spectrum of photographs
(amplitude falls with frequency; no two alike), neighbour lists that are right about half of the time. ``build`` is the
whole figures verb in a process of its own, with one thread; ``ready`` ends when table, charts and map can be used,
``gallery`` when the first rows of pictures are on the screen, both counted from the start of loading in Chromium with
the gallery in view, best of three. Limits: 60 s, 25 MB, 2 s.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from benchmarks import table
from benchmarks.table import Row
from hardmine.artefacts import Job
from hardmine.datasets import Items, write_items
from hardmine.images import write_images

EDGE, NEIGHBOURS, DIMENSIONS = 96, 10, 128
PACKED = "data/packed/page"


def photographs(count: int, rng: np.random.Generator) -> np.ndarray:
    """Random pictures whose amplitude falls with the frequency, as photographs' does; uint8 [count, 96, 96, 3]."""
    frequency = np.hypot(np.fft.fftfreq(EDGE)[:, None], np.fft.rfftfreq(EDGE)[None])
    fall = 1 / np.maximum(frequency, 1 / EDGE) ** 1.2
    found = np.empty((count, EDGE, EDGE, 3), dtype=np.uint8)
    for place in range(count):
        noise = np.fft.rfft2(rng.normal(size=(3, EDGE, EDGE))) * fall
        grey = np.fft.irfft2(noise * [[[1.0]], [[0.35]], [[0.35]]], s=(EDGE, EDGE))
        mixed = grey[:1] + np.stack([grey[1], -grey[1] - grey[2], grey[2]])
        found[place] = np.clip(128 + 48 * mixed / mixed.std(), 0, 255).transpose(1, 2, 0)
    return found


def write(folder: Path, runs: int, seeds: int, images: int) -> Job:
    """Write the artefacts of a plan below ``folder``; its figures job."""
    rng = np.random.default_rng(0)
    (folder / PACKED).mkdir(parents=True)
    write_images(folder / PACKED / "images.npy", photographs(images, rng))
    labels = np.arange(images) // 100
    classes = [f"{label:03d}.a class of birds" for label in labels]
    paths = [f"{row}.jpg" for row in range(images)]
    write_items(folder / PACKED / "items.csv", Items(paths, classes, ["test"] * images, ["both"] * images))
    rows = np.arange(images)
    names = [f"method-{number:02d}" for number in range(runs)]
    for number, run in enumerate(names):
        for seed in range(seeds):
            place = f"page/{run}/seed{seed}"
            for verb in ("models", "embeddings", "metrics"):
                (folder / verb / place).mkdir(parents=True)
            near = np.where(
                rng.random((images, NEIGHBOURS)) < 0.3 + 0.01 * number,
                labels[:, None] * 100 + rng.integers(0, 100, (images, NEIGHBOURS)),
                rng.integers(0, images, (images, NEIGHBOURS)),
            )
            lists = {"queries": rows, "rows": np.minimum(near, images - 1)}
            save_file(lists, folder / "metrics" / place / "neighbours.safetensors")
            metrics = [*(("recall", k) for k in (1, 2, 4, 8)), *((name, None) for name in ("map@r", "nmi", "f1"))]
            values = [
                {"embedding": "embedding", "split": split, "protocol": "all", "draw": 0}
                | {
                    "metric": metric,
                    "k": k,
                    "value": 0.3 + 0.01 * number + 0.05 * (k or 1) ** 0.5 + rng.normal(0, 0.01),
                }
                for metric, k in metrics
                for split in ("validation", "test")
            ]
            (folder / "metrics" / place / "metrics.json").write_text(json.dumps({"counts": {}, "values": values}))
            epochs = np.arange(1, 41)
            recall = 0.5 - 0.4 / epochs**0.5 + 0.01 * number + rng.normal(0, 0.01, len(epochs))
            history = {"epoch": epochs, "images": 6000 * epochs, "loss": 1 / epochs, "val_recall@1": recall}
            pd.DataFrame(history).to_csv(folder / "models" / place / "history.csv", index=False)
            if seed == 0:
                vectors = (
                    rng.normal(size=(images, DIMENSIONS)) + 3 * rng.normal(size=(labels[-1] + 1, DIMENSIONS))[labels]
                )
                content = {"rows": rows, "embedding": vectors.astype(np.float32)}
                save_file(content, folder / "embeddings" / place / "embeddings.safetensors")
    settings = {
        "plan": "page",
        "dataset": "made up",
        "baseline": names[0],
        "seeds": list(range(seeds)),
        "runs": {run: {"method": "triplet"} for run in names},
        "order": names,
        "recall_at": [1, 2, 4, 8],
        "protocol": "fair",
        "figures": ["recall", "curves", "loss"],
    }
    return Job("page", "figures", "report/page", (), (), settings, {"packed": PACKED})


def build(folder: Path, job: Job) -> tuple[float, float]:
    """Seconds of the figures verb by the clock and of the processor, the start of Python included."""
    settings = folder / job.settings_file
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(asdict(job)))
    code = (
        "from pathlib import Path; from hardmine.artefacts import Job; from hardmine.figures.report import figures; "
        f"figures(Job.read(Path('{job.settings_file}')), Path('report/page'))"
    )
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, used.ru_utime + used.ru_stime


def load(page: Path) -> tuple[float, float]:
    """Seconds until the page is ready, and until the first rows of the gallery are painted."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.add_init_script("""addEventListener("DOMContentLoaded", () => {
            const painted = name => requestAnimationFrame(() => requestAnimationFrame(() => {
                window[name] = performance.now();
            }));
            painted("readyAt");
            document.documentElement.style.scrollBehavior = "auto";
            document.querySelector("#gallery").scrollIntoView();
            new MutationObserver((_, watcher) => { watcher.disconnect(); painted("galleryAt"); })
                .observe(document.querySelector("#gallery-rows"), { childList: true });
        });""")
        tab.on("pageerror", lambda error: sys.exit(f"the page fails: {error}"))
        tab.goto(page.resolve().as_uri())
        tab.wait_for_function("window.galleryAt && document.documentElement.dataset.ready")
        times = tab.evaluate("[window.readyAt, window.galleryAt]")
        browser.close()
    return times[0] / 1000, times[1] / 1000


def run() -> list[Row]:
    """The page at its full size, for the common table; without Chromium what it costs to build."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "project")
        folder.mkdir()
        seconds, _ = build(folder, write(folder, 30, 5, 10_000))
        report = folder / "report/page"
        size = sum(path.stat().st_size for path in report.rglob("*") if path.is_file()) / 1e6
        title = "page of 30 runs × 5 seeds, 10,000 test images"
        rows = [
            Row("page", f"{title}: built", seconds, "s", at_most=60, how="1 thread"),
            Row("page", f"{title}: size", size, "MB", at_most=25),
        ]
        if shutil.which("chromium"):
            ready = min(load(report / "index.html")[0] for _ in range(3))
            rows.append(Row("page", f"{title}: usable", ready, "s", at_most=2, how="Chromium, best of three"))
        return rows


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="keep artefacts and report here; it must not exist")
    chosen = parser.parse_args()
    if shutil.which("chromium") is None:
        sys.exit("Chromium is needed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary, "project")
        folder.mkdir(parents=True)
        job = write(folder, chosen.runs, chosen.seeds, chosen.images)
        seconds, processor = build(folder, job)
        report = folder / "report/page"
        size = sum(path.stat().st_size for path in report.rglob("*") if path.is_file()) / 1e6
        ready, gallery = (min(times) for times in zip(*(load(report / "index.html") for _ in range(3)), strict=True))
        print(f"{chosen.runs} runs x {chosen.seeds} seeds, {chosen.images:,} test images")
        print(f"build {seconds:.1f} s (limit 60; {processor:.1f} s of the processor), {size:.1f} MB (limit 25)")
        print(f"ready {ready:.2f} s, gallery {gallery:.2f} s (limit 2)")


if __name__ == "__main__":
    table.main(run) if "--json" in sys.argv else main()
