"""Databases and brokers: who runs one, and which of them a client's line speaks of."""

import re

from integrations.kubernetes.diagnosis.addresses import addresses_of, backing, service_at
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import entity, name_of, namespace_of, spec_of
from integrations.kubernetes.snapshot import Object

_DATABASES = re.compile(
    r"postgres|mysql|mariadb|percona|mongo|redis|valkey|cassandra|cockroach|mssql|oracle|clickhouse|couchdb|"
    r"memcached|elasticsearch|opensearch|influx|timescale|scylla|etcd"
)
_BROKERS = re.compile(r"rabbitmq|kafka|redpanda|pulsar|nats|activemq|artemis|mosquitto|emqx|zookeeper|minio|localstack")
"""What keeps others' data and is no database; its name stands where the database's name stands."""
_BESIDE = re.compile(r"exporter|operator|backup|proxy|admin|ui\b|connect|client|init")
"""Images that carry a database's name and are something beside it."""
_POSTGRES = re.compile(
    r"[Pp]ostgres|PSQL|[Pp]gsql|\bPG(?:::|Error)|psycopg|asyncpg|pq:|pgx|\b(?:53[0-9]{3}|25006|28P01)\b|FATAL: "
)
_MYSQL = re.compile(r"[Mm]y[Ss][Qq][Ll]|[Mm]aria|--(?:super-)?read-only option|\b(?:1040|1045|1203|1290)\b")
_DIALECTS = (
    ("postgres", _POSTGRES), ("timescale", _POSTGRES), ("cockroach", _POSTGRES),
    ("mysql", _MYSQL), ("mariadb", _MYSQL), ("percona", _MYSQL),
    ("redis", re.compile(r"[Rr]edis|READONLY You|WRONGPASS|NOAUTH|max number of clients")),
    ("valkey", re.compile(r"[Rr]edis|[Vv]alkey|READONLY You|WRONGPASS|NOAUTH|max number of clients")),
    ("rabbitmq", re.compile(r"[Rr]abbit|[Aa][Mm][Qq][Pp]|Bunny|\bpika\b")),
    ("kafka", re.compile(r"[Kk]afka|brod:|sarama|librdkafka|\bleader\b.*\bpartition")),
    ("minio", re.compile(r"[Mm]inio|\bS3\b|s3:|PutObject|GetObject|botocore")),
    ("elasticsearch", re.compile(r"[Ee]lastic|cluster_block_exception|es_rejected|index_not_found")),
    ("opensearch", re.compile(r"[Oo]pen[Ss]earch|cluster_block_exception|es_rejected|index_not_found")),
    ("cassandra", re.compile(r"[Cc]assandra|datastax|gocql|CQL|NoHostAvailable")),
    ("mongo", re.compile(r"[Mm]ongo|NotWritablePrimary|[Nn]ot ?(?:[Mm]aster|[Pp]rimary)")),
)  # fmt: skip
"""How the clients of a database sound, by a part of its image's name."""


def is_database(graph: Graph, service: Object) -> bool:
    """Say whether the pods behind a Service run a database, going by their images."""
    return any(_DATABASES.search(_engine(pod)) for pod in _pods_behind(graph, service)[:1])


def keeps_data(graph: Graph, service: Object) -> bool:
    """Say whether the pods behind a Service run a database, a broker or a store of objects."""
    return any(_engine(pod) for pod in _pods_behind(graph, service)[:1])


def _pods_behind(graph: Graph, service: Object) -> list[Object]:
    return graph.pods_selected(namespace_of(service), spec_of(service).get("selector") or {})


def _engine(pod: Object) -> str:
    """Return the database or broker that a pod runs, "" when it runs none."""
    for container in spec_of(pod).get("containers") or ():
        image = str(container.get("image")).rpartition("/")[2].lower()
        if (match := _DATABASES.search(image) or _BROKERS.search(image)) and not _BESIDE.search(image):
            return match[0]
    return ""


def runs_database(graph: Graph, workload: Object) -> bool:
    """Say whether a workload's pods run a database or a broker, going by their images."""
    return any(_engine(pod) for pod in graph.pods_of(workload)[:1])


def database_behind(graph: Graph, workload: Object | None, line: str) -> Object | None:
    """Return the workload of the database that a line speaks of.

    That is the one it names, else the only one of its kind that the workload is told to call, else the only one of its
    kind in the namespace. None for a database itself, and where there are several.
    """
    if workload is None or runs_database(graph, workload):
        return None
    namespace = namespace_of(workload)
    told = {
        name_of(found): found
        for address in addresses_of(graph, workload)
        if (found := service_at(graph, address.host, namespace)) is not None and keeps_data(graph, found)
    }
    near = {name_of(found): found for found in graph.services_in(namespace) if keeps_data(graph, found)}
    for services in (told, near):
        named = [found for name, found in sorted(services.items()) if re.search(rf"\b{re.escape(name)}\b", line)]
        fitting = [found for _, found in sorted(services.items()) if speaks_of(graph, found, line)]
        for chosen in (named[:1], fitting, list(services.values())):
            owners = {entity(owner): owner for found in chosen for owner in backing(graph, found)}
            if len(owners) == 1:
                return next(iter(owners.values()))
    return None


def speaks_of(graph: Graph, service: Object, line: str) -> bool:
    """Say whether a line is of the kind that the clients of this database write."""
    engines = {engine for pod in _pods_behind(graph, service)[:1] if (engine := _engine(pod))}
    return any(pattern.search(line) for name, pattern in _DIALECTS if any(name in engine for engine in engines))
