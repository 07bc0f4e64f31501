"""What GitHub offers at a path. All but the user's own is of the configured repository.

Source: https://docs.github.com/en/rest
"""

from __future__ import annotations

from functools import partial

from elements.calls import Call, ChangeType, Page
from elements.types import (
    LINK,
    Field,
    Operation,
    Paging,
    PagingKind,
    Parameter,
    Place,
    Resource,
)
from integrations.github import api, objects
from integrations.github.change_feed import changes
from transport.types import QueryValue, Response, Steps

IN_REPOSITORY = f"/repos/${{+{api.REPOSITORY}}}"
LARGEST_PAGE = 100
PAGED = Paging("per_page", "page", LINK, LARGEST_PAGE, PagingKind.PAGE)
BY_CURSOR = Paging("per_page", "after", LINK, LARGEST_PAGE)
API_VERSION = Parameter(
    api.VERSION, api.VERSION_HEADER, place=Place.VALUE, vendor_place=Place.HEADER
)
FOUND_BY_POLLS = (ChangeType.CREATED, ChangeType.UPDATED)


def _query(*names: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name) for name in names)


def _list(
    path: str, vendor_path: str, description: str, *parameters: str, empty: tuple[int, ...] = ()
) -> Operation:
    """`empty` are the errors by which GitHub says that there is nothing to be listed."""
    return Operation(
        "GET",
        path,
        vendor_path,
        description,
        parameters=(*_query(*parameters), API_VERSION),
        listing=True,
        empty_statuses=empty,
        paging=PAGED,
        units=api.UNITS,
    )


def _one(method: str, path: str, vendor_path: str, description: str) -> Operation:
    return Operation(
        method, path, vendor_path, description, parameters=(API_VERSION,), units=api.UNITS
    )


def _writing(method: str, path: str, vendor_path: str, description: str) -> Operation:
    body = Parameter("body", place=Place.BODY, required=True, data_type="object")
    return Operation(
        method, path, vendor_path, description, parameters=(body, API_VERSION), units=api.UNITS
    )


# --- The user's ----------------------------------------------------------------------------------

USER = Resource(
    "user",
    (_one("GET", "/user", "/user", "Reads the user whose account it is."),),
    "The user whose account it is.",
    fields=(
        Field("id", "integer", "GitHub's id", read_only=True),
        Field("login", description="The user's name at GitHub", read_only=True),
        Field("name", description="The name that is shown"),
    ),
)
REPOSITORIES = Resource(
    "repositories",
    (
        _list(
            "/repositories",
            "/user/repos",
            "Lists the repositories that the user has access to.",
            "visibility",
            "affiliation",
            "type",
            "sort",
            "direction",
            "since",
            "before",
        ),
    ),
    "Repositories that the user has access to.",
    fields=(
        Field("id", "integer", "GitHub's id", read_only=True),
        Field("full_name", description="owner/name, as github.repository takes it"),
        Field("private", "boolean", "Whether not everybody may read it"),
        Field("default_branch", description="The branch that is shown"),
        Field("updated_at", description="When it was last changed", read_only=True),
    ),
)
RATE_LIMIT = Resource(
    "rate-limit",
    (_one("GET", "/rate-limit", "/rate_limit", "Reads what is left of the hour's requests."),),
    "What is left of the hour's requests; asking counts as none.",
)

# --- The repository's ----------------------------------------------------------------------------

