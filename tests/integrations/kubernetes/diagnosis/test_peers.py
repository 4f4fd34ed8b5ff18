"""The host that a log line speaks of, in the words of many clients."""

# ruff: noqa: E501 - what a program says is not broken in two.

import pytest

from integrations.kubernetes.diagnosis.peers import host_in, lost_name, peer_of


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("connect ETIMEDOUT 10.96.20.65:5671", "10.96.20.65:5671"),
        ("HTTPConnectionPool(host='features', port=9090): Max retries exceeded", "features:9090"),
        ("write tcp 10.244.2.9:41022->10.96.4.31:9092: write: connection timed out", "10.96.4.31:9092"),
        ("dial tcp 10.0.0.9:6379: connect: connection refused", "10.0.0.9:6379"),
        ("Read timed out executing GET http://search.shop.svc.cluster.local:8000/suggest", "search.shop.svc.cluster.local:8000"),
        ("Connection to orders-db:5432 refused", "orders-db:5432"),
        ('connection to server at "store" (10.1.2.3), port 5433 failed', "store:5433"),
        ("error at handler.go:138: timed out", ""),
        ("java.net.SocketTimeoutException: Read timed out", ""),
        ("org.postgresql.util.PSQLException: An I/O error occurred", ""),
        ("feature lookup failed: timed out", ""),
    ],
)  # fmt: skip
def test_hosts_are_told_from_files_classes_and_words(line: str, host: str) -> None:
    assert host_in(line) == host


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("dial tcp: lookup stcok on 10.0.0.10:53: no such host", "stcok"),
        ("getaddrinfo ENOTFOUND mongo-0.mongo-headless", "mongo-0.mongo-headless"),
        ("cURL error 6: Could not resolve host: tax (see https://curl.example)", "tax"),
        ("failed to lookup address information: Name or service not known", ""),
        ("feature lookup failed: no such host", ""),
    ],
)
def test_names_that_could_not_be_resolved(line: str, name: str) -> None:
    assert lost_name(line) == name


def test_what_is_known_goes_before_what_comes_first() -> None:
    line = "GET http://www.example.com/ failed: connect to stock:80 refused"
    assert peer_of(line) == ("www.example.com", None)
    assert peer_of(line, lambda host: host == "stock") == ("stock", 80)
