"""Reads the `resources` and `objects` of a definition.

Each entry of `resources` is one operation: a method at a path. Those below one path make a
resource, of which an entry of `objects` may say more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from elements.definition import addresses
from elements.definition.change_cursor import change_cursor
from elements.definition.data_type import data_type
from elements.definition.quota import Costs, units
from elements.definition.reading import Part
from elements.interpolation import CONFIGURED
from elements.record_title import MOST_PARTS
from elements.types import LINK, Field, Operation, Paging, PagingKind, Parameter, Place, Resource

MOST_RESOURCES = 500
MOST_OBJECTS = 200
MOST_FIELDS = 1_000
MOST_PARAMETERS = 100
MOST_READ = 10_000  # parameters of all resources together, each with those that all have
LARGEST_PAGE = 10_000  # records
MOST_STATUSES = 20
# No such error says that there are no records: the account, its right or the time is amiss.
NEVER_EMPTY = frozenset({401, 402, 403, 407, 408, 423, 425, 429, 451})
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
INHERITED = "inherited"  # the `kind` of what an extended element has; any other says nothing
WITHOUT_EFFECT = "no-op"  # the place of a parameter that is described, and not sent
CONTENT_TYPE = "application/json"
RESERVED = frozenset({"objects", "ping", "bulk"})  # what every hub has itself
UNSENT = (Place.CONFIGURATION, Place.VALUE)  # no places of a request
PAGE_SIZE = "pageSize"
# The platform's names of where a page begins, the one that is written first.
PLACES_OF_PAGE = {
    PagingKind.CURSOR: ("nextPage",),
    PagingKind.PAGE: ("page", "nextPage"),
    PagingKind.OFFSET: ("offset", "page", "nextPage"),
}
PAGING_NAMES = frozenset({PAGE_SIZE, "page", "nextPage", "offset"})
LIFECYCLE = "only type api is supported: code that runs beside a request is not"
HOOKS = "hooks are not supported: an element made from JSON runs no code"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the configuration says of every resource's paging."""

    kind: PagingKind | None
    largest: int
    first_page: int

    @classmethod
    def of(cls, configuration: Mapping[str, str]) -> Defaults:
        """From the defaults of the configuration's entries. Raises ConfigurationError."""
        whole = Part(dict(configuration))
        kind = whole.word("pagination.type", [*PagingKind], default="")
        return cls(
            PagingKind(kind) if kind else None,
            whole.number("pagination.max", least=1, most=LARGEST_PAGE, default=100) or 100,
            whole.number("pagination.page.startindex", least=0, most=1, default=1) or 0,
        )


@dataclass(frozen=True, slots=True)
class Written:
    """One operation as it was read, and the id field that its entry names."""

    operation: Operation
    id_field: str
    path: str  # of the entry within the definition


def require_few(whole: Part, everywhere: int) -> None:
    """Counts parameters before they are read: each costs time, and `everywhere` come many times.

    Raises ConfigurationError.
    """
    entries = [entry for _, entry in whole.items("resources", MOST_RESOURCES)]
    lists = [entry.get("parameters") for entry in entries if isinstance(entry, dict)]
    own = sum(len(one) for one in lists if isinstance(one, list))
    count = own + everywhere * len(entries)
    if count > MOST_READ:
        whole.refuse(
            "resources",
            f"have {count} parameters, with those that all have; {MOST_READ} are allowed",
        )


def is_inherited(part: Part) -> bool:
    return part.text("kind", longest=100).lower() == INHERITED


def place_of(part: Part, name: str) -> object:
    """What tells one inherited entry of `resources` or `objects` from the others."""
    if name == "objects":
        return part.text("name")
    path = addresses.own_path(part.text("path", required=True), part.at("path"))
    return part.word("method", METHODS, required=True), path


def same_place(one: Operation, other: Operation) -> bool:
    """Whether two operations would answer the same request."""
    return one.method == other.method and _bare(one.path) == _bare(other.path)


