"""The whole API holds to its description, whatever it is sent.

Schemathesis makes requests out of openapi.json: right ones, and wrong ones of every kind. None is
met with a 5xx, a status or a media type that the description lacks, or a body of another shape.
"""

from __future__ import annotations

import copy
import json
import os
import re
from typing import Any

import pytest
import schemathesis
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from pytest_django import Settings
from rest_framework.test import APIClient
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.provision import NewOrganization, create_organization
from api.documentation import document
from config.wsgi import application
from elements import catalogue
from elements.calls import Change, ChangeType
from elements.presentation import configuration_id
from events.changes import record_changes
from events.models import Event
from instances import provision
from integrations.gmail.sandbox.server import SandboxServer

pytestmark = pytest.mark.django_db(transaction=True)

API = "/elements/api-v2"
PARTS = 6  # of all operations, each a test: they run side by side
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "3"))  # of each operation
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# What a name in a path may stand for: the request that makes one, and where its answer has it.
MADE_BY: dict[str, tuple[str, dict[str, Any], str]] = {
    "account_id": (
        "/accounts",
        {"name": "An account NUMBER", "externalId": "made-NUMBER"},
        "id",
    ),
    "user": (
        "/organizations/users",
        {"email": "another-NUMBER@example.com", "firstName": "A", "lastName": "new user"},
        "id",
    ),
    "key_or_id": ("/elements/gmail/clone", {"name": "A copy NUMBER"}, "key"),
    "bulk_id": ("/bulk/query", {"q": "select * from messages"}, "id"),
    "notification_id": ("/notifications", {"topic": "a topic", "message": "hello"}, "id"),
    "subscription_id": (
        "/notifications/subscriptions",
        {"channel": "webhook", "topics": ["a topic"], "config": {"url": "http://127.0.0.1:9/"}},
        "id",
    ),
}
RESOURCES = {  # of the element, by a method that they have
    "get": "messages",
    "post": "messages",
    "put": "drafts/d1",
    "patch": "settings/vacation",
    "delete": "labels/l1",
}
UNAVAILABLE = 503  # described for when the database is gone; here it would be a fault


@pytest.fixture(autouse=True)
def _product(settings: Settings) -> None:
    """Its endpoints and its tokens, in place of this folder's own."""
    settings.ROOT_URLCONF = "config.urls"


