"""Who is asking and what they may do: bearer tokens and RBAC over the Role and Binding objects of the store."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.store import Store

ANONYMOUS = "system:anonymous"
_MASTERS = "system:masters"


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated identity, as SelfSubjectReview shows it."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """The attributes RBAC decides on. `resource` may carry a subresource (`pods/log`); `path` is for non-resources."""

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


@dataclass(slots=True)
class Access:
    """Tokens handed out by this server, and the evaluation of the RBAC objects."""

    store: Store
    admin_token: str = field(default_factory=lambda: f"admin-{secrets.token_urlsafe(24)}")
    _tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    _issued: dict[tuple[str, str], str] = field(default_factory=dict)

    def token_for(self, namespace: str, account: str) -> str:
        """Return the token of a ServiceAccount, the same one each time."""
        token = self._issued.get((namespace, account))
        if token is None:
            token = f"sa-{namespace}-{account}-{secrets.token_urlsafe(24)}"
            self._issued[namespace, account] = token
            self._tokens[token] = (namespace, account)
        return token

    def authenticate(self, header: str | None) -> User | None:
        """Return who a bearer token belongs to, anonymous without one, and None for a token nobody issued."""
        if not header:
            return User(ANONYMOUS, ("system:unauthenticated",))
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        if secrets.compare_digest(token.encode(), self.admin_token.encode()):
            return User("kubernetes-admin", (_MASTERS, "system:authenticated"))
        account = self._tokens.get(token)
        if account is None:
            return None
        namespace, name = account
        found = self.store.get("ServiceAccount", namespace, name)
        if found is None:
            return None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return User(f"system:serviceaccount:{namespace}:{name}", groups, found["metadata"]["uid"])

    def allows(self, user: User, request: Request) -> bool:
        if _MASTERS in user.groups:
            return True
        return any(_rule_allows(rule, request) for rule in self.rules_for(user, request.namespace))

    def rules_for(self, user: User, namespace: str) -> Iterator[Obj]:
        """Yield the rules that apply to a user in a namespace; cluster-wide ones only when it is empty."""
        if _MASTERS in user.groups:
            yield {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            yield {"verbs": ["*"], "nonResourceURLs": ["*"]}
        for binding in self.store.list_of("ClusterRoleBinding"):
            if _binds(binding, user):
                yield from self._rules(binding["roleRef"], "")
        if namespace:
            for binding in self.store.list_of("RoleBinding", namespace):
                if _binds(binding, user):
                    yield from self._rules(binding["roleRef"], namespace)

    def _rules(self, reference: Obj, namespace: str) -> list[Obj]:
        where = "" if reference["kind"] == "ClusterRole" else namespace
        role = self.store.get(reference["kind"], where, reference["name"])
        return list((role or {}).get("rules") or [])


def denial(user: User, request: Request) -> str:
    """Return the reason of a 403 in the words of the real server."""
    if request.path:
        return f'User "{user.name}" cannot {request.verb} path "{request.path}"'
    scope = f' in the namespace "{request.namespace}"' if request.namespace else " at the cluster scope"
    group = request.group
    return f'User "{user.name}" cannot {request.verb} resource "{request.resource}" in API group "{group}"{scope}'


def _binds(binding: Obj, user: User) -> bool:
    namespace = binding["metadata"].get("namespace", "")
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name")
        if kind == "User" and name == user.name:
            return True
        if kind == "Group" and name in user.groups:
            return True
        account = f"system:serviceaccount:{subject.get('namespace', namespace)}:{name}"
        if kind == "ServiceAccount" and account == user.name:
            return True
    return False


def _rule_allows(rule: dict[str, Any], request: Request) -> bool:
    if not _covers(rule.get("verbs"), request.verb):
        return False
    if request.path:
        return any(_path_matches(pattern, request.path) for pattern in rule.get("nonResourceURLs") or ())
    if not _covers(rule.get("apiGroups"), request.group) or not _resource_covered(rule, request.resource):
        return False
    names = rule.get("resourceNames") or []
    return not names or request.name in names


def _covers(listed: list[str] | None, value: str) -> bool:
    return "*" in (listed or ()) or value in (listed or ())


def _resource_covered(rule: dict[str, Any], resource: str) -> bool:
    listed: list[str] = rule.get("resources") or []
    subresource = resource.partition("/")[2]
    return _covers(listed, resource) or (bool(subresource) and f"*/{subresource}" in listed)


def _path_matches(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))
