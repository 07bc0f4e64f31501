"""What a search of messages asks Gmail for, and what is refused because Gmail cannot find it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceql import Comparison, Condition
from elements.calls import Call
from elements.errors import ParameterError
from integrations.gmail.query import search
from integrations.gmail.search.own_words import check_brackets
from integrations.gmail.search.words import FIELDS
from tests.ceql.clauses import conditions, written


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {}),
        ({"where": " "}, {}),
        ({"q": "is:unread from:x"}, {"q": "is:unread from:x"}),
        ({"q": "a OR b", "where": "from='a'"}, {"q": "(a OR b) from:a"}),
        ({"where": "labelIds='INBOX,UNREAD'"}, {"labelIds": ["INBOX", "UNREAD"]}),
        ({"where": "labelIds='Label_1'", "labelIds": "INBOX, Label_1"},
         {"labelIds": ["Label_1", "INBOX"]}),
        ({"where": "labelIds='A' and labelIds='B' and from='a'"},
         {"q": "from:a", "labelIds": ["A", "B"]}),
        ({"where": "includeSpamTrash='TRUE'"}, {"includeSpamTrash": "true"}),
        ({"where": "includeSpamTrash=true", "includeSpamTrash": "true"},
         {"includeSpamTrash": "true"}),
        ({"labelIds": "INBOX, STARRED", "includeSpamTrash": "false"},
         {"labelIds": ["INBOX", "STARRED"], "includeSpamTrash": "false"}),
        ({"q": "x", "where": "labelIds='A'"}, {"q": "x", "labelIds": ["A"]}),
    ],
)  # fmt: skip
def test_a_call_becomes_gmails_parameters(query: dict[str, str], expected: dict[str, Any]) -> None:
    assert search(Call(query=query)) == expected


@pytest.mark.parametrize(
    ("where", "q"),
    [
        # texts
        ("from='user@example.com'", "from:user@example.com"),
        ("From = 'user@example.com' AND subject='x'", "from:user@example.com subject:x"),
        ("subject = 'two words'", 'subject:"two words"'),
        ("subject='it''s'", 'subject:"it\'s"'),
        ("subject=2026", "subject:2026"),
        ("from != 'a'", "-from:a"),
        ("not from = 'a'", "-from:a"),
        ("to in ('a', 'b c')", '{to:a to:"b c"}'),
        ("cc not in ('a', 'b')", "(-cc:a -cc:b)"),
        ("bcc = 'a'", "bcc:a"),
        ("deliveredTo = 'a@example.com'", "deliveredto:a@example.com"),
        ("list = 'info@example.com'", "list:info@example.com"),
        ("text = 'word'", '"word"'),
        ("body like '%two words%'", '"two words"'),
        ("text != 'OR'", '-"OR"'),
        ("subject like '%word%'", "subject:word"),
        ("subject like 'word'", "subject:word"),
        ("subject not like '%word%'", "-subject:word"),
        ("subject like '%100\\%%'", 'subject:"100%"'),
        ("from like '%@example.com'", "from:example.com"),
        ("from like 'user@%'", "from:user"),
        ("filename = 'a.pdf'", "filename:a.pdf"),
        ("filename like '%.pdf'", "filename:pdf"),
        ("filename not like '%.pdf'", "-filename:pdf"),
        # what would be an operator stays within quotes
        ("subject='a AND b'", 'subject:"a AND b"'),
        ("subject='OR'", "subject:OR"),
        ("subject='x) OR (from:a'", 'subject:"x) OR (from:a"'),
        ("subject='x from:a'", 'subject:"x from:a"'),
        ("subject='{x y}'", 'subject:"{x y}"'),
        ("subject='-x'", 'subject:"-x"'),
        ("subject='x\" OR \"y'", 'subject:"x OR y"'),
        ("subject='\u201cx\u201d y'", 'subject:"x y"'),
        ("subject='in:trash'", 'subject:"in:trash"'),
        ("text='-in:inbox'", '"-in:inbox"'),
        ("from='a' and subject='x\ny\t z'", 'from:a subject:"x y z"'),
        # joined
        ("from='a' or to='b'", "{from:a to:b}"),
        ("from='a' or to='b' and cc='c'", "{from:a (to:b cc:c)}"),
        ("(from='a' or to='b') and not (cc='c' or subject='d')",
         "{from:a to:b} (-cc:c -subject:d)"),
        # labels and states
        ("label='Clients/Big One'", 'label:"Clients/Big One"'),
        ("label in ('a', 'b')", "{label:a label:b}"),
        ("label != 'a'", "-label:a"),
        ("in = 'trash'", "in:trash"),
        ("in = 'anywhere' and from = 'a'", "in:anywhere from:a"),
        ("is = 'UNREAD'", "is:unread"),
        ("is != 'starred'", "-is:starred"),
        ("has = 'attachment'", "has:attachment"),
        ("category in ('social', 'updates')", "{category:social category:updates}"),
        ("labelIds in ('INBOX', 'UNREAD')", "{in:inbox is:unread}"),
        ("labelIds != 'SPAM'", "-in:spam"),
        ("labelIds = 'INBOX' or from = 'a'", "{in:inbox from:a}"),
        ("isUnread = true", "is:unread"),
        ("isUnread = false", "-is:unread"),
        ("isUnread != false", "is:unread"),
        ("isRead = 'TRUE' and isStarred = true", "is:read is:starred"),
        ("isImportant = false", "-is:important"),
        ("hasAttachment = true", "has:attachment"),
        ("hasAttachment != true", "-has:attachment"),
        ("rfc822msgid = '<a+b=c@example.com>'", "rfc822msgid:a+b=c@example.com"),
        # times
        ("date>'2026-01-31'", "after:1769817600"),
        ("date>='2026-01-31'", "after:1769817600"),
        ("date<'2026-01-31'", "before:1769817600"),
        ("date<='2026-01-31T00:00:00Z'", "before:1769817601"),
        ("date>'2026-01-31T00:00:00Z'", "after:1769817601"),
        ("date='2026-01-31'", "(after:1769817600 before:1769904000)"),
        ("date!='2026-01-31'", "{before:1769817600 after:1769904000}"),
        ("date in ('2026-01-31', '2026-02-01')",
         "{(after:1769817600 before:1769904000) (after:1769904000 before:1769990400)}"),
        ("not date in ('2026-01-31')", "({before:1769817600 after:1769904000})"),
        ("date>='2026-01-31 01:00:00+01:00'", "after:1769817600"),
        ("date>='2026-01-31T00:00:00'", "after:1769817600"),
        ("before<'2026-01-31T00:00:00Z'", "before:1769817600"),
        ("after='2026-01-31' and before='1769904000'", "after:1769817600 before:1769904000"),
        ("internalDate>=1769817600000", "after:1769817600"),
        ("internalDate>=1769817600250", "after:1769817600"),
        ("internalDate<1769817600250", "before:1769817601"),
        ("newer_than='2d'", "newer_than:2d"),
        # sizes
        ("size > 1000", "larger:1000"),
        ("size >= 1000", "larger:999"),
        ("size < '1000'", "smaller:1000"),
        ("size <= 1000", "smaller:1001"),
        ("size = 1000", "(larger:999 smaller:1001)"),
        ("sizeEstimate != 1000", "{larger:1000 smaller:1000}"),
        ("larger = '10M'", "larger:10M"),
        ("smaller = 5000", "smaller:5000"),
        # Gmail's own words
        ("q = 'a OR b' and from = 'a'", "(a OR b) from:a"),
        ("q != 'is:unread' or from = 'a'", "{-(is:unread) from:a}"),
    ],
)  # fmt: skip
def test_a_where_clause_becomes_gmails_words(where: str, q: str) -> None:
    assert search(Call(query={"where": where})) == {"q": q}


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("from", "from is compared with nothing"),
        ("from='a", "a quote is never closed (at character 6)"),
        ("from='a' to='b'", '"to" is not expected here'),
        ("from='a'; DROP TABLE x", '";" is not expected here'),
        ("from='a' or 1=1", "a field's name is expected here"),
        ("colour='red'", "messages cannot be searched by colour; known are from, to"),
        ("id='18c'", "messages cannot be searched by id"),
        ("from>'a'", "from can only be compared with =, != and IN"),
        ("subject < 'x'", "subject can only be compared with"),
        ("subject is null", "subject cannot be compared with NULL"),
        ("subject is not null", "subject cannot be compared with NULL"),
        ("subject=''", "a text that holds a letter or a digit"),
        ("subject='***'", "a text that holds a letter or a digit"),
        ("subject like '%'", "LIKE can only be '%text%'"),
        ("subject like '%%'", "a text that holds a letter or a digit"),
        ("subject like 'x%'", "LIKE can only be '%text%'"),
        ("subject like '%x'", "LIKE can only be '%text%'"),
        ("subject like '%x%y%'", "LIKE can only be '%text%'"),
        ("subject like '%x_%'", "LIKE can only be '%text%'"),
        ("from like '%.com'", "LIKE can only be '%text%'"),
        ("from like 'user%'", "LIKE can only be '%text%'"),
        ("label like '%x%'", "label can only be compared with =, != and IN"),
        ("date='soon'", "date must be a date since 1970"),
        ("date>'2026-02-30'", "date must be a date since 1970"),
        ("date>'1969-12-31'", "date must be a date since 1970"),
        ("date>-5", "date must be a date since 1970"),
        ("date>true", "date must be a date since 1970"),
        ("date like '2026%'", "date cannot be compared with LIKE"),
        ("date is null", "date cannot be compared with NULL"),
        ("after in ('2026-01-31')", "after can only be compared with"),
        ("size='big'", "size must be compared with a number of bytes"),
        ("size>0", "size must be compared with a number of bytes, from 1"),
        ("size>1.5", "size must be compared with a number of bytes"),
        ("size like '%1%'", "size can only be compared with"),
        ("larger>'10M'", "larger can only be compared with ="),
        ("larger='10G'", "larger must be compared with a value such as '10M'"),
        ("newer_than='2w'", "newer_than must be compared with a value such as '2d'"),
        ("is='great'", "is must be compared with one of unread, read"),
        ("has='a cat'", "has must be compared with one of attachment"),
        ("isUnread=5", "isUnread must be compared with true or false"),
        ("isUnread like '%t%'", "isUnread can only be compared with =, != and IN"),
        ("rfc822msgid='a b'", "rfc822msgid must be compared with a Message-ID"),
        ("labelIds=','", "labelIds must be the id of a label"),
        ("labelIds='Label_1' or from='a'", "write label='its name'"),
        ("labelIds!='Label_1'", "write label='its name'"),
        ("includeSpamTrash='perhaps'", "includeSpamTrash must be true or false"),
        ("includeSpamTrash=true or from='a'", "joined by AND to everything else"),
        ("includeSpamTrash!=true", "joined by AND to everything else"),
        ("in != 'anywhere'", "in can only be compared with 'anywhere' by ="),
        ("in in ('inbox', 'anywhere')", "in can only be compared with 'anywhere' by ="),
        ("q=' '", "q is empty"),
        ("q > 'a'", "q can only be compared with = and !="),
        ("text in (" + ",".join(["'a word of it'"] * 400) + ")", "4000 are allowed"),
    ],
)
def test_what_gmail_cannot_find_is_refused(where: str, says: str) -> None:
    with pytest.raises(ParameterError) as caught:
        search(Call(query={"where": where}))
    assert caught.value.path == "where"
    assert says in caught.value.message


@given(
    st.sampled_from(["from", "subject", "text", "filename", "label", "in", "rfc822msgid"]),
    st.text(max_size=20) | st.text('ab-:"(){}\u201d OR', max_size=12),
)
def test_no_text_becomes_more_than_one_term(field: str, text: str) -> None:
    where = written(Comparison(field, "!=", text))
    try:
        q = search(Call(query={"where": where}))["q"]
    except ParameterError:
        return
    assert isinstance(q, str)
    assert re.fullmatch(r'-(\w+:)?("[^"]*"|[^\s(){}"-][^\s(){}"]*)', q)


@given(conditions(st.sampled_from([*FIELDS])))
def test_any_clause_becomes_words_that_end_where_they_do_or_is_refused(
    condition: Condition,
) -> None:
    try:
        q = search(Call(query={"where": written(condition)})).get("q", "")
    except ParameterError:
        return
    assert isinstance(q, str)
    check_brackets("q", q)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"includeSpamTrash": "perhaps"}, "includeSpamTrash"),
        ({"includeSpamTrash": "false", "where": "includeSpamTrash=true"}, "includeSpamTrash"),
        ({"q": "a) OR (b", "where": "from='a'"}, "q"),
        ({"q": "{a", "where": "from='a'"}, "q"),
        ({"q": 'a "b', "where": "from='a'"}, "q"),
        ({"where": "q='a) OR (b' and from='a'"}, "q"),
        ({"q": "x" * 4001}, "q"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(query: dict[str, str], path: str) -> None:
    with pytest.raises(ParameterError) as caught:
        search(Call(query=query))
    assert caught.value.path == path