def _bare(path: str) -> str:
    return addresses.NAMED.sub("{}", path)


def operation(part: Part, everywhere: Sequence[Part], defaults: Defaults, costs: Costs) -> Written:
    """One entry of `resources`. `everywhere` are the parameters of every operation.

    Raises ConfigurationError.
    """
    for name in ("hooks", "nextResource"):
        part.nothing(name, HOOKS if name == "hooks" else "is not supported")
    if part.text("type") not in {"", "api", "apiNoDocumentation"}:
        part.refuse("type", LIFECYCLE)
    response = part.part("response")
    if response.text("contentType", default=CONTENT_TYPE).partition(";")[0].strip() not in {
        "", CONTENT_TYPE,
    }:  # fmt: skip
        response.refuse("contentType", f"must be {CONTENT_TYPE}")
    path = addresses.own_path(
        part.text("path", required=True, right=addresses.HUB_PATH), part.at("path")
    )
    if path.split("/")[1] in RESERVED:
        part.refuse("path", f"must not begin with {', '.join(sorted(RESERVED))}: every hub has it")
    vendor_path = addresses.vendor_path(
        part.text("vendorPath", required=True, right=addresses.VENDOR_PATH), part.at("vendorPath")
    )
    method = part.word("method", METHODS, required=True)
    listing = part.flag("listing", default=method == "GET" and not path.endswith("}"))
    if listing and method != "GET":
        part.refuse("listing", "only GET lists")
    entries = [*part.parts("parameters", most=MOST_PARAMETERS), *everywhere]
    paging = _paging(part, entries, defaults) if listing else None
    if not listing:
        for name in ("emptyWhenAbsent", "emptyStatuses", "changeCursor"):
            part.nothing(name, "is only for what lists")
    parameters = [
        _parameter(entry, path)
        for entry in entries
        if not (listing and entry.text("name") in PAGING_NAMES) and not _has_no_effect(entry)
    ]
    if not part.has("parameters") and method in {"POST", "PUT", "PATCH"}:
        parameters.append(Parameter("body", place=Place.BODY, data_type="object", required=True))
    _check_names(part, path, vendor_path, parameters)
    return Written(
        Operation(
            method,
            path,
            vendor_path,
            description=part.description(),
            vendor_method=part.word("vendorMethod", METHODS, default=method),
            parameters=tuple(parameters),
            listing=listing,
            root_key=part.text("rootKey", longest=200),
            empty_when_absent=part.flag("emptyWhenAbsent"),
            empty_statuses=_empty_statuses(part),
            paging=paging,
            change_cursor=change_cursor(part.part("changeCursor"), paging),
            units=units(part, costs),
        ),
        part.text("idField", longest=200) or part.text("primaryKey", longest=200),
        part.path,
    )


def _empty_statuses(part: Part) -> tuple[int, ...]:
    right = f"must be an error of 400 to 499 but {', '.join(map(str, sorted(NEVER_EMPTY)))}"
    found = []
    for place, value in part.items("emptyStatuses", MOST_STATUSES):
        name = f"emptyStatuses[{place}]"
        if isinstance(value, bool) or not isinstance(value, int):
            part.refuse(name, right)
        if not 400 <= value < 500 or value in NEVER_EMPTY:
            part.refuse(name, right)
        found.append(value)
    return tuple(dict.fromkeys(found))


def _check_names(part: Part, path: str, vendor_path: str, parameters: Sequence[Parameter]) -> None:
    given = [(one.name, one.place) for one in parameters if one.place != Place.VALUE]
    for name, place in given:
        if given.count((name, place)) > 1:
            part.refuse("parameters", f"{name} is given twice")
    known = set(addresses.names_in(path))
    known |= {one.vendor_name for one in parameters if one.place == Place.PATH}
    for name in addresses.names_in(vendor_path):
        if name not in known:
            part.refuse("vendorPath", f"has {{{name}}}, which the path does not have")


