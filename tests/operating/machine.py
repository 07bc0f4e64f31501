"""A fresh machine within this one: its own files, network and processes, gone with the test.

The files are this machine's, copied when they are written to (an overlay in memory), so that the
guide's commands may make users, write below /etc and listen on port 443 as they are printed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = Path(__file__).parent / "stand_ins"
NEEDED = ("nginx", "pg_createcluster", "openssl", "curl", "ip")
# $1 a folder for mounts, $2 the source, $3 the virtual environment, $4 the folder of stand-ins.
SETUP = r"""
set -eu
mount -t tmpfs -o mode=755 tmpfs "$1"
cd "$1"
mkdir machine upper work source source-work
mount -t overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" overlay machine
mkdir -p machine/opt/periodic
mount -t overlay -o lowerdir="$2",upperdir="$1/source",workdir="$1/source-work" overlay \
  machine/opt/periodic
mkdir -p machine/opt/periodic/var
mount -t tmpfs -o mode=755 tmpfs machine/opt/periodic/var
[ ! -L machine/opt/periodic/.venv ] || rm machine/opt/periodic/.venv
mkdir -p machine/opt/periodic/.venv
mount --bind "$3" machine/opt/periodic/.venv
mount --rbind /dev machine/dev
mount -t proc proc machine/proc
mount -t tmpfs -o mode=755 tmpfs machine/run
mkdir -p machine/run/postgresql machine/run/lock
chown postgres:postgres machine/run/postgresql
rm -rf machine/etc/postgresql/* machine/var/lib/postgresql/* machine/etc/nginx/conf.d/* \
  machine/etc/nginx/sites-enabled/* machine/usr/local/bin/periodic
cp "$4"/* machine/usr/local/sbin/
echo "127.0.0.1 localhost periodic.example.com" > machine/etc/hosts
# The interpreter that the virtual environment was made with may lie in somebody's home.
for folder in $5; do chmod o+x "machine$folder"; done
ip link set lo up
exec chroot machine sh -c 'echo ready; exec cat'
"""


def why_not() -> str:
    """Return why there can be no such machine here; empty where there can."""
    if os.geteuid() != 0:
        return "needs root, to make a machine of its own"
    if os.environ.get("SERVICES_TESTS") != "required":
        missing = [program for program in NEEDED if shutil.which(program) is None]
        return f"needs the Debian packages of .ci/packages: no {', '.join(missing)}" * bool(missing)
    return ""


def blocks(page: Path, host: str = "") -> list[str]:
    """The commands that a page prints for a shell, or for that of a named host, in order."""
    begin = f"```sh {host}".strip()
    return re.findall(rf"^{begin}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


class Machine:
    """Runs commands as root in the namespaces of `process`, and in its root folder."""

    def __init__(self, process: int) -> None:
        self.process = process
        self._enter = ["nsenter", "--target", str(process), "--mount", "--net", "--pid", "--root"]

    def run(self, commands: str, *, check: bool = True) -> str:
        """Return what the commands print to standard output.

        Raises CalledProcessError, its notes being the output, when one of them fails.
        """
        done = subprocess.run(
            [*self._enter, "bash", "-euo", "pipefail", "-c", f"cd /\n{commands}"],
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        if check and done.returncode:
            error = subprocess.CalledProcessError(done.returncode, commands)
            error.add_note(done.stdout + done.stderr)
            raise error
        return done.stdout


@contextmanager
def fresh(folder: Path) -> Iterator[Machine]:
    """A machine with the source at /opt/periodic; `folder` is empty and serves for its mounts."""
    python = Path(os.path.realpath(sys.executable))
    homes = [str(home) for home in [*python.parents, *Path(sys.prefix).resolve().parents]]
    holder = subprocess.Popen(
        [
            "/usr/bin/env", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
            "sh", "-c", SETUP,
            "sh", folder, ROOT, Path(sys.prefix).resolve(), STAND_INS, " ".join(set(homes) - {"/"}),
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        (inside,) = psutil.Process(holder.pid).children()
        yield Machine(inside.pid)
    finally:
        holder.kill()  # and with it everything within
        holder.wait()


def connect(first: Machine, first_address: str, second: Machine, second_address: str) -> None:
    """Lay a cable between two machines. An address has its network's length: 10.0.0.1/24."""
    cable = f"ip link add cable netns {first.process} type veth peer cable netns {second.process}"
    subprocess.run(cable.split(), check=True)
    for where, address in ((first, first_address), (second, second_address)):
        where.run(f"ip address add {address} dev cable; ip link set cable up")
