"""Finds the elements that everybody has: those in integrations/ and in the operator's own folders.

An element is a folder with an `element.py` that has an `ELEMENT`, or with an `element.json`, a
definition as accounts send it, with the element's `id`. Beside `integrations/`, each
folder named in the setting INTEGRATIONS_DIRS is looked through, so that a team adds an element
without changing the platform. Such a folder's modules may import each other relatively; nothing
is put on `sys.path` for it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from elements import standard
from elements.types import Element, OAuth2, Setting

KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
FIRST_PRIVATE_ID = 1_000_000_000


class BrokenElementError(ImproperlyConfigured):
    """An element that cannot be used; the message names its file."""


def elements() -> dict[str, Element]:
    """Every one of them by its key, in the order of the keys. Raises BrokenElementError."""
    return _load(settings.BASE_DIR, tuple(settings.INTEGRATIONS_DIRS))


def address(setting: Setting) -> str:
    """Where a provider lives: the Django setting or environment variable, or the real address.

    Without a trailing slash. Raises ImproperlyConfigured when it is not an http(s) URL.
    """
    url = (operators(setting.variable) or setting.default).strip().rstrip("/")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        usable = False
    if not usable:
        raise ImproperlyConfigured(
            f"{setting.variable or url} must be an address such as https://api.example.com"
        )
    return url


def operators(variable: str) -> str:
    """What the operator has set: the Django setting or environment variable; empty if nothing."""
    if not variable:
        return ""
    return str(getattr(settings, variable, None) or os.environ.get(variable) or "").strip()


@lru_cache(maxsize=8)
def _load(base: Path, further: tuple[str, ...]) -> dict[str, Element]:
    folders = [Path(base, folder) for folder in ("integrations", *further)]
    found: dict[str, tuple[Element, Path]] = {}
    ids: dict[int, Path] = {}
    for place, folder in enumerate(folders):
        if not folder.is_dir():
            raise BrokenElementError(f"INTEGRATIONS_DIRS names {folder}, which is not a folder")
        for file in sorted(_files(folder)):
            element = _element_in(file, built_in=place == 0)
            if element.key in found:
                raise BrokenElementError(
                    f"{file}: the key {element.key} is taken by {found[element.key][1]}"
                )
            if element.id in ids:
                raise BrokenElementError(
                    f"{file}: the id {element.id} is taken by {ids[element.id]}"
                )
            found[element.key] = (element, file)
            ids[element.id] = file
    return {key: found[key][0] for key in sorted(found)}


def _files(folder: Path) -> Iterator[Path]:
    """The file of each element; where there are both, the JSON is for the Python to read."""
    yield from folder.glob("*/element.py")
    for file in folder.glob("*/element.json"):
        if not file.with_suffix(".py").exists():
            yield file


def _element_in(file: Path, *, built_in: bool) -> Element:
    try:
        element: object
        if file.suffix == ".json":
            element = declared(file)
        else:
            element = getattr(_module_of(file, built_in=built_in), "ELEMENT", None)
    except Exception as error:
        raise BrokenElementError(f"{file} cannot be loaded: {error!r}") from error
    if not isinstance(element, Element):
        raise BrokenElementError(f"{file} has no ELEMENT of the type elements.types.Element")
    if not KEY.fullmatch(element.key):
        raise BrokenElementError(f"{file}: the key {element.key!r} must match {KEY.pattern}")
    if not 0 < element.id < FIRST_PRIVATE_ID:
        raise BrokenElementError(
            f"{file}: the id must be a number from 1 to {FIRST_PRIVATE_ID - 1}"
        )
    names = [name for resource in element.resources for name in (resource.name, *resource.aliases)]
    if len(names) != len(set(names)):
        raise BrokenElementError(f"{file}: two resources have the same name or alias")
    return element


def declared(file: Path) -> Element:
    """Return the element of a definition in a file. Raises ConfigurationError and ValueError.

    An operator moves each of its addresses by a variable of the element's name, such as
    GOOGLE_CALENDAR_BASE_URL.
    """
    from elements import definition  # it asks this module what it extends

    read = json.loads(file.read_bytes())
    key = definition.key_of(read)
    element = definition.element(
        read,
        id=int(read.get("id", 0)),
        key=key,
        active=read.get("active", True) is not False,
        organization_id=None,
    )
    return _movable(element)


def _movable(element: Element) -> Element:
    prefix = re.sub(r"[^A-Z0-9]", "_", element.key.upper())
    moved = {
        standard.BASE_URL: "BASE_URL",
        standard.AUTHORIZATION_URL: "AUTHORIZATION_URL",
        standard.TOKEN_URL: "TOKEN_URL",
        standard.REFRESH_URL: "REFRESH_URL",
        standard.REVOKE_URL: "REVOKE_URL",
    }
    settings_of = {
        one.key: Setting(f"{prefix}_{moved[one.key]}", one.default.rstrip("/"))
        for one in element.configuration
        if one.key in moved and one.default and "${" not in one.default
    }
    fields = tuple(
        replace(one, default=None, setting=settings_of[one.key]) if one.key in settings_of else one
        for one in element.configuration
    )
    oauth = element.authentication
    if isinstance(oauth, OAuth2):
        oauth = replace(
            oauth,
            authorization_url=settings_of.get(standard.AUTHORIZATION_URL, oauth.authorization_url),
            token_url=settings_of.get(standard.TOKEN_URL, oauth.token_url),
            refresh_url=oauth.refresh_url and settings_of.get(standard.REFRESH_URL),
            revoke_url=settings_of.get(standard.REVOKE_URL, oauth.revoke_url),
        )
    return replace(
        element,
        base_url=settings_of.get(standard.BASE_URL, element.base_url),
        authentication=oauth,
        configuration=fields,
    )


def _module_of(file: Path, *, built_in: bool) -> ModuleType:
    if built_in:
        return importlib.import_module(f"integrations.{file.parent.name}.element")
    package = _package_of(file.parent)
    return importlib.import_module(f"{package}.element")


def _package_of(folder: Path) -> str:
    """Makes a package of a folder outside the project, under a name that nothing else has."""
    name = f"periodic_element_{sha256(str(folder.resolve()).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return name
    initial = folder / "__init__.py"
    spec: ModuleSpec | None = ModuleSpec(name, None, is_package=True)
    if initial.is_file():
        spec = importlib.util.spec_from_file_location(
            name, initial, submodule_search_locations=[str(folder)]
        )
    elif spec is not None:
        spec.submodule_search_locations = [str(folder)]
    if spec is None:
        raise ImportError(f"{folder} cannot be made a package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if spec.loader is not None:
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return name