def _parameter(part: Part, path: str) -> Parameter:
    part.nothing("converter", "is not supported")
    if part.word("source", ("request", "response"), default="request") != "request":
        part.refuse("source", "only parameters of the request are supported")
    places = [*Place]
    name = part.text("name", required=True, longest=500)
    place = Place(part.word("type", places, required=True))
    usual = Place.QUERY if place in UNSENT else place
    vendor_place = Place(part.word("vendorType", places, default=usual))
    vendor_name = part.text("vendorName", longest=200, default=name)
    _check_place(part, name, place, vendor_place, path)
    if Place.HEADER in (place, vendor_place):
        if place == Place.HEADER:
            addresses.header(name, part.at("name"))
        if vendor_place == Place.HEADER:
            addresses.header(vendor_name, part.at("vendorName"))
    if place == Place.VALUE:
        if not part.text("vendorName"):
            part.refuse("vendorName", "is missing: what the value is sent as")
        if addresses.PRINTABLE.fullmatch(name) is None and vendor_place == Place.HEADER:
            part.refuse("name", "must be printable ASCII: it is sent as a header")
        if CONFIGURED.search(name):
            part.refuse("name", "is sent as it is: use type configuration for an instance's value")
    usual_type = "object" if place == Place.BODY else "string"
    return Parameter(
        name,
        vendor_name="" if vendor_name == name else vendor_name,
        description=part.description(),
        required=part.flag("required"),
        place=place,
        vendor_place=None if vendor_place == place else vendor_place,
        data_type=data_type(part, "dataType", default=usual_type, model=usual_type),
    )


def _has_no_effect(part: Part) -> bool:
    return WITHOUT_EFFECT in (part.text("type").lower(), part.text("vendorType").lower())


def _check_place(part: Part, name: str, place: Place, vendor_place: Place, path: str) -> None:
    if vendor_place in UNSENT:
        part.refuse("vendorType", "must be where the provider wants it, such as query")
    if (place == Place.PATH) != (vendor_place == Place.PATH):
        part.refuse("vendorType", "a parameter of the path stays in the path")
    if (place == Place.BODY) != (vendor_place == Place.BODY):
        part.refuse("vendorType", "the body stays the body")
    if place == Place.PATH and name not in addresses.names_in(path):
        part.refuse("name", f"is not in the path: write {{{name}}} there")


# --- Paging --------------------------------------------------------------------------------------


def _paging(part: Part, entries: Sequence[Part], defaults: Defaults) -> Paging | None:
    own = {
        one.text("name"): one
        for one in entries
        if one.text("name") in PAGING_NAMES and not _has_no_effect(one)
    }
    next_key = part.text("nextPageKey", longest=200)
    words = (*PagingKind, "none", "VENDOR_SUPPORTED")
    word = part.word("paginationType", words)
    kind: PagingKind | None = defaults.kind
    if word in (*PagingKind,):
        kind = PagingKind(word)
    elif next_key and word != "none":
        kind = PagingKind.CURSOR
    if word == "none":
        return None
    if kind is None or (not word and not next_key and not own):
        if word or own:
            part.refuse("paginationType", "is missing: it must be cursor, page, offset or none")
        return None
    size = own.get(PAGE_SIZE)
    names = PLACES_OF_PAGE[kind]
    token = next((own[name] for name in names if name in own), None)
    if token is None:
        part.refuse(
            "parameters", f"must have {names[0]}: where the provider reads which page is asked for"
        )
    if kind == PagingKind.CURSOR and not next_key:
        part.refuse("nextPageKey", "is missing: where the answer holds the token of the next page")
    return Paging(
        size_parameter=_name_in_query(size) if size is not None else "",
        token_parameter=_name_in_query(token),
        next_token_key=next_key if kind == PagingKind.CURSOR or next_key == LINK else "",
        largest=part.number("maxPageSize", least=1, most=LARGEST_PAGE, default=defaults.largest)
        or defaults.largest,
        kind=kind,
        first_page=_first_page(part, defaults) if kind == PagingKind.PAGE else 1,
    )


