"""The WSGI application that gunicorn serves: `gunicorn --chdir platform config.wsgi`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

from config import process, static_storage


class Request(WSGIRequest):
    """Reads addresses and forms as UTF-8, whatever charset a Content-Type header names.

    Django itself would read the query string in that charset: one that is none ("hex") fails
    before any view or middleware, and "unicode_escape" makes characters that no check has seen.
    """

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(
                meta.get("CONTENT_TYPE", "")
            )
        except (LookupError, ValueError):  # parameters that cannot be read
            self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    request_class = Request


process.enter(process.WEB)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)
if settings.PRODUCTION:
    static_storage.require_collected()
application = Handler()
