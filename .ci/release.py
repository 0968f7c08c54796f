"""What a release uploads, from the commit of its tag: python .ci/release.py v0.1.0

The tag, CHANGELOG.md, CITATION.cff and the version that is built must agree. The wheel is built from the source
distribution, so that this is known to be whole. Both lie in dist/ when all is well.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]


def faults_of(root: Path, tag: str) -> list[str]:
    """What the files of a tree say otherwise than its tag."""
    version = tag.removeprefix("v")
    if not re.fullmatch(r"v\d+\.\d+\.\d+((a|b|rc)\d+)?", tag):
        return [f"{tag}: is no tag of a release; such are v1.2.3 and v1.2.3rc1"]
    found = []
    chapters = re.findall(r"^## (.*)$", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    if not chapters or not re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", chapters[0]):
        found.append(f"CHANGELOG.md: its first chapter must be '## {version} (YEAR-MONTH-DAY)'")
    if f"version: {version}" not in (root / "CITATION.cff").read_text(encoding="utf-8").splitlines():
        found.append(f"CITATION.cff: must say 'version: {version}'")
    return found


def build(kind: str, root: Path, target: Path) -> Path:
    """Build a wheel or a source distribution of a tree; the file."""
    before = set(target.glob("*"))
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=root, check=True)
    (made,) = set(target.glob("*")) - before
    return made


def metadata_of(path: Path) -> Metadata:
    """The metadata of a built file; what is not valid in them is an error."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
            return Metadata.from_email(wheel.read(name))
    with tarfile.open(path) as archive:
        content = archive.extractfile(f"{path.name.removesuffix('.tar.gz')}/PKG-INFO")
        assert content is not None
        return Metadata.from_email(content.read())


def main(tag: str) -> None:
    """Check, build, check again."""
    faults = faults_of(ROOT, tag)
    if faults:
        sys.exit("\n".join(f"release: {fault}." for fault in faults))
    target = ROOT / "dist"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    source = build("sdist", ROOT, target)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")
        wheel = build("wheel", next(Path(folder).iterdir()), target)
    for path in (source, wheel):
        metadata = metadata_of(path)
        if str(metadata.version) != tag.removeprefix("v"):
            sys.exit(
                f"release: {path.name} is of version {metadata.version}: commit what is altered, then tag that commit."
            )
        if metadata.description_content_type != "text/markdown" or not metadata.description:
            sys.exit(f"release: {path.name} has no description in Markdown.")
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("release: give the tag, such as v0.1.0.")
    main(sys.argv[1])