REPOSITORY = Resource(
    "repository",
    (_one("GET", "/repository", IN_REPOSITORY, "Reads the configured repository."),),
    "The configured repository.",
    fields=REPOSITORIES.fields,
)
DATES = (
    Field("created_at", description="When it was made", read_only=True),
    Field("updated_at", description="When it was last changed", read_only=True),
)
ISSUES = Resource(
    objects.ISSUES,
    (
        _list(
            "/issues",
            f"{IN_REPOSITORY}/issues",
            "Lists issues; pull requests, which GitHub counts among them, have pull_request.",
            "state",
            "labels",
            "assignee",
            "creator",
            "mentioned",
            "milestone",
            "since",
            "sort",
            "direction",
            empty=(api.ISSUES_ARE_DISABLED,),
        ),
        _one("GET", "/issues/{id}", f"{IN_REPOSITORY}/issues/{{id}}", "Reads an issue."),
        _writing("POST", "/issues", f"{IN_REPOSITORY}/issues", "Opens an issue."),
        _writing("PATCH", "/issues/{id}", f"{IN_REPOSITORY}/issues/{{id}}", "Changes an issue."),
        _list(
            "/issues/{id}/comments",
            f"{IN_REPOSITORY}/issues/{{id}}/comments",
            "Lists the comments on an issue.",
            "since",
        ),
        _writing(
            "POST",
            "/issues/{id}/comments",
            f"{IN_REPOSITORY}/issues/{{id}}/comments",
            "Comments on an issue or a pull request.",
        ),
    ),
    "Issues of the repository; an id is an issue's number.",
    id_field="number",
    fields=(
        Field("number", "integer", "What people call it by", read_only=True),
        Field("title", required=True),
        Field("body", description="Markdown"),
        Field("state", description="open or closed"),
        Field("state_reason", description="completed, not_planned or reopened"),
        Field("labels", "array", "Labels; names are taken"),
        Field("assignees", "array", "Users; login names are taken"),
        Field("milestone", "integer", "The number of one; answered as an object"),
        Field("user.login", description="Who opened it", read_only=True),
        Field("comments", "integer", "How many there are", read_only=True),
        *DATES,
    ),
    title=objects.title_of("title", "user.login", within="issue"),
    changes=partial(changes, objects.LISTS[objects.ISSUES]),
    finds=FOUND_BY_POLLS,
)
COMMENTS = Resource(
    objects.COMMENTS,
    (
        _list(
            "/comments",
            f"{IN_REPOSITORY}/issues/comments",
            "Lists the comments on all issues and pull requests.",
            "since",
            "sort",
            "direction",
        ),
        _one(
            "GET", "/comments/{id}", f"{IN_REPOSITORY}/issues/comments/{{id}}", "Reads a comment."
        ),
        _writing(
            "PATCH",
            "/comments/{id}",
            f"{IN_REPOSITORY}/issues/comments/{{id}}",
            "Changes a comment.",
        ),
        _one(
            "DELETE",
            "/comments/{id}",
            f"{IN_REPOSITORY}/issues/comments/{{id}}",
            "Deletes a comment.",
        ),
    ),
    "Comments on issues and pull requests.",
    fields=(
        Field("id", "integer", "GitHub's id", read_only=True),
        Field("body", description="Markdown", required=True),
        Field("user.login", description="Who wrote it", read_only=True),
        Field("issue_url", description="The issue or pull request", read_only=True),
        *DATES,
    ),
    title=objects.title_of("body", "user.login", within="comment"),
    changes=partial(changes, objects.LISTS[objects.COMMENTS]),
    finds=FOUND_BY_POLLS,
)
PULL_REQUESTS = Resource(
    objects.PULL_REQUESTS,
    (
        _list(
            "/pull-requests",
            f"{IN_REPOSITORY}/pulls",
            "Lists pull requests.",
            "state",
            "head",
            "base",
            "sort",
            "direction",
        ),
        _one(
            "GET", "/pull-requests/{id}", f"{IN_REPOSITORY}/pulls/{{id}}", "Reads a pull request."
        ),
        _list(
            "/pull-requests/{id}/commits",
            f"{IN_REPOSITORY}/pulls/{{id}}/commits",
            "Lists a pull request's commits.",
        ),
        _list(
            "/pull-requests/{id}/files",
            f"{IN_REPOSITORY}/pulls/{{id}}/files",
            "Lists the files that a pull request changes.",
        ),
    ),
    "Pull requests of the repository; an id is a pull request's number.",
    id_field="number",
    fields=(
        Field("number", "integer", "What people call it by", read_only=True),
        Field("title"),
        Field("body", description="Markdown"),
        Field("state", description="open or closed"),
        Field("draft", "boolean", "Whether it is still worked on"),
        Field("head.ref", description="The branch with the changes"),
        Field("base.ref", description="The branch that they are for"),
        Field("merged_at", description="When it was merged", read_only=True),
        *DATES,
    ),
    title=objects.title_of("title", "user.login", within="pull_request"),
    changes=partial(changes, objects.LISTS[objects.PULL_REQUESTS]),
    finds=FOUND_BY_POLLS,
)


