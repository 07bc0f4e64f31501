"""`make demo`: starts everything on free ports, does the product's main job, says how it went."""

from __future__ import annotations

import signal
import sys
import time

from demo.processes import (
    Places,
    ServiceError,
    free_port,
    kept_in,
    only_start,
    services,
)
from demo.steps import STEPS, Demo, StepFailed
from integrations.gmail.sandbox.control_client import ControlFailedError, SandboxControl


def run(places: Places) -> None:
    """Takes every step; raises StepFailed, with the step's name before the reason."""
    demo = Demo(places, SandboxControl(places.sandbox))
    for number, (title, step) in enumerate(STEPS, start=1):
        sys.stdout.write(f"\n{number}. {title}\n")
        sys.stdout.flush()
        try:
            step(demo)
        except StepFailed as error:
            raise StepFailed(f"step {number}, “{title}”: {error}", error.advice) from error
        except (ControlFailedError, OSError) as error:
            raise StepFailed(
                f"step {number}, “{title}”: {error}", f"look at the logs in {places.var}"
            ) from error


def main() -> int:
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the services on its way out
    places = Places(kept_in() / "demo", free_port(), free_port(), free_port())
    sys.stdout.write("starting the database, the web server, the worker and the sandbox …\n")
    sys.stdout.flush()
    try:
        with only_start(places), services(places):
            sys.stdout.write(f"ready after {time.monotonic() - began:.1f} s\n")
            run(places)
    except ServiceError as error:
        sys.stderr.write(f"\nNot started: {error}\nThe logs are in {places.var}\n")
        return 1
    except StepFailed as error:
        sys.stderr.write(f"\nFailed at {error}\nWhat to do: {error.advice}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; everything that was started has ended.\n")
        return 130
    sys.stdout.write(f"\nAll of it happened, in {time.monotonic() - began:.1f} s.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
