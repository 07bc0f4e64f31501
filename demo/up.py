"""`make up`: every service in the foreground until Ctrl-C, under honcho."""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading

from honcho.manager import Manager

from demo.processes import (
    MARK,
    ROOT,
    TOPIC,
    Places,
    ServiceError,
    end_all,
    kept_in,
    manage,
    only_start,
    procfile,
    require_free,
    wait_until_ready,
)
from integrations.gmail.sandbox.stand_in import DEFAULT_CLIENT

EMAIL = "admin@example.com"
INTERRUPTED = 130  # what honcho returns after Ctrl-C


def places_from_environment() -> Places:
    """Raises ServiceError when a port is none."""
    sandbox_port = _port("SANDBOX_PORT", "8025")
    client_id, client_secret = DEFAULT_CLIENT
    return Places(
        var=kept_in(),
        web_port=_port("PORT", "8000"),
        sandbox_port=sandbox_port,
        more={
            "SANDBOXES": f"gmail=http://127.0.0.1:{sandbox_port}",
            "GMAIL_CLIENT_ID": client_id,
            "GMAIL_CLIENT_SECRET": client_secret,
            "GMAIL_PUBSUB_TOPIC": TOPIC,
        },
    )


def _port(variable: str, default: str) -> int:
    text = os.environ.get(variable) or default
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65_535):
        raise ServiceError(f"{variable} must be a port from 1 to 65535, not {text!r}")
    return int(text)


def prepare(places: Places) -> list[str]:
    """Ends leftovers, checks the ports, migrates; returns the lines that greet the person."""
    leftovers = end_all(places)
    if leftovers:
        sys.stdout.write(f"ended {leftovers} processes that an earlier start left running\n")
    require_free(places.web_port, "PORT")
    require_free(places.sandbox_port, "SANDBOX_PORT")
    sys.stdout.write("starting the database and bringing it up to date …\n")
    sys.stdout.flush()
    manage(places, "migrate", "--verbosity", "0")
    created = first_organization(places)
    return greeting(places, created, inbox_of_first(places))


def first_organization(places: Places) -> dict[str, str] | None:
    """Creates the organization at the first start only: its secrets cannot be shown again."""
    asked = "from accounts.models import User; print(User.objects.exists())"
    if manage(places, "shell", "--verbosity", "0", "--command", asked).strip() == "True":
        return None
    password = secrets.token_urlsafe(9)
    printed = manage(
        places, "create_organization", "My organization", "--email", EMAIL,
        "--password", password, "--superuser", "--json",
    )  # fmt: skip
    return {**json.loads(printed), "password": password}


def inbox_of_first(places: Places) -> str:
    """Return the inbox of the first organization's default account, as a URL.

    Empty where somebody has deleted that organization.
    """
    asked = (
        "from accounts.models import Account; from inbox.addresses import inbox_url; "
        "first = Account.objects.filter(is_default=True).order_by('organization')[:1]; "
        "print(*map(inbox_url, first))"
    )
    return manage(places, "shell", "--verbosity", "0", "--command", asked).strip()


def greeting(places: Places, created: dict[str, str] | None, inbox: str) -> list[str]:
    lines = [
        "",
        f"  Console   {places.web}/",
        f"  Admin     {places.web}/admin/",
        f"  API       {places.api}/",
        f"  Sandbox   {places.sandbox}/   stands in for Google, pushes included; client id",
        "            sandbox-client, client secret sandbox-secret; deliver mail on its page",
        f"  Inbox     {places.web}/inbox   shows each event that is sent to its callback URL:",
        f"            {inbox}",
        "",
    ]
    if created is None:
        return [
            *lines,
            f"  Sign in as {EMAIL} with the password of the first start. Lost it, or a secret?",
            f"  .venv/bin/python manage.py changepassword {EMAIL}",
            f"  .venv/bin/python manage.py rotate_secret --user {EMAIL}",
            "",
        ]
    user, organization = created["userSecret"], created["organizationSecret"]
    authorization = f"User {user}, Organization {organization}"
    return [
        *lines,
        "  The header of API calls:",
        f"  Authorization: {authorization}",
        "",
        f"  Sign in   {EMAIL}   password {created['password']}",
        "            Save these now: they cannot be shown again. Then click",
        "            Try it with the sandbox, on the card of Gmail.",
        "",
    ]


def announce(places: Places, greet: list[str]) -> None:
    try:
        wait_until_ready(places)
    except ServiceError as error:
        greet = [f"not everything started: {error}"]
    sys.stdout.write("\n".join(greet) + "\n")
    sys.stdout.flush()


def run(places: Places, greet: list[str]) -> int:
    """Runs until Ctrl-C or until one of the processes ends; none is left behind."""
    manager = Manager()
    for name, command in procfile().items():
        manager.add_process(name, command, env=places.environment(), cwd=str(ROOT))
    threading.Thread(target=announce, args=(places, greet), daemon=True).start()
    try:
        manager.loop()
    finally:
        end_all(places)
    return 0 if manager.returncode == INTERRUPTED else 1


def mark_this_process(places: Places) -> None:
    """Starts this program anew with the mark in its environment, for honcho's processes inherit
    it: should this one be killed, the next start finds them all."""
    if os.environ.get(MARK) != str(places.var):
        os.execve(  # noqa: S606 - this very program
            sys.executable, sys.orig_argv, {**os.environ, MARK: str(places.var)}
        )


def main() -> int:
    try:
        places = places_from_environment()
        mark_this_process(places)
        with only_start(places):
            return run(places, prepare(places))
    except ServiceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:  # before the services were started
        end_all(places)
        return 0


if __name__ == "__main__":
    sys.exit(main())
