"""The webhook of a repository, as an instance has it registered and removed.

It is found by the address that it sends to, which names the instance, so that a second start makes
no second one. https://docs.github.com/en/rest/repos/webhooks
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elements.calls import WatchCall, Watched
from elements.errors import ConfigurationError
from integrations.github.api import (
    REPOSITORY,
    get,
    path_of,
    records_of,
    repository_of,
    request,
)
from integrations.github.webhook import EVENTS
from transport.errors import MalformedAnswer, ProviderError
from transport.types import QueryValue, Response, Steps

PAGE = 100
MOST_PAGES = 10  # GitHub has at most 20 webhooks of one event


def wanted(configuration: Mapping[str, str]) -> bool:
    """Without a repository there is nothing to register: people may do so themselves."""
    return bool(configuration.get(REPOSITORY, "").strip())


def start(call: WatchCall) -> Steps[Watched]:
    """Registers it, or sets right what is there. In another repository than before, it moves.

    Raises ConfigurationError where the account may not, and ProviderError.
    """
    repository = repository_of(call.configuration)
    before = call.state.get("repository")
    if isinstance(before, str) and before != repository:
        yield from _remove(before, call.callback_url)
    try:
        ours = yield from _ours(repository, call.callback_url)
    except ProviderError as error:
        raise _explained(error, repository) from error
    for hook in ours[1:]:  # whoever ran the start before was killed, and so was who did it again
        yield from _delete(repository, hook)
    body = {
        "active": True,
        "events": list(EVENTS),
        "config": {
            "url": call.callback_url,
            "content_type": "json",
            "secret": call.secret,
            "insecure_ssl": "0",
        },
    }
    path = path_of(repository, "/hooks")
    response: Response
    if ours:
        response = yield request("PATCH", f"{path}/{_id(ours[0])}", json=body)
    else:
        response = yield request("POST", path, json={"name": "web", **body})
    return Watched({"repository": repository, "hook": _id(response.object())})


def stop(call: WatchCall) -> Steps[None]:
    """Removes it where it was registered, and where it may have been. Raises ProviderError."""
    configured = call.configuration.get(REPOSITORY, "").strip()
    for repository in dict.fromkeys((call.state.get("repository"), configured)):
        if isinstance(repository, str) and repository:
            yield from _remove(repository, call.callback_url)


def _remove(repository: str, url: str) -> Steps[None]:
    """Removes it, if it is there. What the account can't reach any more is left where it is."""
    try:
        for hook in (yield from _ours(repository, url)):
            yield from _delete(repository, hook)
    except ProviderError as error:
        if error.status not in (403, 404, 410, 451) or error.is_rate_limit:
            raise


def _ours(repository: str, url: str) -> Steps[list[dict[str, Any]]]:
    """The repository's webhooks that send to `url`."""
    found: list[dict[str, Any]] = []
    query: Mapping[str, QueryValue] = {"per_page": PAGE}
    for _ in range(MOST_PAGES):
        response = yield from get(path_of(repository, "/hooks"), query)
        for hook in records_of(response):
            config = hook.get("config")
            if isinstance(config, dict) and config.get("url") == url:
                found.append(hook)
        if not response.next_query:
            break
        query = {**response.next_query}
    return found


def _delete(repository: str, hook: Mapping[str, Any]) -> Steps[None]:
    response: Response = yield request("DELETE", path_of(repository, f"/hooks/{_id(hook)}"))
    if response.status != 404:
        response.raise_for_status()


def _id(hook: Mapping[str, Any]) -> int:
    id_ = hook.get("id")
    if isinstance(id_, bool) or not isinstance(id_, int):
        raise MalformedAnswer("a webhook of GitHub's has no usable id")
    return id_


def _explained(error: ProviderError, repository: str) -> Exception:
    """GitHub says of a repository that may not be administered that there is none."""
    if error.status not in (403, 404) or error.is_rate_limit:
        return error
    return ConfigurationError(
        f"configuration.{REPOSITORY}",
        f"{repository} isn't there, or the account may not administer its webhooks "
        f"({error.provider_message})",
    )
