"""`manage.py create_organization`"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.provision import AccountError, create_organization


class Command(BaseCommand):
    help = "Creates an organization with its first user and prints their secrets, this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the organization's name")
        parser.add_argument("--email", required=True, help="what the user signs in with")
        parser.add_argument("--password", help="without it the user cannot sign in to the pages")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--superuser",
            action="store_true",
            help="the user administers the whole installation, at /admin/",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = create_organization(
                options["name"],
                options["email"],
                options["password"],
                superuser=options["superuser"],
            )
        except AccountError as error:
            raise CommandError(str(error)) from error
        answer = {
            "organizationId": made.organization.pk,
            "organizationSecret": made.organization_secret,
            "userId": made.user.pk,
            "userSecret": made.user_secret,
        }
        if options["json"]:
            self.stdout.write(json.dumps(answer))
            return
        self.stdout.write(f"organization id      {answer['organizationId']}")
        self.stdout.write(f"organization secret  {answer['organizationSecret']}")
        self.stdout.write(f"user id              {answer['userId']}")
        self.stdout.write(f"user secret          {answer['userSecret']}")
        self.stdout.write("Keep the secrets: they are stored as digests and not shown again.")
