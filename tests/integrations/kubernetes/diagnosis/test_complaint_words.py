"""The cheap question before the patterns loses no line that a pattern fits."""

import re

import pytest

from integrations.kubernetes.diagnosis.complaint_words import ANY, PATTERNS, may_complain
from tests.evals.diagnosis.clusters import cases
from tests.evals.diagnosis.world import take

_CHATTER = re.compile(r"\b(?:INFO|DEBUG|TRACE|info|debug|trace)\b")


def test_every_line_that_a_pattern_fits_passes_the_cheap_question() -> None:
    lines = {line[:1000] for case in cases()[::3] for log in take(case).logs.values() for line in log}
    fitting = [line for line in lines if ANY.search(line) and not _CHATTER.search(line, 0, 200)]
    assert len(fitting) > 150
    assert [line for line in fitting if not may_complain(line)] == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("nc: bad address 'alert-redis'", "unresolved"),
        ("SSL routines::wrong version number", "protocol"),
        ("System.Security: RemoteCertificateChainErrors NotTimeValid", "certificate"),
        ("Npgsql: The connection pool has been exhausted", "connections"),
        ("MISCONF Redis is configured to save RDB snapshots", "read_only"),
        ("redis: WRONGPASS invalid username-password pair", "credentials"),
        ('User "system:serviceaccount:shop:web" cannot list resource "pods"', "forbidden"),
        ("An error occurred (XMinioStorageFull) when calling PutObject", "disk"),
        ("connect ECONNREFUSED 10.0.0.1:80", "refused"),
        ("read: connection reset by peer", "reset"),
        ("Lock wait timeout exceeded; try restarting transaction", "timeout"),
        ('"GET /x HTTP/1.1" 503 UH 0 91', "gateway"),
        ("slow upstream connect: took 401ms rtt=400.8ms", "latency"),
    ],
)
def test_kinds(line: str, kind: str) -> None:
    assert may_complain(line)
    assert next(name for name, pattern in PATTERNS if pattern.search(line)) == kind
