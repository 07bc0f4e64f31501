"""What there is at this GitHub: users, applications, one repository's contents. In memory.

Every change is dated by `now`, to the second as GitHub does, and told to the webhooks.
"""

from __future__ import annotations

import hmac
import itertools
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
DEFAULT_CLIENT = ("sandbox-client", "sandbox-secret")
DEFAULT_REPOSITORY = "octocat/hello-world"
USER: Json = {"id": 1, "login": "octocat", "type": "User"}
LIMIT = 5_000  # requests of an hour


@dataclass(frozen=True)
class Code:
    """An authorization code that was not exchanged yet."""

    client_id: str
    redirect_uri: str
    scope: str
    challenge: str = ""


@dataclass
class Repository:
    """Issues and pull requests share their numbers; `heads` are the branches' commits, `first` is
    the one that was there before anybody pushed."""

    full_name: str
    id: int
    first: Json
    issues: dict[int, Json] = field(default_factory=dict)
    comments: dict[int, Json] = field(default_factory=dict)
    pulls: dict[int, Json] = field(default_factory=dict)
    activity: list[Json] = field(default_factory=list)
    heads: dict[str, str] = field(default_factory=dict)
    hooks: dict[int, Json] = field(default_factory=dict)

    @property
    def body(self) -> Json:
        owner, name = self.full_name.split("/")
        return {
            "id": self.id,
            "name": name,
            "full_name": self.full_name,
            "owner": {**USER, "login": owner},
            "private": False,
            "default_branch": "main",
            "open_issues_count": sum(one["state"] == "open" for one in self.issues.values()),
        }


