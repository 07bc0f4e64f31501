"""The sandbox as the provider: where Periodic finds it, and as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.processes import ROOT, free_port


def settings_for(url: str) -> dict[str, str]:
    """The settings, which are environment variables too, that point Periodic at a sandbox."""
    return {
        "GMAIL_API_BASE_URL": url,
        "GOOGLE_AUTHORIZATION_URL": f"{url}/o/oauth2/v2/auth",
        "GOOGLE_TOKEN_URL": f"{url}/token",
        "GOOGLE_REVOKE_URL": f"{url}/revoke",
    }


@contextmanager
def sandbox_process(state: Path, seed: str) -> Iterator[str]:
    """A sandbox that keeps its state in that file; yields its URL."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "integrations.gmail.sandbox", "--port", str(port),
         "--state", str(state), "--seed", seed],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "the sandbox did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
