"""What programs that still run say about others, as families of messages."""

import re

_KINDS = (
    (
        "unresolved",
        (
            r"no such host|ENOTFOUND|EAI_AGAIN|getaddrinfo|Name or service not known|[Nn]ame does not resolve|"
            r"failure in name resolution|could not translate host name|UnknownHostException|NXDOMAIN|"
            r"host not found in upstream|"
            r"nodename nor servname|"
            r"lookup [\w.-]+ on \S+:53|lookup [\w.-]+: (?:i/o timeout|server misbehaving)|"
            r"DNS resolution failed|[Cc]ould not resolve|failed to lookup address|nxdomain|"
            r"DNS NX status|bad address '|can't resolve '|server can't find |"
            r"No such host is known"
        ),
    ),
    (
        "protocol",
        (
            r"server gave HTTP response to HTTPS client|HTTP request (?:was )?sent to (?:an )?HTTPS|"
            r"wrong version number|"
            r"does not look like a TLS handshake|Unsupported or unrecognized SSL message|plain HTTP request was sent|"
            r"malformed HTTP (?:response|version)|unexpected HTTP/\S+ response|PRI \* HTTP/2|EPROTO|"
            r"WRONG_VERSION_NUMBER|"
            r"http2: (?:frame too large|failed reading the frame)|protocol error|Received HTTP/0\.9|"
            r"invalid HTTP version|requires TLS|Client sent an HTTP request to an HTTPS server|FrameTypeError|"
            r"[Ii]nvalid protocol (?:header|version)|unexpected (?:protocol|frame)"
        ),
    ),
    (
        "certificate",
        (
            r"certificate (?:has expired|is not yet valid|expired)|CERT_HAS_EXPIRED|CertificateExpired|"
            r"x509: .*expired|NotAfter:|NotTimeValid|peer certificate: Expired|certificate_expired|expired certificate"
        ),
    ),
    (
        "connections",
        (
            r"[Tt]oo many (?:clients|connections)|remaining connection slots|max number of clients reached|"
            r"[Cc]onnection is not available, request timed out|QueuePool limit|"
            r"[Pp]ool (?:is )?(?:exhausted|timed? ?out)|"
            r"[Tt]imeout (?:acquiring|waiting for) (?:a )?connection|max_user_connections|ORA-12519|ORA-00020|"
            r"connection pool has been exhausted|dropped from queue|waiting for a pooled item|"
            r"could not obtain a connection from the pool|[Cc]onnection pool (?:is )?(?:exhausted|full)"
        ),
    ),
    (
        "read_only",
        (
            r"read-only transaction|READONLY You can't write|--(?:super-)?read-only option|NotWritablePrimary|"
            r"[Nn]ot ?(?:[Mm]aster|[Pp]rimary)\b|readonly database|MISCONF|NOREPLICAS|FORBIDDEN/12|"
            r"(?:database|server|instance|replica) is (?:in )?read.?only"
        ),
    ),
    (
        "credentials",
        (
            r"Access denied for user|password authentication failed|SASL authentication|WRONGPASS|NOAUTH|ORA-01017|"
            r"no pg_hba\.conf entry|Login failed for user|\brole \"[^\"]+\" does not exist|"
            r"(?:[Mm]ongo|SCRAM|AMQP|ACCESS_REFUSED).{0,80}[Aa]uthentication|ACCESS_REFUSED|"
            r"invalid username-password pair|InvalidAccessKeyId|SignatureDoesNotMatch|AuthenticationFailure|"
            r"unable to authenticate user|AuthenticationException|[Aa]uthentication error on node|"
            r"[Aa]uthentication failed|[Aa]uthorization [Vv]iolation"
        ),
    ),
    ("forbidden", r"[Uu]ser \W*system:serviceaccount:\S+ cannot \w+ resource"),
    (
        "disk",
        (
            r"[Nn]o space left on device|ENOSPC|[Dd]isk quota exceeded|StorageFull|minimum free drive threshold|"
            r"flood.stage disk watermark|read.only.allow.delete|disk (?:resource limit|free space|space) alarm|"
            r"disk_free_limit|[Ii]nsufficient disk space|[Nn]ot enough (?:free )?disk space|[Dd]isk is full"
        ),
    ),
    (
        "refused",
        (
            r"ECONNREFUSED|[Cc]onnection refused|actively refused|connect: refused|Broker may not be available|"
            r"NoBrokersAvailable|(?:[Uu]nable|[Ff]ailed) to connect|[Cc]ould not connect|code = Unavailable|"
            r"UNAVAILABLE|no healthy upstream|upstream connect error|UnableToConnect|not possible to connect|"
            r"Communications link failure|"
            r"[Cc]onnection to \S+ .{0,60}could not be established"
        ),
    ),
    ("reset", r"[Cc]onnection reset|ECONNRESET|packet loss|retransmi"),
    (
        "timeout",
        (
            r"timed[ -]?out|[Tt]imeout (?:exceeded|after|while|waiting|expired|reached|calling|connecting|of \d)|"
            r"(?:[Rr]equest|[Rr]ead|[Cc]onnect(?:ion)?|i/o|[Gg]ateway|[Ss]ocket|[Rr]esponse) ?[Tt]ime-?out|"
            r"deadline exceeded|DEADLINE_EXCEEDED|DeadlineExceeded|ETIMEDOUT|TimeoutError|"
            r"TimeoutException|ESOCKETTIMEDOUT|failed to receive ACK|"
            r"[Ll]ock (?:wait )?timeout|PoolClearedOnNetworkError|[Nn]ot enough replicas available"
        ),
    ),
    (
        "gateway",
        (
            r"\b50[234] (?:UH|UF|URX|LH|NR|NC|UC|UT|DPE|UPE|UO)\b|no_healthy_upstream|cluster_not_found|"
            r"\" 50[234] \d|\b(?:502 Bad Gateway|503 Service (?:Temporarily )?Unavailable)|"
            r"status(?:[ _]?code)?\"?[=: ]{1,3}50[234]\b|no live upstreams|<NOSRV>.{0,40} 503 |"
            r"upstream_reset_before_response_started"
        ),
    ),
)
_LATENCY = (
    r"(?:slow|latency|rtt|round.?trip|connect\w* took|high ping).{0,80}?[=: ](?:[3-9]\d\d|\d{4,})(?:\.\d+)? ?ms|"
    r"(?:slow|latency|rtt|round.?trip).{0,80}?[=: ]\d+\.\d+ ?s\b"
)
"""What is said of answers that come, and come late."""
_ALL = (*_KINDS, ("latency", _LATENCY))
PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _ALL)
"""The kinds of complaints; of two that fit a line the first counts."""
ANY = re.compile("|".join(f"(?:{pattern})" for _, pattern in _ALL))

