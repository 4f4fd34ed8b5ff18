"""Questions about access: SelfSubjectAccessReview and its relatives, in JSON and (for kubectl auth can-i) protobuf."""

from typing import Any

from aiohttp import web

from sandbox.kubernetes.access import Access, Request, User
from sandbox.kubernetes.calls import Call, parse_object
from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.protobuf import decode_self_review, is_protobuf

REVIEWS = frozenset(
    {"SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview", "SelfSubjectReview", "TokenReview"}
)


class Reviews:
    """Answers the creation of a review; nothing is stored."""

    def __init__(self, access: Access) -> None:
        self.access = access

    async def answer(self, call: Call) -> web.Response:
        raw = await call.request.read()
        if is_protobuf(raw):
            body: Obj = {"spec": decode_self_review(raw, call.kind.name)}
        else:
            body = parse_object(raw.decode() or "{}", call.request.content_type)
        spec = body.get("spec") or {}
        status = self._status(call, spec)
        shown = {
            "kind": call.kind.name,
            "apiVersion": call.kind.api_version,
            "metadata": {"creationTimestamp": None},
            "spec": spec,
            "status": status,
        }
        return web.json_response(shown, status=201)

    def _status(self, call: Call, spec: Obj) -> Obj:
        if call.kind.name == "SelfSubjectAccessReview":
            return self._decision(call.user, spec)
        if call.kind.name == "SubjectAccessReview":
            return self._decision(User(spec.get("user", ""), tuple(spec.get("groups") or ())), spec)
        if call.kind.name == "SelfSubjectReview":
            return {"userInfo": _shown_user(call.user)}
        if call.kind.name == "TokenReview":
            user = self.access.authenticate(f"Bearer {spec.get('token', '')}")
            return {"authenticated": True, "user": _shown_user(user)} if user else {"authenticated": False}
        return self._rules(call.user, spec.get("namespace", ""))

    def _decision(self, user: User, spec: Obj) -> Obj:
        asked: dict[str, Any] = spec.get("resourceAttributes") or {}
        if asked:
            resource = "/".join(filter(None, (asked.get("resource", ""), asked.get("subresource", ""))))
            request = Request(
                asked.get("verb", ""),
                asked.get("group", ""),
                resource,
                asked.get("namespace", ""),
                asked.get("name", ""),
            )
        else:
            path = spec.get("nonResourceAttributes") or {}
            request = Request(path.get("verb", ""), path=path.get("path", ""))
        return {"allowed": self.access.allows(user, request)}

    def _rules(self, user: User, namespace: str) -> Obj:
        rules = list(self.access.rules_for(user, namespace))
        resource_rules = [
            {key: rule[key] for key in ("verbs", "apiGroups", "resources", "resourceNames") if key in rule}
            for rule in rules
            if "resources" in rule
        ]
        other_rules = [
            {"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]}
            for rule in rules
            if "nonResourceURLs" in rule
        ]
        return {"resourceRules": resource_rules, "nonResourceRules": other_rules, "incomplete": False}


def _shown_user(user: User) -> Obj:
    shown: Obj = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        shown["uid"] = user.uid
    return shown
