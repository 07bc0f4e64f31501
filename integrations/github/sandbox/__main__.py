"""`python -m integrations.github.sandbox`: run the GitHub sandbox until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from integrations.github.sandbox.server import NAME, opened
from integrations.github.sandbox.state import State
from integrations.sandbox.server import Place, WillNotRunError, run


def main() -> int:
    """Run; returns the exit code: 0 after a signal, 2 when it can't start."""
    parser = argparse.ArgumentParser(prog="python -m integrations.github.sandbox")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (%(default)s)")
    parser.add_argument("--port", type=int, default=8026, help="0 takes a free one (%(default)s)")
    given = parser.parse_args()
    try:
        run(
            Place(NAME, given.host, given.port),
            partial(opened, State()),
            lambda url: print(f"{NAME} at {url}", flush=True),  # noqa: T201 the URL is this program's output
        )
    except (WillNotRunError, OSError) as error:
        sys.stderr.write(f"The {NAME} can't start: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