_STEMS = (
    "no such host", "enotfound", "eai_again", "getaddrinfo", "not known", "not resolve", "name resolution",
    "translate host", "unknownhost", "nxdomain", "host not found", "nodename", "lookup", "dns", "resolve",
    "bad address", "can't find", "to https", "an https", "wrong version", "wrong_version", "handshake", "ssl message",
    "plain http", "malformed http", "unexpected http", "pri * http", "eproto", "http2", "protocol", "received http",
    "invalid http", "requires tls", "frame", "certificate", "cert_has", "x509", "notafter", "nottimevalid", "too many",
    "connection slots", "number of clients", "not available", "queuepool", "pool", "acquiring", "max_user_conn", "ora-",
    "from queue", "read-only", "readonly", "read only", "primary", "notwritable", "master", "misconf", "noreplicas",
    "forbidden/12", "access denied", "password", "sasl", "wrongpass", "noauth", "pg_hba", "login failed",
    "does not exist", "authent", "access_refused", "invalidaccesskey", "signaturedoes", "authorization",
    "serviceaccount", "space left", "enospc", "quota", "storagefull", "free drive", "disk", "allow", "refused",
    "broker", "to connect", "not connect", "unavailable", "no healthy", "upstream", "unabletoconnect", "link failure",
    "be established", "reset", "packet loss", "retransm", "timeout", "timed", "time-out", "time out", "deadline",
    "receive ack", "lock", "replicas available", "502", "503", "504", "<nosrv>", "cluster_not_found", "slow",
    "rtt", "round trip", "round-trip", "roundtrip", "connect took", "ed took", "high ping",
)  # fmt: skip
"""In lower case; every line that a pattern fits holds one of them. Looking for them is a fortieth of the work."""


_HIGH = re.compile(r"latency\W{0,6}(?:[3-9]\d\d|\d{4,}|\d+\.\d+ ?s)")
_CALM = ("INFO", "DEBUG", "TRACE", '"info"', '"debug"', '"trace"', "level=info", "level=debug", "[info]", "[debug]")


def may_complain(line: str) -> bool:
    """Say whether a line is worth being searched with the patterns: it is no chatter, and holds one of their stems."""
    start = line[:200]
    if any(word in start for word in _CALM):
        return False
    lowered = line.lower()
    return any(stem in lowered for stem in _STEMS) or ("latency" in lowered and _HIGH.search(lowered) is not None)
