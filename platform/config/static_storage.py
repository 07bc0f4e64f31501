"""How production keeps static files: named by their contents, and compressed ahead of time."""

from __future__ import annotations

import sys

from django.contrib.staticfiles.finders import get_finders
from whitenoise.storage import CompressedManifestStaticFilesStorage as Hashed

BOOT_ERROR = 3  # with this exit status of a worker gunicorn ends, and tries no other


class HashedStorage(Hashed):  # type: ignore[misc]  # whitenoise has no types for it
    """Browsers keep a file for ever, and an upgrade gives it another name.

    Scripts of the console import one another by name: those names are replaced, too. Django would
    do so in all scripts, and fails at one of a package that imports what is not there.
    """

    patterns = (
        *Hashed.patterns,
        ("console/*.js", Hashed._js_module_import_aggregation_patterns[1]),
    )


def require_collected() -> None:
    """End the process with a sentence where collectstatic has not run since the last upgrade.

    Every page that names a missing file would be a 500.
    """
    storage = HashedStorage()
    needed = {path for finder in get_finders() for path, _ in finder.list([])}
    if needed <= storage.hashed_files.keys():
        return
    sys.stderr.write(
        f"Static files are missing in {storage.location}. Run: "
        "python manage.py collectstatic --noinput\n"
    )
    sys.exit(BOOT_ERROR)
