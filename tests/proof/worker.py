"""Workers of the product's own code that end as they are told: killed with -9 at a statement of
which the name is known, killed anywhere, or asked to stop; with a clock of their own.

As a program it forks such a worker for each order on its input, a line of JSON, and answers how
it ended. Every statement has a name: that of the constant which holds its text, else the function
that makes it, with verb and table. COMMIT is one too, though no program writes it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
POLLS, DELIVERIES = "polls", "deliveries"
BEFORE, AFTER = "before", "after"
DATABASE_LOST, HUNG = 3, 4  # exit codes
LONGEST_LIFE = 300.0  # seconds; a worker that is still at work then hangs
PLACES = 4  # polls of a worker at once: few, so that several share what is due
ANSWER_WITHIN = 2.0  # seconds for one request of a worker; what takes longer has failed


@dataclass(frozen=True, slots=True)
class Order:
    """What one worker is to do, and how it ends. Times are in seconds.

    `clock` is how far its clock is ahead, and `jump` how far it jumps at its `jump_at`th statement.
    It is killed `moment` the statement that is named runs for the `time`th time; or `killed_after`
    a while, wherever it is; or asked to stop, `stopped_after` a while.
    """

    task: str
    clock: float = 0.0
    jump: float = 0.0
    jump_at: int = 0
    statement: str = ""
    moment: str = BEFORE
    time: int = 1
    killed_after: float = 0.0
    stopped_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a worker ended. `statements` are those that it was the first of its kind to run."""

    killed: bool
    database_lost: bool
    statements: list[str]
    fault: str = ""


