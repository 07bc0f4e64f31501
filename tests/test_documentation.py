"""What the pages for people promise is what there is: settings, endpoints, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from api.openapi import Enumerator
from elements import catalogue
from elements.types import OAuth2, Setting

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
METHODS = ("get", "post", "put", "patch", "delete")
READ = re.compile(
    r"""(?:env\.\w+|required_in_production|environ\.get)\(\s*["']([A-Z][A-Z_]+)["']"""
)


def sources(*folders: str) -> str:
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return "\n".join(file.read_text() for file in files if "tests" not in file.parts)


def settings_that_are_read() -> set[str]:
    found = set(READ.findall(sources("platform", "integrations"))) - {"PATH"}  # the system's
    for element in catalogue.all_elements():
        if (ROOT / "integrations" / element.key / "element.json").exists():
            continue  # documented for all of them together, as <KEY>_BASE_URL and the like
        addresses: list[Setting | None] = [element.base_url]
        if isinstance(oauth := element.authentication, OAuth2):
            addresses += [oauth.authorization_url, oauth.token_url, oauth.revoke_url]
        found |= {setting.variable for setting in addresses if setting is not None}
    return found


def settings_that_are_documented() -> set[str]:
    rows = re.findall(r"^\| (`[^|]*) \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def test_every_setting_is_documented() -> None:
    assert settings_that_are_read() - settings_that_are_documented() == set()


def test_every_documented_setting_is_read_somewhere() -> None:
    places = sources("platform", "integrations", "demo") + (ROOT / "Procfile").read_text()
    assert {name for name in settings_that_are_documented() if name not in places} == set()


def endpoints_that_exist() -> set[tuple[str, str]]:
    """(method, path) of the API, each parameter of a path as {}."""
    return {
        (method.upper(), path)
        for path, view in _below_api(get_resolver())
        for method in METHODS
        if hasattr(view, method)
    }


def _below_api(resolver: URLResolver) -> Iterator[tuple[str, type]]:
    enumerator = Enumerator(None, "config.urls")
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver) and str(entry.pattern) == "elements/api-v2/":
            for route in entry.url_patterns:
                assert isinstance(route, URLPattern)
                path = enumerator.get_path_from_regex(str(route.pattern))
                view: type = vars(route.callback)["cls"]
                yield re.sub(r"\{\w+\}", "{}", path), view


def endpoints_that_are_documented() -> set[tuple[str, str]]:
    page = (ROOT / "docs" / "api.md").read_text()
    written = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^` ]*)`", page)
    return {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in written}


def test_every_endpoint_is_documented_and_the_other_way_round() -> None:
    scoped = "/elements/{}"  # documented in one sentence
    exist = {
        (method, path.removeprefix(scoped) if "/instances" in path else path)
        for method, path in endpoints_that_exist()
    }
    assert ("GET", "/instances/{}/configuration/{}") in exist
    assert endpoints_that_are_documented() == exist


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
