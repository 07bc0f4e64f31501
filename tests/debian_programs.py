"""The programs of Debian's that tests start: where they are, and what is missing.

`.ci/packages` names the packages that have them. Without a program its tests are skipped,
and with SERVICES_TESTS=required they fail.
"""

from __future__ import annotations

import os
import shutil

import pytest

MISSING = "Install the packages of .ci/packages: there is no program "
FOLDERS = ("/usr/sbin", "/sbin")  # not on everybody's PATH


def require(program: str) -> str:
    """Return the program's path; skip or fail the test without it."""
    if (found := find(program)) is not None:
        return found
    if os.environ.get("SERVICES_TESTS") == "required":
        pytest.fail(f"SERVICES_TESTS=required, and there is no {program}")
    pytest.skip(MISSING + program)


def find(program: str) -> str | None:
    """Return the program's path, None where there is none."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *FOLDERS])
    return shutil.which(program, path=path)
