"""What time it is at the sandbox: the machine's time plus an offset that a test can move."""

import time
from datetime import UTC, datetime

from .store import Store

_OFFSET = "clock_offset_s"


class Clock:
    """Wall clock with an offset in seconds, which is kept over a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._offset = float(store.setting(_OFFSET, "0"))

    @property
    def offset(self) -> float:
        """Seconds that the sandbox is ahead of the machine."""
        return self._offset

    def now(self) -> float:
        """Seconds since the epoch, as the sandbox sees it."""
        return time.time() + self._offset

    def now_ms(self) -> int:
        """Milliseconds since the epoch, the unit of `internalDate`."""
        return int(self.now() * 1000)

    def today(self) -> datetime:
        """The same moment as an aware UTC datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, seconds: float) -> None:
        """Move the sandbox's time; a negative number moves it back."""
        self.set_offset(self._offset + seconds)

    def set_offset(self, seconds: float) -> None:
        """Set how many seconds the sandbox is ahead of the machine."""
        self._offset = seconds
        self._store.set_setting(_OFFSET, repr(seconds))
