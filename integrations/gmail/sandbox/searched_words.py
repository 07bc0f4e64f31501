"""SQL functions for what a search looks at and the table of messages has no column for."""

import json
import sqlite3

from .mime import file_names, parse, words


def register(connection: sqlite3.Connection) -> None:
    """Teach the connection `header_words(headers, name)` and `filename_words(raw)`."""
    connection.create_function("header_words", 2, header_words, deterministic=True)
    connection.create_function("filename_words", 1, filename_words, deterministic=True)


def header_words(headers: str, name: str) -> str:
    """The words of every header of that name (in lower case); a phrase cannot span two."""
    found = [value for key, value in json.loads(headers) if key.lower() == name]
    return " ".join(map(words, found))


def filename_words(raw: bytes) -> str:
    """The words of the names of a mail's files; a phrase cannot span two."""
    return " ".join(map(words, file_names(parse(raw))))
