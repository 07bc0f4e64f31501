"""`python -m benchmarks [NAME …] [--quick]`: measures, prints a table, writes results.json."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time

from benchmarks import database, report

# change_to_callback runs services with a database server of their own.
NAMES = (
    "idle_polls",
    "claim_cost",
    "deliveries",
    "delivery_late",
    "changes",
    "scale_out",
    "held_transaction",
    "fairness",
    "bulk_download",
    "webhooks_in",
    "api_requests",
    "api_lists",
    "admin_lists",
    "change_to_callback",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="smaller: to see that it works")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark named {unknown[0]}; there are {', '.join(NAMES)}")
    # Counted as ever, but never used up: bulk downloads read as fast as they can.
    for limit in ("USER_MINUTE", "PROJECT_MINUTE", "PROJECT_DAY"):
        os.environ.setdefault(f"GMAIL_UNITS_PER_{limit}", "10000000000")
    database.set_up()
    results: dict[str, float] = {}
    for name in options.names or NAMES:
        began = time.monotonic()
        sys.stderr.write(f"{name} … ")
        sys.stderr.flush()
        measured = importlib.import_module(f"benchmarks.{name}").run(quick=options.quick)
        sys.stderr.write(f"{time.monotonic() - began:.0f} s\n")
        results |= measured
    print(report.table(results))
    print(f"\nwritten to {report.write(results, quick=options.quick)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
