"""Rows whose every change by a person is written down, whichever use case saves them.

Each room says which of its models these are (its `audited.py`). Rows that are changed by a
statement (`update`, SQL) pass by here: who writes one calls audit.record by hand, and the test of
all endpoints and pages (tests/audit) finds who forgot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_save

from audit import actor
from audit.models import Action
from audit.record import acts, record
from encryption.keys import UnsealError

Row = TypeVar("Row", bound=Model)
Changes = dict[str, Any]
BEFORE = "_audit_before"
LONGEST_VALUE = 200  # characters of a value that is shown


@dataclass(frozen=True, slots=True)
class Subject(Generic[Row]):
    """How a model's rows are written down.

    `shown` are columns whose values may be read; of `named` ones only the name is kept, and of
    `keyed` ones, which hold JSON objects, only the names of the keys that changed. A change of no
    action is not written down.
    """

    kind: str
    organization: Callable[[Row], int | None]
    account: Callable[[Row], int | None]  # that the row belongs to; None: the whole organization
    created: Action
    deleted: Action
    changed: Callable[[Row, Changes], Action | None]  # may take from the changes what it says
    shown: Sequence[str] = ()
    named: Sequence[str] = ()
    keyed: Sequence[str] = ()
    id: Callable[[Row], int | None] = lambda row: row.pk
    name: Callable[[Row], str] = lambda row: ""
    instance: Callable[[Row], int | None] = lambda row: None
    details: Callable[[Row], Changes] = lambda row: {}
    matters: Callable[[Row], bool] = lambda row: True  # whether making and deleting does

    @property
    def columns(self) -> set[str]:
        return {*self.shown, *self.named, *self.keyed}


def watch(model: type[Row], subject: Subject[Row]) -> None:
    """Writes down what people change in a model's rows, from now on."""

    def remember(sender: type[Row], instance: Row, raw: bool = False, **told: Any) -> None:
        before: Row | None = None
        if not instance._state.adding and _touches(subject, told.get("update_fields")) and acts():
            before = sender._base_manager.filter(pk=instance.pk).first()
        setattr(instance, BEFORE, before)

    def saved(sender: type[Row], instance: Row, created: bool, **told: Any) -> None:
        if created:
            if subject.matters(instance):
                _write(subject, subject.created, instance, subject.details(instance))
            return
        before = getattr(instance, BEFORE, None)
        if before is None:
            return
        changes = _differences(subject, before, instance, told.get("update_fields"))
        action = subject.changed(instance, changes) if changes else None
        if action is not None:
            _write(subject, action, instance, changes)

    def gone(sender: type[Row], instance: Row, **_: Any) -> None:
        if subject.matters(instance):
            _write(subject, subject.deleted, instance, subject.details(instance))

    watched[model] = subject
    name = f"audit.{model._meta.label_lower}"
    pre_save.connect(remember, sender=model, weak=False, dispatch_uid=f"{name}.remember")
    post_save.connect(saved, sender=model, weak=False, dispatch_uid=f"{name}.saved")
    post_delete.connect(gone, sender=model, weak=False, dispatch_uid=f"{name}.gone")


watched: dict[type[Model], Subject[Any]] = {}


def _touches(subject: Subject[Any], update_fields: Any) -> bool:
    return update_fields is None or not subject.columns.isdisjoint(update_fields)


def _differences(subject: Subject[Row], before: Row, after: Row, update_fields: Any) -> Changes:
    def saved(columns: Sequence[str]) -> list[str]:
        written = [name for name in columns if update_fields is None or name in update_fields]
        return [name for name in written if _read(before, name) != _read(after, name)]

    changes: Changes = {
        name: [_value(getattr(before, name)), _value(getattr(after, name))]
        for name in saved(subject.shown)
    }
    changes |= dict.fromkeys(saved(subject.named))
    for name in saved(subject.keyed):
        old, new = _object(_read(before, name)), _object(_read(after, name))
        differing = [key for key in old | new if old.get(key) != new.get(key)]
        changes |= dict.fromkeys(sorted(differing))
    return changes


def _read(row: Row, name: str) -> Any:
    """What a column holds; as it is stored where it cannot be opened."""
    try:
        return getattr(row, name)
    except UnsealError:
        return row.__dict__[name]


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return (value if isinstance(value, str) else json.dumps(value))[:LONGEST_VALUE]


def _object(value: Any) -> dict[str, Any]:
    read = json.loads(value) if isinstance(value, str) else value
    return read if isinstance(read, dict) else {}


def _write(subject: Subject[Row], action: Action, row: Row, changes: Changes) -> None:
    if actor.current() is None:
        return  # before anything of the row is asked for
    record(
        action,
        subject.organization(row),
        subject.kind,
        subject.id(row),
        subject.name(row),
        account_id=subject.account(row),
        instance_id=subject.instance(row),
        changes=changes,
    )
