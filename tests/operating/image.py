"""Makes the container image without a container engine, and runs what it holds.

`python -m tests.operating.image` takes the Containerfile's steps in a fresh Debian (debootstrap).
That needs root and a network, so it is a step of CI and no test. pip and apt are configured as they
are on this machine.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
CONTAINERFILE = ROOT / "deploy" / "Containerfile"
COMPOSE = ROOT / "deploy" / "compose.yaml"
SUITE = "bookworm"  # what the image begins with: debian:12-slim
MIRROR = re.compile(r"^(?:URIs: |deb (?:\[.*?\] )?)(http\S+)", re.MULTILINE)
# What tells pip, apt and TLS of this machine how packages are fetched here.
CONFIGURATION = (
    "/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/xdg/pip", "/etc/apt/apt.conf.d",
    "~/.config/pip", "~/.pip",
)  # fmt: skip
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
CERTIFICATES_WITHIN = "/etc/certificates-of-the-host.crt"  # the other is the package's to write
PASSED_ON = re.compile(r"(?i)^(PIP_.*|(https?|no|all)_proxy)$")
FOLDER = re.compile(r"(?:file://|(?<=[\s']))(/[^\s']+)")  # in what `pip config list` prints
STOP_WITHIN = 10  # seconds; then a container engine kills
HEALTHY_WITHIN = 120  # seconds
SETTINGS = {
    "PUBLIC_URL": "https://periodic.example.com",
    "ALLOWED_HOSTS": "periodic.example.com",
    "BEHIND_TLS_PROXY": "true",
    "SECRET_KEY": "a-key-of-a-test-that-signs-nothing-which-anybody-keeps-0123456789",
    "PERIODIC_ENCRYPTION_KEYS": "MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXY=",
    "EMBEDDED_POSTGRES_DIR": "/tmp/postgres",  # noqa: S108 - the container's own
}
# $1 is the root folder, $2 the command; the others are folders of this machine that pip looks into.
INSTALL = """
set -eu
root=$1 command=$2
shift 2
for folder; do
  mkdir -p "$root$folder"
  mount --bind -o ro "$folder" "$root$folder"
done
exec chroot "$root" sh -c "$command"
"""
# $1 is the root folder. What enters these namespaces sees a file system that it cannot change.
CONFINE = """
set -eu
root=$1
ip link set lo up
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -o remount,bind,ro "$root"
echo ready
cat > /dev/null
"""


@dataclass
class Image:
    root: Path
    user: str = "root"
    folder: str = "/"
    variables: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        image = Image(Path(folder) / "root")
        began = time.monotonic()
        bootstrap(image.root)
        report(began, "a fresh Debian")
        for instruction, argument in instructions():
            take(image, instruction, argument)
        report(began, f"the image, {size_of(image.root) // 1_000_000} MB")
        run(image)
        report(began, "web server and worker ran in it, and stopped in time")
    return 0


def report(began: float, what: str) -> None:
    sys.stdout.write(f"{time.monotonic() - began:4.0f} s  {what}\n")
    sys.stdout.flush()


def size_of(root: Path) -> int:
    return sum(path.lstat().st_size for path in root.rglob("*") if not path.is_symlink())


def bootstrap(root: Path) -> None:
    sources = [*Path("/etc/apt").glob("sources.list.d/*.sources"), Path("/etc/apt/sources.list")]
    text = "\n".join(source.read_text() for source in sources if source.exists())
    mirrors = [address for address in MIRROR.findall(text) if "security" not in address]
    subprocess.run(
        ["debootstrap", "--variant=minbase", SUITE, root, *mirrors[:1]],  # noqa: S607
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    if CERTIFICATES.exists():
        (root / CERTIFICATES_WITHIN.lstrip("/")).write_bytes(CERTIFICATES.read_bytes())
    for name in CONFIGURATION:
        source = Path(name).expanduser()
        target = root / str(source).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy(source, target)


def instructions() -> list[tuple[str, str]]:
    lines = CONTAINERFILE.read_text().splitlines()
    pairs = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return [(name, argument) for name, argument in pairs]


def take(image: Image, instruction: str, argument: str) -> None:
    """Take one step of the Containerfile, as a container engine does."""
    match instruction:
        case "FROM" | "EXPOSE":
            pass
        case "COPY":
            source, target = argument.split()
            assert source == "."
            copy_project(image.root / target.lstrip("/"))
        case "RUN":
            passed_on = {name: value for name, value in os.environ.items() if PASSED_ON.match(name)}
            subprocess.run(
                [  # noqa: S607
                    "unshare", "--mount", "sh", "-c", INSTALL, "sh", image.root, argument,
                    *folders_of_packages(),
                ],
                env={
                    "PATH": path(), **passed_on, "PIP_CERT": CERTIFICATES_WITHIN, **image.variables,
                },
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        case "WORKDIR":
            image.folder = argument
        case "ENV":
            image.variables |= dict(pair.split("=", 1) for pair in shlex.split(argument))
        case "USER":
            image.user = argument
        case "CMD":
            image.command = json.loads(argument)
        case _:
            raise AssertionError(f"this reads no {instruction}")


def folders_of_packages() -> list[Path]:
    """Return the folders on this machine that pip is configured to take packages from."""
    printed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    named = {Path(name) for name in FOLDER.findall(printed)}
    # An index called "simple" leads to files beside it.
    named = {name.parent if name.name == "simple" else name for name in named}
    return sorted(name for name in named if name.is_dir())


def path() -> str:
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def copy_project(target: Path) -> None:
    """What is in the repository: the rest of the folder is what .dockerignore names."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)


