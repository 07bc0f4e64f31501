"""Why something was sent or not: a code for programs and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    code: str  # one of schema.CODES
    message: str

    def shown(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}
