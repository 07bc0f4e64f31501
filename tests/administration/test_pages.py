"""What is on the pages of the admin: no secret, nothing inline, and what others wrote is text."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group
from django.db.models import Model
from django_q.models import Schedule

from audit.models import Action, AuditEntry
from instances.models import ElementInstance
from tests.administration.world import SCRIPT, SECRETS, World, address, models, signed_in

pytestmark = pytest.mark.django_db
INLINE = re.compile(
    r"""<script(?![^>]*\bsrc=)(?![^>]*type="application/json")|<style|\sstyle=|\son\w+=|javascript:"""
)
SECRET_COLUMNS = ("secret_digest", "token_digest", "signature_key", "retired_keys")


def test_no_page_shows_a_secret_or_runs_what_others_wrote(world: World) -> None:
    browser = signed_in(superuser=True)
    pages = [address(model) for model in models()]
    pages += [
        address(model, page, row.pk)
        for model, rows in world.rows.items()
        for row in rows
        for page in ("change", "history")
    ]
    digests = (world.new.organization.secret_digest, str(world.new.user.secret_digest))
    for page in pages:
        answer = browser.get(page)
        assert answer.status_code == 200, page
        text = answer.content.decode()
        assert SCRIPT not in text, page
        assert not INLINE.search(text), (page, INLINE.search(text))
        assert "unsafe" not in answer["Content-Security-Policy"]
        for secret in (*SECRETS, *digests, *SECRET_COLUMNS):
            assert secret not in text, (page, secret)


@pytest.mark.parametrize("model", [Group, Schedule])
def test_a_row_is_deleted_on_its_page_and_written_down(world: World, model: type[Model]) -> None:
    one, other = (model._default_manager.create(name=f"new {n}") for n in (1, 2))
    browser = signed_in(superuser=True)
    many = {"action": "delete_selected", "_selected_action": [one.pk, other.pk], "post": "yes"}
    browser.post(address(model), many)
    browser.post(address(model, "delete", one.pk), {"post": "yes"})
    assert not model._default_manager.filter(pk=one.pk).exists()
    assert model._default_manager.filter(pk=other.pk).exists()
    assert AuditEntry.objects.get(action=Action.ADMIN_DELETED).subject_id == one.pk


def test_a_message_is_read_aloud_by_what_it_says(world: World) -> None:
    browser = signed_in(superuser=True)
    instance = world.rows[ElementInstance][0].pk
    for deed, ids, role in (("disable", [instance], "status"), ("disable", ["x"], "alert")):
        asked = {"action": deed, "_selected_action": ids}
        page = browser.post(address(ElementInstance), asked, follow=True).content.decode()
        assert f'role="{role}"' in page
