"""The words of a where-clause, and which of them may stand where.

Rule 1: what is not allowed here never reaches the parser: no comment, no function, no subquery,
no operator but those of the language, and no depth that the parser's recursion could break at.
Rule 2: a field's name becomes one word, whatever it is made of, so that a field may be called
`from` or `key`, and a refusal can say where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import tokens
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from ceql.condition import WhereError

LONGEST = 10_000  # characters
DEEPEST = 12  # brackets within brackets; the parser takes some 40 frames for each
MOST_CONDITIONS = 100
MOST_WORDS = 2_500  # names, operators, values, commas; the parser takes some 30 µs for each


class Ceql(MySQL):
    """MySQL's where-clause, with nothing but our keywords, and a backslash that is a backslash."""

    class Tokenizer(tokens.Tokenizer):
        QUOTES = ["'", '"']
        STRING_ESCAPES = ["'", '"']
        IDENTIFIERS = ["`"]
        COMMENTS = ["--", "#", ("/*", "*/")]
        COMMANDS = set()
        KEYWORDS = {
            "AND": TokenType.AND,
            "OR": TokenType.OR,
            "NOT": TokenType.NOT,
            "LIKE": TokenType.LIKE,
            "IN": TokenType.IN,
            "IS": TokenType.IS,
            "NULL": TokenType.NULL,
            "TRUE": TokenType.TRUE,
            "FALSE": TokenType.FALSE,
            "<>": TokenType.NEQ,
            "!=": TokenType.NEQ,
            "<=": TokenType.LTE,
            ">=": TokenType.GTE,
        }


COMPARING = {
    TokenType.EQ, TokenType.NEQ, TokenType.LT, TokenType.GT, TokenType.LTE, TokenType.GTE,
}  # fmt: skip
AFTER_A_FIELD = COMPARING | {
    TokenType.LIKE, TokenType.IN, TokenType.IS, TokenType.NOT, TokenType.NULL, TokenType.TRUE,
    TokenType.FALSE, TokenType.STRING, TokenType.NUMBER, TokenType.COMMA, TokenType.R_PAREN,
}  # fmt: skip
NAMES = {TokenType.VAR, TokenType.IDENTIFIER}
QUOTED = re.compile(r"'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\"|`(?:[^`]|``)*+`")
WORD = re.compile(r"[^\W\d]\w*")


def words(text: str) -> list[Token]:
    """The clause's words, each field's name as one IDENTIFIER. Raises WhereError."""
    _check_text(text)
    try:
        found = Ceql().tokenize(text)
    except TokenError:
        raise _unclosed(text) from None
    _refuse_comments(text, found)
    if len(found) > MOST_WORDS:
        raise WhereError(
            f"has {len(found)} words and signs; {MOST_WORDS} are allowed",
            found[MOST_WORDS].start + 1,
        )
    if not found:
        raise WhereError("is empty: it must be conditions such as name='x' joined by AND or OR")
    return list(_Reader(found).read())


def _check_text(text: str) -> None:
    if len(text) > LONGEST:
        raise WhereError(f"has {len(text)} characters; {LONGEST} are allowed")
    for position, character in enumerate(text, 1):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise WhereError("holds a character that is no text", position)


def _unclosed(text: str) -> WhereError:
    rest = QUOTED.sub(lambda quoted: " " * len(quoted[0]), text)
    opening = re.search(r"['\"`]|/\*", rest)
    if opening is None:
        return WhereError("cannot be read")
    comment = opening[0] == "/*"
    reason = "a comment is not allowed" if comment else "a quote is never closed"
    return WhereError(reason, opening.start() + 1)


def _refuse_comments(text: str, found: list[Token]) -> None:
    """What is neither blank nor in a token was read as a comment."""
    end = 0
    for token in found:
        _refuse_comment(text, end, token.start)
        end = token.end + 1
    _refuse_comment(text, end, len(text))


def _refuse_comment(text: str, start: int, end: int) -> None:
    between = text[start:end]
    if between.strip():
        blanks = len(between) - len(between.lstrip())
        raise WhereError("a comment is not allowed", start + blanks + 1)


