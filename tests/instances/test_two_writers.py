"""Two clients change one instance at once: each one's parts are whole, and none is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from api.errors import NotFound
from instances import configuration, provision
from instances.models import ElementInstance

API = "/elements/api-v2"
Json = dict[str, Any]


@pytest.mark.django_db(transaction=True)
def test_keys_of_both_stay(
    connected: Json, organization: NewOrganization, client_for: Callable[..., APIClient]
) -> None:
    start = threading.Barrier(4)
    answers: list[int] = []

    def write(writer: int) -> None:
        api = client_for(organization)
        start.wait()
        try:
            for turn in range(5):
                change = {"configuration": {f"key.{writer}.{turn}": turn}, "tags": [str(writer)]}
                path = f"{API}/instances/{connected['id']}"
                answers.append(api.patch(path, change, format="json").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 20
    instance = ElementInstance.objects.get()
    stored = configuration.stored(instance)
    assert all(f"key.{writer}.{turn}" in stored for writer in range(4) for turn in range(5))
    assert len(instance.tags) == 1


@pytest.mark.django_db(transaction=True)
def test_a_change_that_meets_a_deletion_finds_nothing(
    connected: Json, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_look = provision.find

    def find_then_lose(*args: Any, lock: bool = False, **kwargs: Any) -> ElementInstance:
        found = first_look(*args, lock=lock, **kwargs)
        if not lock:
            ElementInstance.objects.filter(pk=found.pk).delete()
        return found

    wanted = provision.Wish(name="New")
    organization = ElementInstance.objects.get().organization
    monkeypatch.setattr(provision, "find", find_then_lose)

    with pytest.raises(NotFound):
        provision.change(organization, connected["id"], wanted)
