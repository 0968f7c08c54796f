"""Locks of devices in a folder that other users share."""

import fcntl
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hardmine.artefacts import devices, hold_device


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "hardmine-devices"


def test_the_umask_of_one_user_does_not_stop_the_others(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        hold_device(["0"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(folder / "0").st_mode) == 0o666
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o1777


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_is_no_lock_is_told_and_passed_over(folder: Path, kind: str, capsys: pytest.CaptureFixture) -> None:
    folder.mkdir()
    target = folder.parent / "theirs"
    match kind:
        case "pipe":
            os.mkfifo(folder / "0")
        case "link":
            target.write_text("precious")
            (folder / "0").symlink_to(target)
        case _:
            (folder / "0").mkdir()
    assert hold_device(["0", "1"]) == "1"
    assert "the lock of device 0 cannot be used" in capsys.readouterr().err
    assert hold_device(["0"]) == "0"
    assert "device 0 is taken without a lock: others may use it too" in capsys.readouterr().err
    assert kind != "link" or target.read_text() == "precious"


def test_a_folder_that_is_a_link_is_not_followed(folder: Path, capsys: pytest.CaptureFixture) -> None:
    other = folder.parent / "elsewhere"
    other.mkdir()
    folder.symlink_to(other)
    assert hold_device(["0"]) == "0"
    assert list(other.iterdir()) == []
    assert "cannot be used as a folder" in capsys.readouterr().err
    assert stat.S_IMODE(os.stat(f"{folder}-{os.getuid()}").st_mode) == 0o700


def test_who_holds_a_device_is_named_by_what_the_system_knows(folder: Path) -> None:
    code = (
        "import sys, tempfile, time; tempfile.tempdir = sys.argv[1]\n"
        "from hardmine.artefacts import hold_device\nhold_device(['0']); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(folder.parent)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert devices._take([(folder / "0", fcntl.LOCK_EX)]) == f"process {holder.pid} of {_user()}"
    finally:
        holder.kill()
        holder.wait()
    assert devices._take([(folder / "0", fcntl.LOCK_EX)]) is None


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
