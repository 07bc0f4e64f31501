"""`manage.py rotate_secret`"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Organization, User
from accounts.provision import rotate_organization_secret, rotate_user_secret


class Command(BaseCommand):
    help = "Gives a user or an organization a new secret and prints it; the old one ends at once."

    def add_arguments(self, parser: CommandParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--user", metavar="E-MAIL", help="the user's e-mail address")
        whose.add_argument("--organization", type=int, metavar="ID", help="the organization's id")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["user"] is not None:
            self.stdout.write(self._of_user(options["user"]))
        else:
            self.stdout.write(self._of_organization(options["organization"]))

    def _of_user(self, address: str) -> str:
        try:
            return rotate_user_secret(User.objects.get_by_natural_key(address))
        except User.DoesNotExist as error:
            raise CommandError(f"--user: there is no user with the address {address}") from error
        except User.MultipleObjectsReturned as error:
            raise CommandError(
                f"--user: users of several organizations have the address {address}, and none has "
                "verified it: give one a new secret in the admin"
            ) from error

    def _of_organization(self, organization_id: int) -> str:
        organization = Organization.objects.filter(pk=organization_id).first()
        if organization is None:
            raise CommandError(f"--organization: there is none with the id {organization_id}")
        return rotate_organization_secret(organization)
