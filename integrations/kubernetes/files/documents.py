"""Bytes to objects: JSON, streams of JSON, YAML of many documents, and Lists of any kind.

The bytes are hostile until shown otherwise: nesting is bounded before the parsers (which recurse in C) see it, and
aliases are counted as if written out.
"""

import codecs
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

Object = dict[str, Any]

_MAX_NESTING = 200
_MAX_EXPANDED_NODES = 2_000_000
_ALIAS = re.compile(r"(?:^|[\s,\[{:-])\*[^\s*,\[\]{}]")
_MANY_MARKERS = re.compile(r"(?:[-?:]\s+){60}")
_FAR_INDENTED = re.compile(r"^ {300}", re.MULTILINE)
_NO_BRACKETS = re.compile(r"[^\[\]{}]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_YAML_START = re.compile(r"^(?:apiVersion|kind|items|metadata)[ \t]*:|^- (?:apiVersion|kind|metadata):", re.MULTILINE)
_SNIFFED = 65_536


class BrokenFileError(ValueError):
    """What a file holds cannot be read; the message is one sentence."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as the API means it: times stay text, and only what JSON could hold comes out."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def decode(content: bytes) -> str:
    """Return the text of a file; Windows shells redirect into UTF-16 with a byte order mark."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    return content.decode("utf-8-sig", errors="replace")


def looks_like(text: str) -> str | None:
    """Return `json`, `yaml` or None for a text that holds no objects, judged by how it starts."""
    start = text[:_SNIFFED].lstrip()
    if start[:1] in {"{", "["}:
        return "json" if re.match(r'\{\s*["}]|\[\s*[\[{"\]]', start) else None
    return "yaml" if _YAML_START.search(start) else None


def parse_json(text: str) -> Iterator[Any]:
    """Yield the values of one JSON text, or of several one after another. Raise BrokenFileError."""
    decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
    position = 0
    while (position := _after_blanks(text, position)) < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except RecursionError:
            raise BrokenFileError("is nested too deeply") from None
        except ValueError as error:
            raise BrokenFileError(f"is not valid JSON: {error}") from error
        yield _clean_text(value, text)


def _after_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n\x1e":
        position += 1
    return position


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(text: str) -> float | str:
    """Numbers beyond a float's range stay text: as infinity they could not be written again."""
    number = float(text)
    return number if math.isfinite(number) else text


def _clean_text(value: Any, text: str) -> Any:
    """Half characters can be read and not be written again."""
    return _plain(value) if "\\ud" in text or "\\uD" in text else value


def parse_yaml(text: str) -> Iterator[Any]:
    """Yield the documents of a YAML text, with strings as keys. Raise BrokenFileError."""
    _check_nesting(text)
    aliased = _ALIAS.search(text) is not None
    try:
        loader = _Loader(text)
        try:
            while loader.check_node():
                node = loader.get_node()
                if aliased:
                    _check_expansion(node)
                yield _plain(loader.construct_document(node))
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        raise BrokenFileError(f"is not valid YAML{place}: {getattr(error, 'problem', None) or error}") from error
    except RecursionError:
        raise BrokenFileError("is nested too deeply") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise BrokenFileError(f"is not valid YAML: {error}") from error


def _check_nesting(text: str) -> None:
    """Refuse deep nesting before composing: libyaml's events come one by one, its nodes are built by recursion in C."""
    if not (_may_nest_flow(text) or _MANY_MARKERS.search(text) or _FAR_INDENTED.search(text)):
        return
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _MAX_NESTING:
                    raise BrokenFileError("is nested too deeply")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        return  # said better where the documents are read


def _may_nest_flow(text: str) -> bool:
    """Say whether brackets could be nested too deeply, counting also those inside of strings."""
    brackets = _NO_BRACKETS.sub("", text)
    for _ in range(_MAX_NESTING):
        shorter = brackets.replace("{}", "").replace("[]", "")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    return brackets.count("{") + brackets.count("[") > _MAX_NESTING


def _check_expansion(root: yaml.Node) -> None:
    """Refuse aliases that would make a small text a huge tree, and trees that contain themselves."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        children = _children(node)
        if done:
            open_nodes.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in children)
            if sizes[id(node)] > _MAX_EXPANDED_NODES:
                raise BrokenFileError("repeats itself through aliases without end")
            continue
        if id(node) in sizes:
            continue
        if id(node) in open_nodes:
            raise BrokenFileError("contains itself through an alias")
        open_nodes.add(id(node))
        stack.append((node, True))
        for child in children:
            if id(child) in open_nodes:
                raise BrokenFileError("contains itself through an alias")
            if id(child) not in sizes:
                stack.append((child, False))


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return []


def _plain(value: Any) -> Any:
    """Return what JSON can hold: keys become text, what only YAML knows becomes text, half characters go."""
    if isinstance(value, dict):
        return {_plain_text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def _plain_text(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)


def objects_in(value: Any) -> Iterator[Object]:
    """Yield the objects of a document: one, a List's items with the kind that the List implies, or an array's.

    Raise BrokenFileError for an error that a server answered in place of objects.
    """
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from objects_in(item)
        return
    if not isinstance(value, dict):
        return
    kind = value.get("kind")
    if kind == "Status" and value.get("status") == "Failure":
        raise BrokenFileError(f"holds an error of the server: {value.get('message') or value.get('reason')}")
    items = value.get("items")
    if isinstance(items, list) and (kind is None or (isinstance(kind, str) and kind.endswith("List"))):
        yield from _items(items, str(kind or "").removesuffix("List"), str(value.get("apiVersion") or ""))
    elif isinstance(kind, str) and kind:
        yield value
    elif isinstance(value.get("object"), dict) and isinstance(value.get("type"), str):
        yield from objects_in(value["object"])  # kubectl get --watch --output-watch-events


def _items(items: list[Any], kind: str, version: str) -> Iterator[Object]:
    for item in items:
        if not isinstance(item, dict):
            continue
        if item.get("kind"):
            yield from objects_in(item)
        elif kind:
            yield {**item, "kind": kind, "apiVersion": item.get("apiVersion") or version}