class _Reader:
    """One pass over the tokens, which knows whether a field's name must come next."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._next = 0
        self._open: list[int] = []  # positions of the brackets
        self._conditions = 1

    def read(self) -> Iterator[Token]:
        field_next = True
        previous: TokenType | None = None
        while self._next < len(self._tokens):
            token = self._tokens[self._next]
            kind = token.token_type
            if kind is TokenType.L_PAREN:
                self._opening(token, field_next or previous is TokenType.IN)
            elif field_next and kind is TokenType.NOT and not self._compared():
                if previous is TokenType.NOT:
                    raise WhereError("NOT stands twice", token.start + 1)
            elif field_next:
                token = self._field()
                field_next = False
            elif kind in (TokenType.AND, TokenType.OR):
                self._joining(token)
                field_next = True
            elif kind is TokenType.DASH and self._peek(TokenType.NUMBER):
                self._next += 1
                token = _joined(TokenType.NUMBER, f"-{self._tokens[self._next].text}", token)
            else:
                self._other(token)
            previous = kind
            self._next += 1
            yield token
        if self._open:
            raise WhereError("a bracket is never closed", self._open[-1])

    def _opening(self, token: Token, allowed: bool) -> None:
        if not allowed:
            raise WhereError("a bracket is not expected here", token.start + 1)
        self._open.append(token.start + 1)
        if len(self._open) > DEEPEST:
            raise WhereError(f"has more than {DEEPEST} brackets within brackets", token.start + 1)

    def _joining(self, token: Token) -> None:
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise WhereError(f"has more than {MOST_CONDITIONS} conditions", token.start + 1)

    def _other(self, token: Token) -> None:
        if token.token_type is TokenType.R_PAREN:
            if not self._open:
                raise WhereError("this bracket closes nothing", token.start + 1)
            self._open.pop()
        elif token.token_type in NAMES:
            self._refuse_name(token)
            raise WhereError(
                f"{_shown(token.text)} is not expected here: a text stands in single quotes",
                token.start + 1,
            )
        elif token.token_type not in AFTER_A_FIELD:
            raise WhereError(f"{_shown(token.text)} is not expected here", token.start + 1)

    def _field(self) -> Token:
        """The name from here on, over its dots; the reader then stands on its last token."""
        first = self._tokens[self._next]
        parts = [self._part()]
        while self._peek(TokenType.DOT):
            self._next += 2
            if self._next >= len(self._tokens):
                raise WhereError("a field's name ends with a dot", first.start + 1)
            parts.append(self._part())
        return _joined(TokenType.IDENTIFIER, ".".join(parts), first)

    def _part(self) -> str:
        token = self._tokens[self._next]
        named = token.token_type in NAMES or token.token_type is TokenType.STRING
        if not named and not WORD.fullmatch(token.text):
            raise WhereError(
                f"a field's name is expected here, not {_shown(token.text)}", token.start + 1
            )
        if token.token_type is not TokenType.STRING:
            self._refuse_name(token)
        if not token.text:
            raise WhereError("a field's name is empty", token.start + 1)
        return token.text

    def _refuse_name(self, token: Token) -> None:
        if token.text.upper() == "SELECT" and not self._compared():
            raise WhereError("a subquery is not allowed", token.start + 1)
        if self._peek(TokenType.L_PAREN) and token.token_type is not TokenType.IN:
            raise WhereError(
                f"a function call is not allowed: {_shown(token.text)}(", token.start + 1
            )

    def _compared(self) -> bool:
        return any(self._peek(kind) for kind in COMPARING)

    def _peek(self, kind: TokenType) -> bool:
        after = self._next + 1
        return after < len(self._tokens) and self._tokens[after].token_type is kind


def _joined(kind: TokenType, text: str, first: Token) -> Token:
    return Token(kind, text, first.line, first.col, first.start, first.end)


def _shown(text: str) -> str:
    return f'"{text}"' if len(text) <= 30 else f'"{text[:30]}…"'
