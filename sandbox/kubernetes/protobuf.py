"""Just enough protobuf to read the access reviews that kubectl sends in no other form."""

import base64
from collections.abc import Iterator

from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.objects import Obj

_MAGIC = b"k8s\x00"
_SIMPLE = frozenset({"Namespace", "ServiceAccount", "ConfigMap", "Secret"})
_ATTRIBUTES = ("namespace", "verb", "group", "version", "resource", "subresource", "name")


def is_protobuf(raw: bytes) -> bool:
    return raw.startswith(_MAGIC)


def decode_self_review(raw: bytes, kind: str) -> Obj:
    """Return the spec of a SelfSubjectAccessReview or SelfSubjectRulesReview. Raise StatusError 400 when malformed."""
    try:
        message = _first(raw[len(_MAGIC) :], 2)
        spec = _first(message, 2)
        if kind == "SelfSubjectRulesReview":
            return {"namespace": _first(spec, 1).decode()}
        if kind != "SelfSubjectAccessReview":
            return {}
        resource, path = _first(spec, 1), _first(spec, 2)
        if resource:
            read = {name: _first(resource, index).decode() for index, name in enumerate(_ATTRIBUTES, start=1)}
            return {"resourceAttributes": {name: value for name, value in read.items() if value}}
        return {"nonResourceAttributes": {"path": _first(path, 1).decode(), "verb": _first(path, 2).decode()}}
    except (IndexError, UnicodeDecodeError) as error:
        raise StatusError.bad_request("the protobuf body is malformed") from error


def decode_simple(raw: bytes, kind: str) -> Obj | None:
    """Return a Namespace, ServiceAccount, ConfigMap or Secret that `kubectl create` sends; None for other kinds."""
    if kind not in _SIMPLE:
        return None
    try:
        message = _first(raw[len(_MAGIC) :], 2)
        found: Obj = {"metadata": _metadata(_first(message, 1))}
        if kind == "ConfigMap":
            found["data"] = {key: value.decode() for key, value in _map(message, 2)}
        elif kind == "Secret":
            found["data"] = {key: base64.b64encode(value).decode() for key, value in _map(message, 2)}
            found["type"] = _first(message, 3).decode() or "Opaque"
    except (IndexError, UnicodeDecodeError) as error:
        raise StatusError.bad_request("the protobuf body is malformed") from error
    return found


def _metadata(raw: bytes) -> Obj:
    read: Obj = {name: _first(raw, number).decode() for name, number in (("name", 1), ("namespace", 3))}
    read["labels"] = {key: value.decode() for key, value in _map(raw, 11)}
    read["annotations"] = {key: value.decode() for key, value in _map(raw, 12)}
    return {key: value for key, value in read.items() if value}


def _map(raw: bytes, number: int) -> Iterator[tuple[str, bytes]]:
    """Yield the entries of a map field."""
    for found, value in _fields(raw):
        if found == number:
            yield _first(value, 1).decode(), _first(value, 2)


def _first(raw: bytes, number: int) -> bytes:
    """Return the first length-delimited field of that number, or nothing."""
    return next((value for found, value in _fields(raw) if found == number), b"")


def _fields(raw: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(raw):
        tag, position = _varint(raw, position)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            _, position = _varint(raw, position)
        elif wire == 1:
            position += 8
        elif wire == 2:
            length, position = _varint(raw, position)
            yield number, raw[position : position + length]
            position += length
        elif wire == 5:
            position += 4
        else:
            raise IndexError(f"wire type {wire}")


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7
