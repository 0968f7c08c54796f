"""A Slurm controller and a node on this machine, unprivileged ports, everything in one folder; taken down at the end."""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "srun")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=bf_interval=1,sched_interval=1
MinJobAge=300
KillWait=20
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=8000 Gres=gpu:2 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """Programs that are not installed."""
    return [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Start munge, controller and node; yield the environment that clients need."""
    folder.chmod(0o755)
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir(mode=0o755)
    key = folder / "munge/key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n")  # stand-ins
    (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
    values = {"host": socket.gethostname(), "user": getpass.getuser(), "folder": folder}
    config = folder / "slurm.conf"
    config.write_text(CONFIG.format(controller=free_port(), node=free_port(), **values))
    (folder / "bin").mkdir()
    step = folder / "bin/srun"  # the executor of job steps drops SLURM_CONF; a real cluster's lies at its default place
    step.write_text(f'#!/bin/sh\nSLURM_CONF={config} exec {shutil.which("srun", path=PATH)} "$@"\n')
    step.chmod(0o755)
    environment = {"SLURM_CONF": str(config), "PATH": f"{folder}/bin:{Path(sys.executable).parent}:{PATH}"}
    own = {**os.environ, **environment}
    munge = [f"--{name}={folder}/munge/{name.partition('-')[0]}" for name in ("socket", "key-file", "pid-file", "seed-file")]
    daemons = [
        ["munged", "--foreground", "--force", "--num-threads=2", f"--log-file={folder}/munge/log", *munge],
        ["slurmctld", "-D", "-i"],
        ["slurmd", "-D"],
    ]
    running = []
    try:
        for command in daemons:
            output = open(folder / f"{command[0]}.out", "w")  # noqa: SIM115 - for as long as the daemon runs
            running.append(subprocess.Popen(command, env=own, stdout=output, stderr=output))
            time.sleep(1)
        deadline = time.monotonic() + 120
        while "idle" not in subprocess.run(["sinfo", "-h", "-o", "%T"], env=own, capture_output=True, text=True).stdout:
            logs = "\n".join(path.read_text()[-1500:] for path in sorted(folder.glob("*.out")) + sorted(folder.glob("*.log")))
            assert time.monotonic() < deadline, f"the node did not come up\n{logs}"
            time.sleep(0.5)
        yield environment
    finally:
        subprocess.run(["scancel", "--user", getpass.getuser()], env=own, check=False)
        time.sleep(1)
        for daemon in reversed(running):
            daemon.terminate()
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()