class World:
    """An organization with a connected mailbox and an event; made anew when a request ended it."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self._sandbox = sandbox
        self._made = 0
        self.make()

    def make(self) -> None:
        self._made += 1
        new: NewOrganization = create_organization(
            f"An organization {self._made}", f"user{self._made}@example.com"
        )
        tokens = self._sandbox.control.sign_in()
        wish = provision.Wish(
            name="Mailbox",
            configuration={
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
                "event.notification.enabled": "true",
                "event.notification.callback.url": "http://127.0.0.1:9/",
            },
            consent=provision.Consent(external=True, refresh_token=tokens["refresh_token"]),
        )
        instance = provision.create(new.user, new.organization, catalogue.find("gmail"), wish)
        with transaction.atomic():
            record_changes(
                instance,
                "changed-messages",
                [Change("m1", ChangeType.CREATED, {"subject": "hello"}, "f")],
                timezone.now(),
            )
        self.instance = instance
        self.headers = {
            "Authorization": f"User {new.user_secret}, Organization {new.organization_secret}, "
            f"Element {instance.token}"
        }
        self.in_paths: dict[str, Any] = {
            "instance_id": instance.pk,
            "event_id": Event.objects.get(instance=instance).pk,
            "row_id": configuration_id("event.poller.refresh_interval"),
            "element": "gmail",
            "operation_id": "getLabels",
        }

    def another_mailbox(self) -> dict[str, Any]:
        """The body that connects it."""
        return {
            "name": "Another mailbox",
            "element": {"key": "gmail"},
            "externalAuthentication": "initial",
            "configuration": {
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
                "oauth.user.refresh_token": self._sandbox.control.sign_in()["refresh_token"],
            },
            "retrieveObjectsAfterInstantiation": True,
        }

    def mend(self) -> None:
        """Makes another organization where the last operation took the access away."""
        answer = APIClient(headers=self.headers).get(f"{API}/instances/{self.instance.pk}")
        if answer.status_code != 200 or answer.json()["disabled"]:
            self.make()

    def found_at(self, name: str, example: Any) -> Any:
        """Something that is there, by its name in a path; made by the API where it takes no more
        than one request."""
        if name in self.in_paths:
            return self.in_paths[name]
        if name not in MADE_BY:
            return example
        path, body, key = MADE_BY[name]
        self._made += 1
        filled = json.loads(json.dumps(body).replace("NUMBER", str(self._made)))
        answer = APIClient(headers=self.headers).post(f"{API}{path}", filled, format="json")
        assert answer.status_code == 200, answer.content
        return answer.json()[key]


def closed_document() -> dict[str, Any]:
    """The description, of which answers may have no property more than their shapes name."""
    described: dict[str, Any] = copy.deepcopy(document())
    described.pop("servers")
    described["paths"] = {f"{API}{path}": item for path, item in described["paths"].items()}
    shapes = described["components"]["schemas"]
    asked = referred(
        [
            operation.get("requestBody")
            for item in described["paths"].values()
            for operation in item.values()
        ],
        shapes,
    )
    for name, shape in shapes.items():
        if name not in asked and shape.get("type") == "object":
            shape.setdefault("additionalProperties", False)
    return described


def referred(value: Any, shapes: dict[str, Any]) -> set[str]:
    """The names of the shapes that a value refers to, and of those that they refer to."""
    waiting = [value]
    found: set[str] = set()
    while waiting:
        names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(waiting.pop())))
        waiting += [shapes[name] for name in names - found]
        found |= names
    return found


def operations() -> list[Any]:
    schema = schemathesis.openapi.from_dict(closed_document())
    schema.app = application
    found = list(schema.get_all_operations())
    assert all(isinstance(one, Ok) for one in found)
    return [one.ok() for one in found if isinstance(one, Ok)]


def requests_of(operation: Any, world: World) -> st.SearchStrategy[Any]:
    """Right requests and wrong ones, most of them about what is there."""
    strategies = [operation.as_strategy(GenerationMode.POSITIVE)]
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE, GenerationMode.NEGATIVE):
        try:
            strategies.append(
                operation.as_strategy(mode, path_parameters=in_path(operation, world))
            )
        except Unsatisfiable:
            continue  # nothing in it can be wrong
    return st.one_of(strategies)


def in_path(operation: Any, world: World) -> dict[str, Any]:
    """What is there, by the names in the operation's path."""
    examples = {
        parameter["name"]: parameter["example"]
        for parameter in operation.definition.raw["parameters"]
        if parameter["in"] == "path"
    }
    if "path" in examples:
        examples["path"] = RESOURCES[operation.method.lower()]
    return {name: world.found_at(name, example) for name, example in examples.items()}


def faults_of(case: Any, world: World) -> list[str]:
    case.headers = {**(case.headers or {}), **world.headers}
    answer = case.call()
    faults = ["503"] if answer.status_code == UNAVAILABLE else []
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as group:
        faults += [f"{failure.title}: {failure.message[:400]}" for failure in group.exceptions]
    return [f"{fault}\n{case.as_curl_command()}" for fault in faults]


def with_example(operation: Any, world: World) -> Any:
    """The request that the description itself gives as an example."""
    described = operation.definition.raw
    case = operation.Case(
        path_parameters=in_path(operation, world),
        query={
            parameter["name"]: parameter["example"]
            for parameter in described["parameters"]
            if parameter["in"] == "query" and parameter.get("required") and "example" in parameter
        },
    )
    for media_type, content in described.get("requestBody", {}).get("content", {}).items():
        case.body, case.media_type = content["example"], media_type
        break
    if operation.label == f"POST {API}/instances":
        case.body = world.another_mailbox()  # the code of the example is nobody's
    return case


def faults_found(operation: Any, world: World) -> list[str]:
    """What is wrong with the answers to the example and to made requests."""
    world.mend()
    found = faults_of(with_example(operation, world), world)
    world.mend()

    @hypothesis_settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests_of(operation, world))
    def ask(case: Any) -> None:
        found.extend(faults_of(case, world))

    ask()
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_every_answer_is_as_described(part: int, sandbox: SandboxServer) -> None:
    world = World(sandbox)
    faults = {
        operation.label: faults_found(operation, world) for operation in operations()[part::PARTS]
    }

    assert len(faults) > 10
    lines = [f"{label}\n{fault}" for label, found in faults.items() for fault in found]
    assert not lines, "\n\n".join(lines)