class Workers:
    """A process that forks one worker after the other, each ready at once."""

    def __init__(self, database: dict[str, Any], environment: dict[str, str]) -> None:
        paths = [str(ROOT / "platform"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.worker", json.dumps(database)],
            cwd=ROOT,
            env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, order: Order) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()

    def wait(self) -> Ending:
        """How the worker that was started ended."""
        assert self._process.stdout is not None
        return Ending(**json.loads(self._process.stdout.readline()))

    def run(self, order: Order) -> Ending:
        self.start(order)
        return self.wait()

    def close(self) -> None:
        self._process.communicate(timeout=60)


# --- In that process -----------------------------------------------------------------------------


def main() -> None:
    from django.conf import settings

    settings.DATABASES["default"] |= json.loads(sys.argv[1])
    import django

    django.setup()
    tasks = _tasks()
    names = _names_of_constants()
    met: set[str] = set()
    for line in sys.stdin:
        ending = _forked(Order(**json.loads(line)), tasks, names, met)
        met.update(ending.statements)
        sys.stdout.write(json.dumps(asdict(ending)) + "\n")
        sys.stdout.flush()


def _tasks() -> dict[str, Callable[[], None]]:
    """The two engines, impatient: they pause little, and renew their leases often."""
    from events import deliver
    from polling import database, engine
    from tests.all_due import deliver_all_due, poll_all_due
    from transport.asynchronous import AsyncRunner
    from transport.limits import Limits

    async def no_pause(seconds: float) -> None:
        return None

    def set_(module: Any, **values: Any) -> None:
        for name, value in values.items():
            assert hasattr(module, name), f"{module.__name__} has no {name} any more"
            setattr(module, name, value)

    quick = partial(AsyncRunner, sleep=no_pause, limits=Limits(total=ANSWER_WITHIN))
    set_(engine, AsyncRunner=quick, RENEW_AFTER=0.2, CHECK_EVERY=0.1, STOP_WITHIN=0.05)
    set_(deliver, STOP_WITHIN=0.05, PAUSE_AFTER_LOST_DATABASE=0.1)
    set_(database, PAUSE=0.1)
    return {
        POLLS: partial(poll_all_due, PLACES),
        DELIVERIES: partial(deliver_all_due, ANSWER_WITHIN),
    }


def _forked(
    order: Order, tasks: dict[str, Callable[[], None]], names: dict[str, str], met: set[str]
) -> Ending:
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        code = 1
        try:
            code = _obey(order, tasks[order.task], Statements(order, names, set(met), tell))
        except BaseException:  # noqa: BLE001 - said to who has asked, who fails for it
            os.write(tell, f"!{traceback.format_exc()}".encode())
        finally:
            os._exit(code)
    os.close(tell)
    with open(told, encoding="utf-8", errors="replace") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    statements, _, fault = said.partition("!")
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    code = -1 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    if not (killed or fault or code in {0, DATABASE_LOST}):
        fault = f"the worker ended with {status}"
    return Ending(killed, code == DATABASE_LOST, statements.splitlines(), fault)


def _obey(order: Order, task: Callable[[], None], statements: Statements) -> int:
    from django.db import InterfaceError, OperationalError
    from django.db.backends.signals import connection_created

    from worker import loops

    connection_created.connect(statements.listen, weak=False)
    _later(LONGEST_LIFE, partial(os._exit, HUNG))
    if order.killed_after:
        _later(order.killed_after, partial(os.kill, os.getpid(), signal.SIGKILL))
    if order.stopped_after:
        _later(order.stopped_after, loops.stop)
    try:
        task()
    except (OperationalError, InterfaceError):  # a line rests then, and begins anew
        return DATABASE_LOST
    return 0


def _later(seconds: float, act: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()


@dataclass
class Statements:
    """Counts what the worker's connections run, and kills it where it is ordered."""

    order: Order
    names: dict[str, str]  # by text
    met: set[str]
    tell: int
    run: int = 0
    times: int = 0
    ahead: float = field(init=False)

    def __post_init__(self) -> None:
        from django.utils import timezone

        right = timezone.now
        self.ahead = self.order.clock

        def now() -> datetime:
            return right() + timedelta(seconds=self.ahead)

        setattr(timezone, "now", now)  # noqa: B010

    def listen(self, connection: Any, **_: Any) -> None:
        """Receiver of Django's connection_created; a connection may be made more than once."""
        if any(getattr(one, "__self__", None) is self for one in connection.execute_wrappers):
            return
        connection.execute_wrappers.append(self.around)
        commit = connection._commit

        def committed() -> Any:
            name = f"COMMIT of {_place()}"
            self.meet(name, BEFORE)
            done = commit()
            self.meet(name, AFTER)
            return done

        connection._commit = committed

    def around(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        name = self.names.get(sql) or f"{_place()}: {_verb(sql)}"
        self.meet(name, BEFORE)
        done = execute(sql, params, many, context)
        self.meet(name, AFTER)
        return done

    def meet(self, name: str, moment: str) -> None:
        if moment == BEFORE:
            self.run += 1
            if self.run == self.order.jump_at:
                self.ahead += self.order.jump
            if name not in self.met:
                self.met.add(name)
                os.write(self.tell, f"{name}\n".encode())
        if name == self.order.statement:
            self.times += moment == BEFORE
            if moment == self.order.moment and self.times >= self.order.time:
                os.kill(os.getpid(), signal.SIGKILL)


def _names_of_constants() -> dict[str, str]:
    """{text: name} of the statements that stand in constants."""
    return {
        value: f"{name}.{constant}"
        for name, module in list(sys.modules.items())
        if name.startswith(("polling.", "events.", "instances.", "quota.", "worker."))
        for constant, value in vars(module).items()
        if constant.isupper() and isinstance(value, str)
    }


def _place() -> str:
    """The function of the product that the statement is made in; of config's where no other is."""
    product = str(ROOT / "platform") + os.sep
    frame: FrameType | None = sys._getframe(1)
    found = "elsewhere"
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(product):
            found = f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}"
            if f"{os.sep}config{os.sep}" not in file:
                break
        frame = frame.f_back
    return found


def _verb(sql: str) -> str:
    words = sql.replace('"', "").replace("(", " ").split()
    verb = words[0].upper() if words else ""
    for word, following in pairwise(words):
        if word.upper() in {"FROM", "INTO", "UPDATE"}:
            return f"{verb} {following}"
    return verb


if __name__ == "__main__":
    with suppress(BrokenPipeError, KeyboardInterrupt):  # whoever gave the orders is gone
        main()
