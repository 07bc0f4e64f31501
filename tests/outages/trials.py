"""What is done to a whole installation, one thing after the other, while mails come all the time.

A trial says what happens and returns once it is over. Then each mailbox gets a mail, and the
installation has so many seconds to tell of all of them. Where something stays lost, a trial asks
for that itself, from the loss on, and returns how long it took.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from tests.debian_programs import require
from tests.outages.installation import Host, Installation, until
from tests.outages.standby import PostgresWithStandby

WITHIN = 60.0  # seconds until everything flows again
VANISHING = 75.0  # seconds, where rows are leased to a host for 60 that is no longer there
VANISHED = 60.0  # seconds after which nothing of a host that vanished is left
SMALL_DISK = 400  # megabytes
# Of one host's log, all its processes together: an outage that begins, goes on, and is over.
LINES_A_MINUTE = 4


@dataclass
class Result:
    name: str
    seconds: float  # until every mailbox's next mail was told of
    mails: int  # that came meanwhile
    repeated: int  # requests at the receiver beyond one an event
    lines: int = 0  # in the logs of all hosts
    wrong: list[str] = field(default_factory=list)
    skipped: str = ""  # why it was not tried


@dataclass(frozen=True)
class Trial:
    name: str
    disturb: Callable[[Installation], float | None]
    within: float = WITHIN
    lines: int = 0  # of one host's log, beside LINES_A_MINUTE

    def behind_pgbouncer(self, mode: str) -> Trial:
        return replace(self, name=f"behind PgBouncer ({mode} pooling): {self.name}")

    def skipped(self, why: str) -> Result:
        return Result(self.name, 0.0, 0, 0, skipped=why)

    def run(self, running: Installation) -> Result:
        mails, repeated = len(running.sent), _repeated(running)
        logged_before = {log: log.stat().st_size for log in running.logs}
        began = time.monotonic()
        with running.mails_coming():
            flowed = self.disturb(running)
            afterwards = running.all_flow_within(2 * WITHIN)
            seconds = afterwards if flowed is None else flowed
        result = Result(
            self.name,
            seconds,
            len(running.sent) - mails,
            _repeated(running) - repeated,
            wrong=running.judge(),
        )
        if seconds > self.within:
            result.wrong.append(f"it took {seconds:.0f} s")
        minutes = 1 + (time.monotonic() - began) / 60
        logged = _logged_since(logged_before, running)
        result.lines = len(logged)
        if len(logged) > (LINES_A_MINUTE * minutes + self.lines) * len(running.hosts):
            result.wrong += [f"{len(logged)} lines were logged", *logged]
        result.wrong += [f"a traceback: {line}" for line in logged if "Traceback" in line]
        return result


def _logged_since(sizes: Mapping[Path, int], running: Installation) -> list[str]:
    """Return the lines of all hosts' logs that came after those sizes."""
    return [
        line
        for log in running.logs
        for line in log.read_bytes()[sizes.get(log, 0) :].decode(errors="replace").splitlines()
    ]


def _repeated(running: Installation) -> int:
    return sum(running.customer.replies.values()) - len(running.customer.told)


# --- The database --------------------------------------------------------------------------------


def restarted(number: int, seconds: float = 0.0) -> Callable[[Installation], None]:
    """End it by a signal and begin it again so many seconds later."""

    def disturb(running: Installation) -> None:
        running.postgres.end(number)
        time.sleep(seconds)
        running.postgres.begin()

    return disturb


def sessions_ended(running: Installation) -> None:
    running.postgres.end_sessions()


def backend_killed(running: Installation) -> None:
    running.postgres.kill_one_backend()


def hung(seconds: float) -> Callable[[Installation], None]:
    """All of PostgreSQL's processes stop, and connections stay open."""

    def disturb(running: Installation) -> None:
        processes = running.postgres.processes()
        for one in processes:
            one.suspend()
        time.sleep(seconds)
        for one in processes:
            one.resume()

    return disturb


