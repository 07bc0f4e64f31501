"""Link headers, RFC 8288: what a writer that follows the grammar has written is read as meant."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.headers import link_to, links_of
from transport.types import Response

PAGE_2 = "https://api.example.com/items?page=2"


@pytest.mark.parametrize(
    "header",
    [
        f'<{PAGE_2}>; rel="next"',
        f"<{PAGE_2}>; rel=next",
        f'<{PAGE_2}>;rel="next"',
        f'<{PAGE_2}> ; REL = "Next"',
        f'<{PAGE_2}>; rel="next last"',
        f'<{PAGE_2}>; rel="last\tnext"',
        f'<{PAGE_2}>; title="one, two"; rel="next"',
        f'<{PAGE_2}>; title="one > two; rel=prev"; rel="next"',
        f'<{PAGE_2}>; title="a \\" quote, and <more>"; rel="next"',
        f"<{PAGE_2}>; crossorigin; rel=next",
        f"<{PAGE_2}>; ; rel=next;",
        f'<?page=1>; rel="prev", <{PAGE_2}>; rel="next", <?page=9>; rel="last"',
        f'<?page=1>; title="<?page=8>; rel=next"; rel="prev",<{PAGE_2}>; rel="next"',
        f"<?page=1>;rel=prev,,\t<{PAGE_2}>;rel=next",
        f'nonsense; "a, b", <{PAGE_2}>; rel="next"',
        f'<?page=3>; rel="next"; anchor="/elsewhere", <{PAGE_2}>; rel="next"',
        f'<{PAGE_2}>; rel="next", <?page=3>; rel="next"',
        f"< {PAGE_2} >; rel=next",
    ],
)
def test_the_next_page_is_found(header: str) -> None:
    assert link_to("next", header) == PAGE_2


@pytest.mark.parametrize(
    "header",
    [
        "",
        "next",
        '<?page=2>; rel="prev"',
        '<?page=2>; rel="next-archive"',
        '<?page=2>; rel="https://rel.example.com/next"',
        '<?page=1>; title="rel=next; x"; rel="prev"',
        '<?page=1>; title="\\"; rel=next"; rel="prev"',
        '<?page=1>; rel="prev"; rel="next"',  # the first counts: RFC 8288 section 3.3
        '<?page=2>; rev="next"',
        '<?page=2>, rel="next"',
        '<?page=2; rel="next"',
        '<?page=2>; rel="next"; anchor="/elsewhere"',
        '"<?page=2>; rel=next',
    ],
)
def test_what_is_no_link_to_the_next_page(header: str) -> None:
    assert link_to("next", header) is None


TOKEN = st.text(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~", min_size=1, max_size=12)
BLANKS = st.text(" \t", max_size=2)
TARGET = st.text(
    string.ascii_letters + string.digits + "/?=&:;,.%'\"()[]~-_", min_size=1, max_size=30
)
QUOTED = st.text(string.printable.replace("\r", "").replace("\n", ""), max_size=20)


@st.composite
def written_parameters(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """What stands after a target, and what it says by lower-case names."""
    text, said = "", dict[str, str]()
    for name in draw(st.lists(TOKEN | st.sampled_from(["rel", "Rel", "title"]), max_size=4)):
        before, after = draw(BLANKS), draw(BLANKS)
        text += f"{before};{after}{name}"
        value = ""
        match draw(st.sampled_from(["bare", "token", "quoted"])):
            case "token":
                value = draw(TOKEN)
                text += f"{before}={after}{value}"
            case "quoted":
                value = draw(QUOTED)
                escaped = value.replace("\\", "\\\\").replace('"', '\\"')
                text += f'{before}={after}"{escaped}"'
        said.setdefault(name.lower(), value)
    return text, said


@given(st.lists(st.tuples(TARGET, written_parameters(), BLANKS), max_size=5))
def test_what_is_written_is_read_back(
    written: list[tuple[str, tuple[str, dict[str, str]], str]],
) -> None:
    header = ",".join(
        f"{blank}<{target}>{parameters}{blank}" for target, (parameters, _), blank in written
    )

    read = [(link.target, link.parameters) for link in links_of(header)]

    assert read == [(target, said) for target, (_, said), _ in written]


@given(st.text('<>;,="\\ arelnxt', max_size=60))
def test_any_text_is_read(header: str) -> None:
    assert all("<" + link.target in header.replace("< ", "<") for link in links_of(header))


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("f=a,b,c&page=2", {"f": "a,b,c", "page": "2"}),
        ("q=&page=2", {"q": "", "page": "2"}),
        ("label=bug&page=2&label=help", {"label": ("bug", "help"), "page": "2"}),
        ("after=Y3Vyc29y%3D%3D", {"after": "Y3Vyc29y=="}),
        ("", {}),
    ],
)
def test_the_query_of_the_next_page_keeps_each_value(
    query: str, values: dict[str, str | tuple[str, ...]]
) -> None:
    headers = {"link": f'<https://api.example.com/items?{query}>; rel="next"'}
    assert Response(200, headers, b"").next_query == values


def test_an_address_that_nobody_can_read_has_no_query() -> None:
    assert Response(200, {"link": "<https://[::1?page=2>; rel=next"}, b"").next_query == {}