def list_pushes(call: Call) -> Steps[Page]:
    """A page of the repository's activity, each entry under the id that events call it."""
    query: dict[str, QueryValue] = {
        name: call.query[name] for name in PUSH_PARAMETERS if call.query.get(name)
    }
    query["per_page"] = min(call.page_size, LARGEST_PAGE)
    if call.page_token:
        query["after"] = call.page_token
    repository = api.repository_of(call.configuration)
    response: Response = yield from api.get(api.path_of(repository, "/activity"), query)
    records = [objects.push_record(one) for one in api.records_of(response)]
    return Page(records, str(response.next_query.get("after", "")))


PUSH_PARAMETERS = ("ref", "actor", "time_period", "activity_type", "direction")
PUSHES = Resource(
    objects.PUSHES,
    (
        Operation(
            "GET",
            "/pushes",
            f"{IN_REPOSITORY}/activity",
            "Lists what was pushed, merged, made and deleted, newest first.",
            parameters=_query(*PUSH_PARAMETERS),
            listing=True,
            paging=BY_CURSOR,
            units=api.UNITS,
            steps=list_pushes,
        ),
    ),
    "Pushes to branches, merges among them.",
    fields=(
        Field("id", description="<ref>:<commit>", read_only=True),
        Field("ref", description="The branch, as refs/heads/main", read_only=True),
        Field("before", description="The commit that it pointed to", read_only=True),
        Field("after", description="The commit that it points to since", read_only=True),
        Field("activity_type", description="push, force_push, pr_merge …", read_only=True),
        Field("timestamp", description="When it was pushed", read_only=True),
        Field("actor.login", description="Who pushed it", read_only=True),
    ),
    changes=partial(changes, objects.LISTS[objects.PUSHES]),
    finds=(ChangeType.CREATED,),
)
COMMITS = Resource(
    "commits",
    (
        _list(
            "/commits",
            f"{IN_REPOSITORY}/commits",
            "Lists commits, newest first.",
            "sha",
            "path",
            "author",
            "committer",
            "since",
            "until",
            empty=(api.REPOSITORY_IS_EMPTY,),
        ),
        _one("GET", "/commits/{id}", f"{IN_REPOSITORY}/commits/{{id}}", "Reads a commit."),
    ),
    "Commits of a branch; an id is a commit's SHA.",
    id_field="sha",
    fields=(
        Field("sha", description="What it is called by", read_only=True),
        Field("commit.message", read_only=True),
        Field("commit.author.date", description="As its author says", read_only=True),
        Field("author.login", read_only=True),
    ),
)
BRANCHES = Resource(
    "branches",
    (
        _list("/branches", f"{IN_REPOSITORY}/branches", "Lists branches.", "protected"),
        _one("GET", "/branches/{id}", f"{IN_REPOSITORY}/branches/{{id}}", "Reads a branch."),
    ),
    "Branches of the repository; an id is a branch's name.",
    id_field="name",
    fields=(
        Field("name", read_only=True),
        Field("commit.sha", description="What it points to", read_only=True),
        Field("protected", "boolean", read_only=True),
    ),
)
WEBHOOKS = Resource(
    "webhooks",
    (
        _list("/webhooks", f"{IN_REPOSITORY}/hooks", "Lists webhooks, secrets masked."),
        _one("GET", "/webhooks/{id}", f"{IN_REPOSITORY}/hooks/{{id}}", "Reads a webhook."),
        _writing("POST", "/webhooks", f"{IN_REPOSITORY}/hooks", "Makes a webhook."),
        _one("DELETE", "/webhooks/{id}", f"{IN_REPOSITORY}/hooks/{{id}}", "Deletes a webhook."),
    ),
    "Webhooks of the repository, the one that an instance has registered among them.",
    fields=(
        Field("id", "integer", "GitHub's id", read_only=True),
        Field("active", "boolean"),
        Field("events", "array", "What it is told of"),
        Field("config.url", description="Where it is told", required=True),
        Field("config.content_type", description="json or form"),
    ),
)

# The first is asked to see whether an account answers, and whose it is.
RESOURCES = (
    USER,
    REPOSITORIES,
    REPOSITORY,
    ISSUES,
    COMMENTS,
    PULL_REQUESTS,
    PUSHES,
    COMMITS,
    BRANCHES,
    WEBHOOKS,
    RATE_LIMIT,
)
