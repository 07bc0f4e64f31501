"""A text column that the database holds sealed and the program reads in clear.

The sealed text is bound to its table, row and column (associated data), so that it opens nowhere
else; that is why a row's primary key is known before the row is inserted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import connections, models, router
from django.db.models.expressions import Expression
from django.db.models.query_utils import DeferredAttribute

from encryption.keys import UnsealError, seal, unseal


def context_of(table: str, pk: Any, column: str) -> str:
    """What sealed text is bound to; for those who read a column by raw SQL."""
    return f"{table}:{pk}:{column}"


@dataclass(frozen=True, slots=True)
class Sealed:
    """Sealed text as the database holds it. Not a str, lest it pass for clear text."""

    text: str = field(repr=False)


class SealedAttribute(DeferredAttribute):
    """Opens the stored text when it is first read. Reading raises keys.UnsealError."""

    field: EncryptedTextField

    def __get__(self, instance: models.Model | None, owner: Any = None) -> Any:
        value = super().__get__(instance, owner)
        if instance is None or not isinstance(value, Sealed):
            return value
        clear = unseal(value.text, self.field.context(instance))
        instance.__dict__[self.field.attname] = clear
        return clear

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


if TYPE_CHECKING:
    ClearTextField = models.TextField[str, str]
else:
    ClearTextField = models.TextField


class EncryptedTextField(ClearTextField):
    """Clear text as an attribute, sealed in the database. Only on an EncryptedModel.

    It cannot be filtered by, nor set by `QuerySet.update` or `bulk_update`: those know no row.
    """

    descriptor_class = SealedAttribute

    def context(self, instance: models.Model) -> str:
        return context_of(instance._meta.db_table, instance.pk, str(self.column))

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Sealed | None:
        return None if value is None else Sealed(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = model_instance.__dict__.get(self.attname)
        if isinstance(value, Sealed):
            if add:
                raise ValueError(
                    f"{self.name} was sealed for another row: read it before copying the object"
                )
            return value
        if value is None or isinstance(value, Expression):
            return value
        if model_instance.pk is None:
            raise ValueError(f"{self.name} needs the row's primary key before it is inserted")
        return Sealed(seal(str(value), self.context(model_instance)))

    def get_prep_value(self, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise TypeError(f"{self.name} is encrypted: set it on an object and save that")
        return value.text

    def get_lookup(self, lookup_name: str) -> Any:
        """None but for isnull, which makes Django refuse the filter."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def get_transform(self, lookup_name: str) -> Any:
        return None

    def value_to_string(self, obj: models.Model) -> str:
        raise TypeError(f"{self.name} is encrypted and not serialized: back up with pg_dump")


class SparseEncryptedTextField(EncryptedTextField):
    """For what few rows have: the empty text is NULL in the database, and costs nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "null": True, "default": ""})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["null"], kwargs["default"]
        return name, path, args, kwargs

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return "" if value is None else Sealed(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        empty = model_instance.__dict__.get(self.attname) == ""
        return None if empty else super().pre_save(model_instance, add)

    def get_prep_value(self, value: Any) -> Any:
        return None if value == "" else super().get_prep_value(value)


def opens(row: models.Model, *names: str) -> bool:
    """Return whether each of these encrypted columns of the row can be opened.

    A column that was not loaded, or that holds nothing, does not count.
    """
    try:
        for name in names:
            if name in row.__dict__:
                getattr(row, name)
    except UnsealError:
        return False
    return True


class EncryptedModel(models.Model):
    """A model with EncryptedTextFields. `bulk_create` wants objects that have their pk."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is None:
            using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
            self.pk = next_pk(type(self), using)
            # A new key has no row that an UPDATE could find.
            kwargs["force_insert"] = True
        super().save(*args, **kwargs)


def next_pk(model: type[models.Model], using: str) -> int:
    """The next primary key of a model's own sequence."""
    primary_key = model._meta.pk
    assert primary_key is not None  # noqa: S101 - every concrete model has one
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s))",
            [connections[using].ops.quote_name(model._meta.db_table), primary_key.column],
        )
        return int(cursor.fetchone()[0])