def _first_page(part: Part, defaults: Defaults) -> int:
    return part.number("firstPage", least=0, most=1, default=defaults.first_page) or 0


def _name_in_query(part: Part) -> str:
    if part.word("vendorType", [*Place], default=Place.QUERY) != Place.QUERY:
        part.refuse("vendorType", "must be query: paging in other places is not supported")
    return part.text("vendorName", longest=200) or part.text("name", longest=200)


# --- Resources -----------------------------------------------------------------------------------


def grouped(
    written: Sequence[Written], objects: Sequence[Part], inherited: Sequence[Resource] = ()
) -> tuple[Resource, ...]:
    """The operations as resources, in the order in which they come, after the `inherited` ones.

    An operation takes the place of the inherited one that answers the same request.
    Raises ConfigurationError.
    """
    declared = [_object(part) for part in objects]
    found = {resource.name: resource for resource in inherited}
    for part, resource in zip(objects, declared, strict=True):
        if resource.name in found:
            part.refuse("name", f"{resource.name} is inherited: its kind must be inherited")
    own = {one.text("name") for one in objects if one.text("idField")}
    for one in written:
        resource = _resource_of(one.operation.path, [*declared, *inherited])
        held = found.get(resource.name, resource)
        if not held.operations and one.id_field and held.name not in own:
            held = replace(held, id_field=one.id_field)
        found[resource.name] = replace(held, operations=_with(held.operations, one.operation))
    for resource in declared:  # what no operation is of is described, and not offered
        found.setdefault(resource.name, resource)
    _check_names_of_resources([*found.values()], objects)
    return tuple(found.values())


def _with(operations: Sequence[Operation], new: Operation) -> tuple[Operation, ...]:
    if not any(same_place(new, one) for one in operations):
        return (*operations, new)
    return tuple(new if same_place(new, one) else one for one in operations)


def _resource_of(path: str, declared: Sequence[Resource]) -> Resource:
    """The resource that has the most of the path for its root."""
    above = [one for one in declared if path == one.root or path.startswith(f"{one.root}/")]
    if above:
        return max(above, key=lambda one: len(one.root))
    return Resource(path.split("/")[1])


def _object(part: Part) -> Resource:
    right = "letters, digits and the characters . _ ~ -"
    name = part.text("name", required=True, form=addresses.SEGMENT, right=right)
    path = part.text("path")
    if path:
        path = addresses.own_path(path, part.at("path"))
        if addresses.names_in(path):
            part.refuse("path", "must be where the records are listed, without a parameter")
    aliases = part.texts("aliases", most=20)
    for place, alias in enumerate(aliases):
        if addresses.SEGMENT.fullmatch(alias) is None or alias in {".", ".."}:
            part.refuse(f"aliases[{place}]", f"must be {right}")
    return Resource(
        name,
        description=part.description(),
        path="" if path == f"/{name}" else path,
        id_field=part.text("idField", longest=200, default="id") or "id",
        aliases=aliases,
        fields=tuple(_field(one) for one in part.parts("fields", most=MOST_FIELDS)),
        lists_ids_only=part.flag("listsIdsOnly"),
        title_fields=part.texts("titleFields", most=MOST_PARTS),
    )


def _field(part: Part) -> Field:
    return Field(
        part.text("name", required=True, longest=200),
        type=data_type(part, "type", default="string", model="object"),
        description=part.description(),
        read_only=part.flag("readOnly"),
        required=part.flag("required"),
    )


def _check_names_of_resources(resources: Sequence[Resource], objects: Sequence[Part]) -> None:
    names = [name for one in resources for name in (one.name, *one.aliases)]
    names += sorted(RESERVED)
    declared = [part.text("name") for part in objects]
    for part in objects:
        if declared.count(part.text("name")) > 1:
            part.refuse("name", f"{part.text('name')} is given twice")
        for name in (part.text("name"), *part.texts("aliases", most=20)):
            if names.count(name) > 1:
                part.refuse("name", f"{name} is the name of two resources, or every hub's own")
