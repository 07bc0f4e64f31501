"""Pages allow no script of others, and stay out of frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from instances.models import ElementInstance

SCRIPT = "<script>alert(1)</script>"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/sign-in", "/admin/login/", "/nothing", "/elements/api-v2/elements"]
)
def test_every_answer_has_a_policy(path: str) -> None:
    answer = Client().get(path)

    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action" not in policy  # the way to a provider has redirects to anywhere
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.django_db
def test_an_answer_of_other_middleware_has_it_too(settings: Settings) -> None:
    strange_host = Client().get("/sign-in", headers={"host": "elsewhere.example"})
    assert strange_host.status_code == 400
    settings.SECURE_SSL_REDIRECT = True
    to_https = Client().get("/sign-in")
    assert to_https.status_code == 301
    for answer in (strange_host, to_https):
        assert "default-src 'self'" in answer["Content-Security-Policy"]


def test_what_others_wrote_is_text_on_every_page(
    browser: Client, travel: Callable[..., str], member: User
) -> None:
    browser.get(travel())
    instance = ElementInstance.objects.get()
    instance.name = instance.problem = SCRIPT
    instance.configuration = {SCRIPT: SCRIPT}
    instance.tags = [SCRIPT]
    instance.save()
    instance.polling_resources.update(error=SCRIPT)
    member.is_staff = member.is_superuser = True
    member.save()
    row: Any = instance.polling_resources.get()
    for path in (
        "/instances",
        f"/instances/{instance.pk}",
        "/oauth/callback?state=x&error=" + SCRIPT,
        "/admin/instances/elementinstance/",
        f"/admin/instances/elementinstance/{instance.pk}/change/",
        f"/admin/instances/elementinstance/{instance.pk}/delete/",
        "/admin/polling/pollingresource/",
        f"/admin/polling/pollingresource/{row.pk}/change/",
    ):
        page = browser.get(path).content.decode()
        assert SCRIPT not in page, path
