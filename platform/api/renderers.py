"""Writes answers as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer
from rest_framework.utils.encoders import JSONEncoder


class JSONRenderer(BaseRenderer):
    """Compact JSON in UTF-8. RequestIdMiddleware completes the content type."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """No data is an empty body: clients know such successes as a 200 without content."""
        if data is None:
            return b""
        try:
            text = _json(data)
        except ValueError:
            text = _json(_finite(data))
        return text.encode("utf-8", "backslashreplace")


def _json(data: Any) -> str:
    return json.dumps(
        data, cls=JSONEncoder, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


def _finite(value: Any) -> Any:
    """The value with null for NaN and the infinities: providers send them, and JSON lacks them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
