"""`python -m integrations.gmail.sandbox`: run the Gmail sandbox until Ctrl-C."""

import argparse
import sys
from collections.abc import Sequence

from integrations.sandbox.loopback import is_loopback_url

from .server import Options, WillNotRunError, run
from .stand_in import DEFAULT_CLIENT, DEFAULT_MAILBOX
from .store import StateUnusableError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; returns the exit code: 0 after a signal, 2 when it can't start."""
    parser = argparse.ArgumentParser(
        prog="python -m integrations.gmail.sandbox",
        description="A stand-in for Google on this machine, for demos and tests.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (%(default)s)")
    parser.add_argument("--port", type=int, default=8025, help="0 takes a free one (%(default)s)")
    parser.add_argument("--state", default=":memory:", help="SQLite file; without it, in memory")
    parser.add_argument("--seed", help="makes ids and history gaps the same in every run")
    parser.add_argument(
        "--empty",
        action="store_true",
        help=f"without the client {DEFAULT_CLIENT[0]} and the mailbox {DEFAULT_MAILBOX}",
    )
    parser.add_argument(
        "--open-registration", action="store_true", help="take every client id and its secret"
    )
    parser.add_argument(
        "--push-to", default="", help="an address on loopback that watched mailboxes are pushed to"
    )
    given = parser.parse_args(arguments)
    if not 0 <= given.port <= 65_535:
        parser.error("--port must be from 0 to 65535")
    if given.push_to and not is_loopback_url(given.push_to):
        parser.error("--push-to must be an http address on loopback")
    options = Options(
        given.host,
        given.port,
        given.state,
        given.seed,
        given.empty,
        given.open_registration,
        given.push_to,
    )
    try:
        run(options, lambda url: print(f"Gmail sandbox at {url}", flush=True))  # noqa: T201 the URL is this program's output
    except (WillNotRunError, StateUnusableError, OSError) as error:
        sys.stderr.write(f"The Gmail sandbox can't start: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
