"""The command as a process: its address, its end, and what it refuses."""

import importlib.util
import json
import signal
import socket
import sys
import urllib.request
from pathlib import Path

import pytest
from search_tools import refused
from serving_tools import started

from hardmine.serving.running import bound


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_printed_address_answers_until_a_signal_ends_it_well(shared: Path, ending: signal.Signals) -> None:
    command = [Path(sys.executable).parent / "hardmine", "serve", shared, "--port", "0", "--threads", "1"]
    with started(command) as (process, address):
        query = (shared.parent / "pictures/odd/07.png").read_bytes()
        with urllib.request.urlopen(urllib.request.Request(f"{address}search?k=1", query)) as reply:
            assert json.load(reply)["hits"][0]["path"] == "odd/07.png"
            assert "server" not in reply.headers
        process.send_signal(ending)
        assert process.wait(20) == 0
        assert process.communicate() == ("", "")


def test_parts_of_an_answer_are_sent_at_once() -> None:
    with bound("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP  # with 0 asyncio leaves Nagle's algorithm on: 40 ms an answer


def test_a_taken_port_is_named(shared: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(
            "serve", shared, "--port", port, message=f"--port {port}: cannot be listened on: Address already in use"
        )


def test_an_address_of_another_machine_is_named(shared: Path) -> None:
    refused("serve", shared, "--host", "192.0.2.1", "--port", 0, message="--host 192.0.2.1 .* cannot be listened on")


def test_without_the_extra_the_command_says_how_to_get_it(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "starlette" else find(name))
    refused("serve", shared, "--port", 0, message=r"starlette is not installed\. Run: pip install .*\[serve\]")


def test_what_cannot_be_served_is_refused(shared: Path, project: Path, tmp_path: Path) -> None:
    refused("serve", tmp_path, "--port", 0, message="holds no index")
    refused("serve", shared, "--port", 0, "--threshold", "1.5", message="--threshold 1.5: is no cosine")
    other = project / "models/tiny/hdc/seed1"
    refused("serve", shared, "--port", 0, "--model", other, message="is not the model that made")