def read_only(seconds: float) -> Callable[[Installation], None]:
    def disturb(running: Installation) -> None:
        running.postgres.set_for_everybody("default_transaction_read_only = on")
        time.sleep(seconds)
        running.postgres.set_for_everybody("default_transaction_read_only = off")

    return disturb


def disk_full(seconds: float) -> Callable[[Installation], None]:
    """The file system that holds PostgreSQL's data has not a byte left for a while."""

    def disturb(running: Installation) -> None:
        filler = running.postgres.data.parent / "filler"
        with filler.open("wb") as file:
            try:
                while True:
                    file.write(b"0" * 65_536)
                    file.flush()
            except OSError:
                pass
            time.sleep(seconds)
        filler.unlink()
        running.postgres.begin_if_ended()

    return disturb


def standby_promoted(seconds: float) -> Callable[[Installation], None]:
    """The primary is lost, and so many seconds later its standby takes over."""

    def disturb(running: Installation) -> None:
        pair = running.postgres
        assert isinstance(pair, PostgresWithStandby)
        pair.lose_primary()
        time.sleep(seconds)
        pair.promote()

    return disturb


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of SMALL_DISK megabytes at `folder`. Only root may mount one."""
    folder.mkdir()
    subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}m,mode=0711", "tmpfs", str(folder)],
        check=True,
    )
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)


# --- PgBouncer -----------------------------------------------------------------------------------


def pooler_killed(seconds: float) -> Callable[[Installation], None]:
    """PgBouncer is killed with -9 and begun again so many seconds later."""

    def disturb(running: Installation) -> None:
        assert running.pooler is not None
        running.pooler.kill()
        time.sleep(seconds)
        running.pooler.begin()

    return disturb


# --- Hosts ---------------------------------------------------------------------------------------


def host_killed(running: Installation) -> float:
    """One host loses its power, and another comes in its place once all flows again."""
    running.hosts.pop(0).kill()
    seconds = running.all_flow_within(2 * WITHIN)
    running.host()
    return seconds


def begun_before_the_database(running: Installation) -> None:
    """Everything is started at once, as after a power cut, and PostgreSQL comes last."""
    running.hosts.pop(0).kill()
    running.postgres.end()
    running.host()
    time.sleep(5)
    running.postgres.begin()


def host_frozen(seconds: float) -> Callable[[Installation], float]:
    """One host stands still, keeps all it holds, and goes on later."""

    def disturb(running: Installation) -> float:
        processes = running.hosts[0].processes()
        for one in processes:
            one.suspend()
        flowed = running.all_flow_within(2 * WITHIN)
        time.sleep(max(seconds - flowed, 0))
        for one in processes:
            one.resume()
        return flowed

    return disturb


def link_cut(seconds: float) -> Callable[[Installation], float]:
    """One host's link to PostgreSQL is cut for that long, and once mended that host works alone.

    It keeps what it holds, and can still ask providers and send.
    """

    def disturb(running: Installation) -> float:
        assert running.linked is not None
        link, host = running.linked
        until(lambda: running.loops_of(host), WITHIN, "the host behind the link works")
        running.control.add_fault({}, {"latency_ms": 1_000})  # it is at work when it is cut off
        time.sleep(3)
        began = time.monotonic()
        link.cut()
        try:
            running.control.clear_faults()
            flowed = running.all_flow_within(2 * WITHIN)
            time.sleep(max(began + seconds - time.monotonic(), 0))
            if seconds > VANISHED:
                assert not running.loops_of(host), "its leases have ended"
                assert not running.sessions_behind(link), "PostgreSQL has ended its sessions"
        finally:
            link.mend()
        until(lambda: running.loops_of(host), WITHIN, "the host has loops again")
        with others_frozen(running, host):
            running.all_flow_within(2 * WITHIN)
        return flowed

    return disturb


def each_process_killed(running: Installation) -> None:
    """Each process of one host but its first, one after the other."""
    host = running.hosts[0]
    number = len(host.processes()) - 1
    for nth in range(number):
        until(lambda: len(host.processes()) > nth + 1)  # noqa: B023 - asked at once
        try:
            host.processes()[nth + 1].kill()
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.3)


def stopped(running: Installation) -> None:
    """One host is told to stop, as an upgrade does, and begins again."""
    host = running.hosts.pop(0)
    host.stop()
    running.host()


def clock_wrong(difference: str) -> Callable[[Installation], None]:
    """One more host, whose clock is wrong, does the work alone for a while."""

    def disturb(running: Installation) -> None:
        wrong = running.host(before=[require("faketime"), "-f", difference])
        running.all_flow_within(2 * WITHIN)
        with others_frozen(running, wrong):
            running.all_flow_within(2 * WITHIN)
        running.hosts.remove(wrong)
        wrong.stop()

    return disturb


@contextmanager
def others_frozen(running: Installation, host: Host) -> Iterator[None]:
    """Within it, that host works alone."""
    others = [one for other in running.hosts if other is not host for one in other.processes()]
    for one in others:
        one.suspend()
    try:
        yield
    finally:
        for one in others:
            with suppress(psutil.NoSuchProcess):  # it was about to end
                one.resume()


RESTARTS = (
    Trial("PostgreSQL restarted (fast)", restarted(signal.SIGINT), 10),
    Trial("PostgreSQL restarted (immediate)", restarted(signal.SIGQUIT), 10),
    Trial("PostgreSQL killed with -9", restarted(signal.SIGKILL), 10),
    Trial("PostgreSQL away for two seconds", restarted(signal.SIGINT, 2), 10),
    Trial("all sessions of PostgreSQL ended", sessions_ended, 10),
    Trial("a process of PostgreSQL killed with -9", backend_killed, 10),
)
ALL: Sequence[Trial] = (
    *RESTARTS,
    Trial("PostgreSQL away for a minute", restarted(signal.SIGINT, 60), 15),
    Trial("PostgreSQL hangs for 40 seconds", hung(40), 30),
    Trial("PostgreSQL read-only for 30 seconds", read_only(30), 30),
    Trial("PostgreSQL's disk full for 40 seconds", disk_full(40), 30),
    Trial("each process of a host killed with -9 in turn", each_process_killed, lines=40),
    Trial("a host told to stop, and begun again", stopped),
    Trial("a host loses its power", host_killed, VANISHING),
    Trial("a host begins before PostgreSQL does", begun_before_the_database),
    Trial("a host stands still for 70 seconds", host_frozen(70), VANISHING),
    Trial("a host's clock is 400 days ahead", clock_wrong("+400d")),
    Trial("a host's clock is 10 minutes ahead", clock_wrong("+600")),
    Trial("a host's clock is 2 minutes behind", clock_wrong("-120")),
)

# On an installation with postgres_with_standby.
FAILOVER = Trial("PostgreSQL's primary lost, its standby promoted", standby_promoted(5), 15)


# On one behind PgBouncer, in each of its modes.
POOLED: Sequence[Trial] = (
    Trial("PostgreSQL restarted (fast)", restarted(signal.SIGINT), 15),
    Trial("PostgreSQL away for ten seconds", restarted(signal.SIGINT, 10), 15),
    Trial("PgBouncer killed with -9, away for five seconds", pooler_killed(5), 10),
)
MODES = ("session", "transaction")

# On one with a host behind a cut_link.
CUTS = (
    Trial("a host's link to PostgreSQL cut for 20 seconds", link_cut(20), VANISHING),
    Trial("a host's link to PostgreSQL cut for 75 seconds", link_cut(75), VANISHING),
)


def can_mount() -> bool:
    return os.geteuid() == 0
