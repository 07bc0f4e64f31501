"""The webhook at the repository: registered once, moved, removed, whatever was there before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from elements.calls import WatchCall, Watched
from elements.errors import ConfigurationError
from integrations.github import repository_hook
from integrations.github.sandbox.server import SandboxServer
from integrations.github.sandbox.world import DEFAULT_REPOSITORY
from integrations.sandbox.faults import Fault, Match
from transport import sync
from transport.errors import ProviderError
from transport.types import Account

URL = "https://periodic.example/elements/api-v2/events/github/Nw=="
HOOKS = f"/repos/{DEFAULT_REPOSITORY}/hooks"


@dataclass(frozen=True)
class Token:
    token: str

    def access_token(self) -> str:
        return self.token

    def refresh(self, rejected: str) -> str:
        raise NotImplementedError

    async def arefresh(self, rejected: str) -> str:
        raise NotImplementedError


@pytest.fixture
def account(github: SandboxServer) -> Account:
    return Account(github.url, Token(github.state.world.token()))


def call(repository: str = DEFAULT_REPOSITORY, watched: Watched | None = None) -> WatchCall:
    configuration = {"github.repository": repository}
    return WatchCall(configuration, URL, "a secret", {} if watched is None else watched.state)


@pytest.fixture
def start(account: Account) -> Callable[[WatchCall], Watched]:
    return lambda call: sync.run(repository_hook.start(call), account)


@pytest.fixture
def stop(account: Account) -> Callable[[WatchCall], None]:
    return lambda call: sync.run(repository_hook.stop(call), account)


Start = Callable[[WatchCall], Watched]
Stop = Callable[[WatchCall], None]


def test_it_is_made_once_and_set_right(github: SandboxServer, start: Start) -> None:
    hooks = github.state.world.repository().hooks
    first = start(call())
    hooks[first.state["hook"]] |= {"active": False, "events": ["push"]}

    again = start(call())

    assert again == first
    [hook] = hooks.values()
    assert hook["active"]
    assert hook["events"] == ["issues", "issue_comment", "pull_request", "push"]
    assert hook["config"] == {
        "url": URL, "content_type": "json", "secret": "a secret", "insecure_ssl": "0",
    }  # fmt: skip


def test_a_start_whose_answer_was_lost_makes_no_second_one(
    github: SandboxServer, start: Start
) -> None:
    lost = Fault(status=502, after=True)
    github.state.faults.add(Match(path=HOOKS, method="POST"), lost, 1)
    with pytest.raises(ProviderError):
        start(call())

    start(call())

    assert len(github.state.world.repository().hooks) == 1


def test_others_webhooks_are_left_alone(github: SandboxServer, start: Start, stop: Stop) -> None:
    world = github.state.world
    for number in range(40):  # more than a page of the sandbox has, were it not asked for 100
        config = {"config": {"url": f"{URL}{number}"}}
        world.add_hook(world.repository(), config)
    start(call())
    stop(call())
    stop(call())

    assert len(world.repository().hooks) == 40


def test_it_moves_to_another_repository(github: SandboxServer, start: Start, stop: Stop) -> None:
    world = github.state.world
    other = world.add_repository("octocat/another")
    first = start(call())

    moved = start(call("octocat/another", first))

    assert not world.repository().hooks
    assert [*other.hooks] == [moved.state["hook"]]
    stop(call("octocat/nothing", moved))  # configured anew, and never started there
    assert not other.hooks


def test_a_repository_that_is_gone_keeps_nobody_from_moving(
    github: SandboxServer, start: Start, stop: Stop
) -> None:
    world = github.state.world
    first = start(call())
    del world.repositories[DEFAULT_REPOSITORY]
    stop(call(watched=first))
    other = world.add_repository("octocat/another")

    start(call("octocat/another", first))

    assert len(other.hooks) == 1


def test_a_repository_that_the_account_may_not_administer_is_named(start: Start) -> None:
    with pytest.raises(ConfigurationError) as raised:
        start(call("octocat/nothing"))
    assert str(raised.value).startswith(
        "configuration.github.repository: octocat/nothing isn't there, or the account may not"
    )


def test_a_failure_of_githubs_is_tried_again(
    github: SandboxServer, start: Start, stop: Stop
) -> None:
    first = start(call())
    github.state.faults.add(Match(path=HOOKS, method="DELETE"), Fault(status=500), 1)
    with pytest.raises(ProviderError):
        stop(call(watched=first))
    stop(call(watched=first))
    assert not github.state.world.repository().hooks


@pytest.fixture
def limited(github: SandboxServer) -> None:
    """GitHub's secondary limit: neither the status nor a header tells it from a refusal."""
    said = "You have exceeded a secondary rate limit. Please wait a few minutes."
    github.state.faults.add(Match(path=HOOKS), Fault(status=403, message=said), 1)


def test_a_limit_is_no_fault_of_the_configuration(limited: None, start: Start) -> None:
    with pytest.raises(ProviderError) as raised:
        start(call())
    assert (raised.value.is_rate_limit, raised.value.retry_after) == (True, 60.0)


def test_a_stop_under_a_limit_is_no_success(
    github: SandboxServer, limited: None, start: Start, stop: Stop
) -> None:
    with pytest.raises(ProviderError):
        start(call())
    first = start(call())
    said = "You have triggered an abuse detection mechanism."
    github.state.faults.add(Match(path=HOOKS), Fault(status=403, message=said), 1)

    with pytest.raises(ProviderError):
        stop(call(watched=first))
    assert github.state.world.repository().hooks

    stop(call(watched=first))
    assert not github.state.world.repository().hooks
