"""Logs of any length and form: levels, causes, exact counts, what is new, speed and memory."""

import json
import random
import time
import tracemalloc
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.kubernetes.log_fields import Level, level_of, read_record
from integrations.kubernetes.log_keeping import LogKeeper
from integrations.kubernetes.log_reading import LogReader, find_late, find_novel
from integrations.kubernetes.logs import clean, is_continuation, is_error, join_entries, read_log, template_of

JSON_STACK = (
    "java.lang.IllegalStateException: cannot start\n\tat a.B.c(B.java:1)\nCaused by: java.net.ConnectException: no\n"
)


@pytest.mark.parametrize(("line", "level", "message"), [
    ('{"level":"error","msg":"no route","err":"dial tcp: refused"}', "error", "no route: dial tcp: refused"),
    ('{"severity":"WARNING","message":"slow"}', "warning", "slow"),
    ('{"level":50,"time":1,"msg":"no route","err":{"type":"Error","message":"refused"}}', "error", "no route: refused"),
    ('{"level":30,"msg":"an error is only mentioned"}', "info", "an error is only mentioned"),
    ('{"@l":"Fatal","@mt":"gone"}', "error", "gone"), ('{"log.level":"debug","message":"x"}', "debug", "x"),
    ('{"a": [', "", '{"a": ['),
    ("E0504 03:20:00.123456       1 reflector.go:147] failed to list: refused", "error", "failed to list: refused"),
    ("I0504 03:20:00.123456       1 main.go:1] started", "info", "started"),
    ('ts=2026 level=error msg="no route" err=refused', "error", "no route: refused"),
    ("time=x lvl=warn msg=slow", "warning", "slow"),
    ("[error] 7#7: *1 open() failed", "error", "[error] 7#7: *1 open() failed"),
    ("root - CRITICAL - gone", "error", "root - CRITICAL - gone"),
    ("LOG:  database is ready", "info", "LOG:  database is ready"),
    ("FATAL:  role does not exist", "error", "FATAL:  role does not exist"), ("nothing is said", "", "nothing is said"),
    ("error: cannot open", "error", "error: cannot open"),
])  # fmt: skip
def test_levels_and_messages(line: str, level: Level, message: str) -> None:
    assert level_of(line) == level
    assert read_record(line).message == message


@pytest.mark.parametrize(("line", "bad"), [
    ('{"level":"info","msg":"done","error":null}', False), ('{"msg":"done","error":""}', False),
    ('{"msg":"done","error":"refused"}', True), ("INFO 3 connections refused so far", False),
    ("connection refused", True), ("WARN connection refused", True), ("level=info err=<nil> msg=failed", False),
    ("finished with 0 errors", False), ("finished with 5 errors: error", True),
])  # fmt: skip
def test_a_level_outweighs_words(line: str, bad: bool) -> None:
    assert is_error(line) is bad


TRACES = {
    "rust": (["thread 'main' panicked at src/main.rs:5:9:", "no database url", "note: run with `RUST_BACKTRACE=1`"],
             (3, "no database url"), None),
    "rust causes": (["Error: cannot start", "", "Caused by:", "    0: cannot connect", "    1: connection refused"],
                    (6, "connection refused"), None),
    "php": (["PHP Fatal error:  Uncaught PDOException: refused in /a.php:3", "Stack trace:", "#0 /a.php(9): run()",
             "  thrown in /a.php on line 3"],
            (2, "PHP Fatal error:  Uncaught PDOException: refused in /a.php:3"), None),
    "node": (["Error: cannot start", "    at run (/app/a.js:1:2)", "  [cause]: Error: refused",
              "      at connect (/app/b.js:3:4)"], (4, "Error: refused"), (5, "at connect (/app/b.js:3:4)")),
    "dotnet": (["Unhandled exception. System.AggregateException: outer", " ---> System.TimeoutException: inner",
                "   at A.B() in /a.cs:line 8", "   --- End of inner exception stack trace ---", "   at C.D()"],
               (3, "System.TimeoutException: inner"), (4, "at A.B() in /a.cs:line 8")),
    "python chain": ([
                      "Traceback (most recent call last):", '  File "/a.py", line 1, in connect', "OSError: refused",
                      "", "The above exception was the direct cause of the following exception:", "",
                      "Traceback (most recent call last):", '  File "/b.py", line 2, in start',
                      "RuntimeError: no start"],
                     (4, "OSError: refused"), (3, 'File "/a.py", line 1, in connect')),
    "java": (["java.lang.IllegalStateException: outer", "\tat a.Outer.run(A.java:1)", "Caused by: a.Inner: inner",
              "\tat b.Inner.open(B.java:2)", "\t... 3 more"], (4, "a.Inner: inner"), (5, "at b.Inner.open(B.java:2)")),
    "json": ([json.dumps({"level": "error", "msg": "cannot start", "stack_trace": JSON_STACK})],
             (2, "java.net.ConnectException: no"), None),
}  # fmt: skip


@pytest.mark.parametrize("language", TRACES)
def test_the_innermost_cause_and_its_frame(language: str) -> None:
    trace, cause, top = TRACES[language]
    reading = read_log(["ready", *trace, "bye"])
    assert reading.deepest_cause == cause
    assert reading.first_error == (2, clean(trace[0]))
    if top is not None:
        assert reading.stack_top == top
    if language != "rust causes":  # a blank line ends a message that is no trace
        assert len(list(join_entries(["ready", *trace, "bye"]))) == 3


