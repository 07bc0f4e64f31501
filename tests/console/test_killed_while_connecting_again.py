"""A connection by link that ends before any of its writes: the link is used with it, or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from instances import reconnect_link
from instances.models import Credential, ElementInstance, ReconnectLink
from integrations.gmail.sandbox.server import SandboxServer
from tests.console.conftest import HERE


class Killed(BaseException):
    """Nothing of ours catches it, as nothing catches a kill -9; the transaction ends with it."""


def get_until(visitor: Client, path: str, statement: int) -> bool:
    """Opens the path and dies before the writing statement of that number; whether it came to the
    end."""
    left = statement

    def count(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        nonlocal left
        left -= not sql.lstrip().upper().startswith("SELECT")
        if left <= 0:
            raise Killed
        return execute(sql, *args)

    try:
        with connection.execute_wrapper(count):
            visitor.get(path)
    except Killed:
        connection.close()
        return False
    return True


@pytest.mark.django_db(transaction=True)
def test_the_link_is_used_up_with_the_connection_or_not_at_all(
    browser: Client, travel: Callable[..., str], sandbox: SandboxServer
) -> None:
    browser.get(travel({"address": "user@example.com"}, events=""))
    instance = ElementInstance.objects.get()
    statement, ended, connected = 0, False, 0
    while not ended:
        statement += 1
        before = Credential.objects.get().access_token
        link = reconnect_link.make(instance, timezone.now()).url.removeprefix(HERE)
        visitor = Client()
        location = sandbox.control.approve(visitor.post(link)["Location"])

        ended = get_until(visitor, location.removeprefix(HERE), statement)

        new = Credential.objects.get().access_token != before
        used = not ReconnectLink.objects.filter(used_at=None).exists()
        assert new == used, statement
        connected += new
        assert visitor.get(link).status_code == (400 if used else 200), statement
        ReconnectLink.objects.all().delete()
    assert statement > 5
    assert connected >= 1