class World:
    """All of it. Whoever is told of changes is called with (repository, kind, payload)."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clients = dict([DEFAULT_CLIENT])
        self.codes: dict[str, Code] = {}
        self.tokens: dict[str, str] = {}  # scopes by token
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}  # new names by those that were given up
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.tell: Callable[[Repository, str, Json], None] = lambda *_: None
        self.remaining: int = LIMIT
        self._ids = itertools.count(1001)
        self.add_repository(DEFAULT_REPOSITORY)

    @contextmanager
    def _changing(self) -> Iterator[str]:
        with self.lock:
            yield self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def add_repository(self, full_name: str) -> Repository:
        with self.lock:
            sha = secrets.token_hex(20)
            first: Json = {"sha": sha, "commit": {"author": {"date": "2026-01-01T00:00:00Z"}}}
            repository = Repository(full_name, next(self._ids), first)
            repository.heads["refs/heads/main"] = sha
            self.repositories[full_name] = repository
            return repository

    def rename(self, before: str, after: str) -> None:
        """From now on the name before leads to the one after."""
        with self.lock:
            repository = self.repositories.pop(before)
            repository.full_name = after
            self.repositories[after] = repository
            self.renamed[before] = after

    def repository(self, full_name: str = DEFAULT_REPOSITORY) -> Repository:
        return self.repositories[full_name]

    # --- Access ----------------------------------------------------------------------------------

    def consent(self, code: Code) -> str:
        """The user agrees; returns the code."""
        with self.lock:
            made = secrets.token_hex(10)
            self.codes[made] = code
            return made

    def token(self, scope: str = "repo") -> str:
        with self.lock:
            token = f"gho_{secrets.token_hex(18)}"
            self.tokens[token] = scope
            return token

    def is_client(self, client_id: str, secret: str) -> bool:
        return hmac.compare_digest(self.clients.get(client_id, ""), secret) and bool(secret)

    # --- Contents --------------------------------------------------------------------------------

    def open_issue(self, given: Json, *, at: Repository | None = None) -> Json:
        repository = at or self.repository()
        with self._changing() as now:
            issue: Json = {
                "id": next(self._ids),
                "number": self._number(repository),
                "title": given["title"],
                "body": given.get("body"),
                "state": "open",
                "labels": [{"name": name} for name in given.get("labels", [])],
                "comments": 0,
                "user": USER,
                "created_at": now,
                "updated_at": now,
                "closed_at": None,
            }
            repository.issues[issue["number"]] = issue
            self._tell(repository, "issues", {"action": "opened", "issue": issue})
            return issue

    def change_issue(self, number: int, given: Json, *, at: Repository | None = None) -> Json:
        repository = at or self.repository()
        with self._changing() as now:
            issue = repository.issues[number]
            before = issue["state"]
            known = ("title", "body", "state", "state_reason")
            issue |= {name: given[name] for name in known if name in given}
            issue["updated_at"] = now
            action = "edited" if issue["state"] == before else issue["state"]
            action = "reopened" if action == "open" else action
            self._tell(repository, "issues", {"action": action, "issue": issue})
            return issue

    def delete_issue(self, number: int) -> None:
        repository = self.repository()
        with self._changing():
            issue = repository.issues.pop(number)
            self._tell(repository, "issues", {"action": "deleted", "issue": issue})

    def comment(self, number: int, body: str, *, at: Repository | None = None) -> Json:
        repository = at or self.repository()
        with self._changing() as now:
            on = repository.issues.get(number) or repository.pulls[number]
            comment: Json = {
                "id": next(self._ids),
                "body": body,
                "issue_url": f"/repos/{repository.full_name}/issues/{number}",
                "user": USER,
                "created_at": now,
                "updated_at": now,
            }
            repository.comments[comment["id"]] = comment
            on |= {"comments": on["comments"] + 1, "updated_at": now}
            payload = {"action": "created", "issue": on, "comment": comment}
            self._tell(repository, "issue_comment", payload)
            return comment

    def change_comment(self, id_: int, body: str | None, *, at: Repository | None = None) -> Json:
        """Edits a comment; a body of None deletes it."""
        repository = at or self.repository()
        with self._changing() as now:
            comment = repository.comments[id_]
            number = int(comment["issue_url"].rpartition("/")[2])
            on = repository.issues.get(number) or repository.pulls[number]
            if body is None:
                del repository.comments[id_]
            else:
                comment |= {"body": body, "updated_at": now}
            action = "deleted" if body is None else "edited"
            payload = {"action": action, "issue": on, "comment": comment}
            self._tell(repository, "issue_comment", payload)
            return comment

    def open_pull(self, title: str) -> Json:
        repository = self.repository()
        with self._changing() as now:
            number = self._number(repository)
            pull: Json = {
                "id": next(self._ids),
                "number": number,
                "title": title,
                "state": "open",
                "comments": 0,
                "head": {"ref": f"change-{number}", "repo": repository.body},
                "base": {"ref": "main", "repo": repository.body},
                "user": USER,
                "created_at": now,
                "updated_at": now,
                "merged_at": None,
            }
            repository.pulls[number] = pull
            self._tell(repository, "pull_request", {"action": "opened", "pull_request": pull})
            return pull

    def change_pull(self, number: int, given: Json) -> Json:
        repository = self.repository()
        with self._changing() as now:
            pull = repository.pulls[number]
            pull |= {**given, "updated_at": now}
            action = "closed" if given.get("state") == "closed" else "edited"
            self._tell(repository, "pull_request", {"action": action, "pull_request": pull})
            return pull

    def push(self, ref: str = "refs/heads/main", *, delete: bool = False) -> Json:
        """A new commit on the branch, or the branch's end."""
        repository = self.repository()
        with self._changing() as now:
            before = repository.heads.get(ref, "0" * 40)
            after = "0" * 40 if delete else secrets.token_hex(20)
            entry: Json = {
                "id": next(self._ids),
                "before": before,
                "after": after,
                "ref": ref,
                "timestamp": now,
                "activity_type": "branch_deletion" if delete else "push",
                "actor": USER,
            }
            repository.activity.append(entry)
            if delete:
                repository.heads.pop(ref, None)
            else:
                repository.heads[ref] = after
            payload = {"ref": ref, "before": before, "after": after, "deleted": delete,
                       "pusher": {"name": "octocat"}, "commits": []}  # fmt: skip
            self._tell(repository, "push", payload)
            return entry

    # --- Webhooks --------------------------------------------------------------------------------

    def add_hook(self, repository: Repository, given: Json) -> Json:
        with self._changing() as now:
            hook: Json = {
                "id": next(self._ids),
                "name": "web",
                "active": given.get("active", True),
                "events": given.get("events", ["push"]),
                "config": dict(given["config"]),
                "created_at": now,
                "updated_at": now,
            }
            repository.hooks[hook["id"]] = hook
            self.tell(repository, f"ping:{hook['id']}", {"zen": "Keep it simple.", "hook": hook})
            return hook

    def _tell(self, repository: Repository, kind: str, payload: Json) -> None:
        pushed_at = int(self.now().timestamp())
        self.tell(
            repository,
            kind,
            {**payload, "repository": {**repository.body, "pushed_at": pushed_at}, "sender": USER},
        )

    def _number(self, repository: Repository) -> int:
        return 1 + max((*repository.issues, *repository.pulls), default=0)