def test_counts_places_and_times_of_patterns() -> None:
    lines = [f"2026-05-04T03:00:{n % 60:02}Z served {n}" for n in range(9_000)]
    lines[4_000] = "2026-05-04T03:10:00Z ERROR no route to 10.0.0.1"
    lines[8_500] = "2026-05-04T03:20:00Z ERROR no route to 10.0.0.77"
    served, failed = read_log(lines).patterns
    assert (served.text, served.count, served.first, served.last, served.error) == (
        "served <n>",
        8_998,
        1,
        9_000,
        False,
    )
    assert (failed.text, failed.count, failed.first, failed.last) == ("ERROR no route to <ip>", 2, 4_001, 8_501)
    assert (failed.first_time, failed.last_time) == ("2026-05-04T03:10:00Z", "2026-05-04T03:20:00Z")
    assert failed.error
    assert failed.sample == "ERROR no route to 10.0.0.1"


def test_figures_that_decide_are_looked_at_line_by_line() -> None:
    pino = [json.dumps({"level": 30, "msg": "done"})] * 20 + [json.dumps({"level": 50, "msg": "done"})]
    assert read_log(pino).first_error == (21, pino[-1])
    counted = ["finished with 0 errors"] * 20 + ["finished with 5 errors"]
    assert read_log(counted).first_error is None or read_log(counted).first_error == (21, counted[-1])


def test_a_trace_across_two_batches_is_read_whole() -> None:
    for before in range(505, 515):  # the first batch ends inside the trace
        lines = [*["fine"] * before, *TRACES["java"][0], *["fine"] * 50]
        reading = read_log(lines)
        assert reading.deepest_cause == (before + 3, "a.Inner: inner")
        assert reading.stack_top == (before + 4, "at b.Inner.open(B.java:2)")


_LINES = st.lists(
    st.one_of(
        st.sampled_from(["ERROR bad 7", "INFO ok 12", "", "    at a.b(c.js:1:2)", "id 3f2504e04f8911d3 seen",
                         "took 1.5 ms for 10.0.0.7", "0 errors", "x" * 50]),
        st.text(alphabet="ab 01=:\r\t", max_size=12),
    ),
    max_size=60,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(_LINES, st.integers(1, 20))
def test_batches_change_nothing_and_counts_are_exact(lines: list[str], portion: int) -> None:
    expected: Counter[str] = Counter()
    for line in lines:
        cleaned = clean(line)
        if cleaned and not is_continuation(cleaned):
            expected[template_of(read_record(cleaned).message)] += 1
    reader = LogReader()
    for start in range(0, len(lines), portion):
        reader.add(lines[start : start + portion])
    reading = reader.reading()
    assert {pattern.text: pattern.count for pattern in reading.patterns} == dict(expected)
    assert reading.lines == len(lines)
    whole = read_log(lines)
    assert (whole.patterns, whole.first_error) == (reading.patterns, reading.first_error)
    first = next((number for number, line in enumerate(lines, 1) if is_error(clean(line))), None)
    assert first is None or (reading.first_error is not None and reading.first_error[0] <= first)


def test_what_is_new_against_a_sibling_and_against_before() -> None:
    usual = [f"served {n} in 3 ms" for n in range(50)]
    sick = [*usual, "cache warmed", "ERROR lost the leader", "ERROR lost the leader"]
    assert [p.text for p in find_novel(read_log(sick), read_log(usual))] == ["ERROR lost the leader", "cache warmed"]
    assert [p.text for p in find_late(read_log(sick), after=51)] == ["ERROR lost the leader"]
    assert find_novel(read_log(usual), read_log(sick)) == ()


def plain(count: int) -> Iterator[str]:
    for n in range(count):
        yield f"2026-05-04T03:00:{n % 60:02}.{n % 1000:03}Z INFO request id={n} path=/v1/{n % 999} took {n % 97} ms"


def identified(count: int) -> Iterator[str]:
    numbers = random.Random(5)
    for n in range(count):
        trace = uuid.UUID(int=numbers.getrandbits(128))
        yield f"2026-05-04T03:00:00Z INFO request {trace} span={numbers.getrandbits(64):016x} served in {n % 97} ms"


def structured(count: int) -> Iterator[str]:
    for n in range(count):
        yield json.dumps({"ts": n, "level": "info" if n % 50 else "error", "msg": "served", "user": f"u{n % 37}"})


@pytest.mark.parametrize("make", [plain, identified, structured])
def test_a_log_is_read_within_a_bounded_multiple_of_walking_over_it(make: object) -> None:
    """100 MB in a few seconds: measured against a plain loop over the same lines in the same run."""
    assert callable(make)
    lines = list(make(60_000))

    def walk() -> int:
        return sum(len(line.strip()) for line in lines)

    def timed(work: object) -> float:
        assert callable(work)
        started = time.process_time()
        work()
        return time.process_time() - started

    baseline = min(timed(walk) for _ in range(5))
    taken = min(timed(lambda: read_log(lines)) for _ in range(3))
    megabytes = sum(map(len, lines)) / 1e6
    assert taken < 60 * baseline, f"{megabytes / taken:.0f} MB/s, {taken / baseline:.1f} x a plain loop"


@pytest.mark.parametrize("make", [plain, identified, structured])
def test_memory_does_not_grow_with_the_log(make: object) -> None:
    assert callable(make)

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            read_log(make(count))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(20_000), peak(60_000)
    assert large < 16_000_000
    assert large < small * 1.5


def test_keeping_a_long_log_costs_bounded_memory() -> None:
    keeper = LogKeeper()
    tracemalloc.start()
    try:
        keeper.add(plain(100_000))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    kept = keeper.lines()
    assert kept[-1] == list(plain(100_000))[-1]
    assert kept[0] == next(plain(1))
    assert len(kept) < 4_000
