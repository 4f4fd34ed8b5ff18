"""Filling an alert's values into the text of a runbook, without letting them become part of a command."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.redaction import redact

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_CODE_SPAN = re.compile(r"`[^`]*`")
# What a shell takes as one plain word, and no program takes for an option.
_SHELL_WORD = re.compile(r"[A-Za-z0-9/][A-Za-z0-9._:/@=+,%-]{0,252}")
_LONGEST_VALUE = 300
_UNKNOWN = "?"


def fill(lines: Sequence[str], fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the lines with their placeholders filled in.

    A sentence whose first value the alert does not have is left out, and a line whose first sentence is left out is
    left out as a whole, because the rest leans on it. Further missing values read "?".
    """
    filled = []
    for line in lines:
        sentences = [_fill_sentence(sentence, fields) for sentence in _sentences(line)]
        if sentences and sentences[0] is not None:
            filled.append(" ".join(sentence for sentence in sentences if sentence is not None))
    return tuple(filled)


def _sentences(line: str) -> list[str]:
    """Split a line at the ends of its sentences, but nowhere inside of code or of a placeholder."""
    closed = [span.span() for pattern in (_CODE_SPAN, _PLACEHOLDER) for span in pattern.finditer(line)]
    sentences, start = [], 0
    for end in _SENTENCE_END.finditer(line):
        if not any(first <= end.start() < last for first, last in closed):
            sentences.append(line[start : end.start()])
            start = end.end()
    return [*sentences, line[start:]]


def _fill_sentence(sentence: str, fields: Mapping[str, Any]) -> str | None:
    found = _PLACEHOLDER.search(sentence)
    if found is not None and _value(found[1], fields) is None:
        return None
    text = _CODE_SPAN.sub(lambda span: _fill_code(span[0], fields), sentence)
    return _PLACEHOLDER.sub(lambda match: _value(match[1], fields) or _UNKNOWN, text)


def _fill_code(span: str, fields: Mapping[str, Any]) -> str:
    """Fill in a code span, which a person may paste into a shell at three in the morning.

    A value that is more than one plain word stays outside: the command then has a word in capitals for it.
    """
    outside: list[str] = []

    def replace(match: re.Match[str]) -> str:
        word = match[1].split(" or ")[0].rsplit(".", 1)[-1].strip(' "').upper()
        value = _value(match[1], fields)
        if value is None or match[1].strip().startswith('"') or _SHELL_WORD.fullmatch(value):
            return value or word
        if _is_words_of_ours(match[1], value):
            return value
        outside.append(f"{word}: {value}")
        return word

    code = _PLACEHOLDER.sub(replace, span)
    return f"{code} ({'; '.join(outside)})" if outside else code


def _is_words_of_ours(expression: str, value: str) -> bool:
    return any(part.strip() == f'"{value}"' for part in expression.split(" or "))


def _value(expression: str, fields: Mapping[str, Any]) -> str | None:
    for part in re.split(r"\s+or\s+", expression.strip()):
        if part.startswith('"'):
            return part.strip('"')
        value = fields.get(part)
        if value not in (None, "", [], ()):
            text = ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)
            # What an alert says is data: it must not look like our own code spans or break out of one.
            return redact(" ".join(text.replace("`", "'").split()))[:_LONGEST_VALUE]
    return None
