"""The database backend `config.postgres`: Django's, over the embedded server."""

from __future__ import annotations

from typing import Any

import psycopg
from django.conf import settings

from config.given_postgres import base
from config.postgres.server import embedded_postgres


class DatabaseWrapper(base.DatabaseWrapper):
    """Starts the server at the first connection, and again when it has died since."""

    def get_connection_params(self) -> dict[str, Any]:
        server = embedded_postgres(settings.EMBEDDED_POSTGRES_DIR)
        return {**super().get_connection_params(), **server.connection}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        server = embedded_postgres(settings.EMBEDDED_POSTGRES_DIR)
        if not server.joined:
            server.ensure_running(conn_params["dbname"])
        try:
            return super().get_new_connection(conn_params)
        except psycopg.errors.ConnectionTimeout:  # it runs, and hangs
            raise
        except psycopg.OperationalError:  # Django translates it only further out
            server.ensure_running(conn_params["dbname"])
        return super().get_new_connection(conn_params)
