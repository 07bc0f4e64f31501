"""What pages share on which a person sets a new password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.validators import MaxLengthValidator
from django.db import transaction
from django.http import HttpResponse
from django.views.generic import FormView

from accounts.models import User
from accounts.provision import LONGEST_PASSWORD


class SetsPassword(FormView[Any]):
    """Goes before the view of Django's that sets it."""

    def get_form(self, form_class: Any = None) -> Any:
        """Says what a new password must be, and refuses one that would take long to hash."""
        form = super().get_form(form_class)
        form.label_suffix = ""
        first, second = form.fields["new_password1"], form.fields["new_password2"]
        first.help_text = " ".join(filter(None, password_validators_help_texts()))
        second.label, second.help_text = "New password, again", ""
        for field in (first, second):
            field.validators.append(MaxLengthValidator(LONGEST_PASSWORD))
        return form

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            answer = super().form_valid(form)
            self.password_set(form.user)
        return answer

    def password_set(self, person: User) -> None:
        """What comes with it, in its transaction."""
        raise NotImplementedError