class Container:
    """Processes of an image as the compose file confines them: another user, nothing to write to
    but memory below /tmp, no capability and no way to get one."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._holder = subprocess.Popen(
            [  # noqa: S607
                "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
                "sh", "-c", CONFINE, "sh", image.root,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"
        self._inside = psutil.Process(self._holder.pid).children()[0].pid

    def start(
        self, command: Sequence[str], output: IO[str], **variables: str
    ) -> subprocess.Popen[bytes]:
        """Run a command, whose output goes to a file: a pipe that nobody reads makes it wait."""
        enter = [
            "nsenter", "--target", str(self._inside), "--mount", "--net", "--pid",
            "chroot", str(self.image.root), "setpriv", "--reuid", self.image.user,
            "--regid", self.image.user, "--init-groups", "--no-new-privs", "--bounding-set=-all",
            "--inh-caps=-all", "env", f"--chdir={self.image.folder}", *command,
        ]  # fmt: skip
        environment = {"PATH": path(), **self.image.variables, **SETTINGS, **variables}
        return subprocess.Popen(enter, env=environment, stdout=output, stderr=subprocess.STDOUT)

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Return its status, and what it printed."""
        with tempfile.TemporaryFile("w+") as file:
            status = self.start(command, file).wait(timeout=120)
            return status, said(file)

    def output(self, command: Sequence[str]) -> str:
        status, printed = self.run(command)
        assert status == 0, f"{shlex.join(command)}\n{printed}"
        return printed

    def fails(self, command: Sequence[str]) -> bool:
        return self.run(command)[0] != 0

    def end(self) -> None:
        self._holder.kill()
        self._holder.wait()


def run(image: Image) -> None:
    services: Mapping[str, Any] = YAML(typ="safe").load(COMPOSE)["services"]
    container = Container(image)
    try:
        assert int(container.output(["id", "-u"])) != 0
        assert container.fails(["touch", "/opt/periodic/x"])
        assert container.fails(["touch", "/var/tmp/x"])  # noqa: S108
        with_database(container, services)
    finally:
        container.end()


def with_database(container: Container, services: Mapping[str, Any]) -> None:
    """The embedded server, in memory, stands in for the compose file's PostgreSQL."""
    container.output(services["migrate"]["command"])
    container.output(
        ["periodic", "create_organization", "An organization", "--email", "a@b.example"]
    )
    with tempfile.TemporaryFile("w+") as of_web, tempfile.TemporaryFile("w+") as of_worker:
        web = container.start(container.image.command, of_web, WEB_BIND="127.0.0.1:8000")
        worker = container.start(services["worker"]["command"], of_worker)
        for name, log in (("web", of_web), ("worker", of_worker)):
            until_healthy(container, services[name]["healthcheck"], log)
        for process, log in ((worker, of_worker), (web, of_web)):
            (within,) = psutil.Process(process.pid).children()  # nsenter, which passes nothing on
            within.send_signal(signal.SIGTERM)
            status = process.wait(timeout=STOP_WITHIN)
            assert status == 0, f"it ended with {status}\n{said(log)}"


def until_healthy(container: Container, healthcheck: Mapping[str, Any], log: IO[str]) -> None:
    """Ask as the compose file does, save that all run under one address here."""
    kind, *check = [part.replace("//web:", "//127.0.0.1:") for part in healthcheck["test"]]
    assert kind == "CMD"
    deadline = time.monotonic() + HEALTHY_WITHIN
    while container.fails(check):
        assert time.monotonic() < deadline, f"{container.run(check)}\n{said(log)}"
        time.sleep(0.5)


def said(file: IO[str]) -> str:
    file.seek(0)
    return file.read()[-10_000:]


if __name__ == "__main__":
    sys.exit(main())
