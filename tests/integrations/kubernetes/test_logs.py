"""Reading logs: colours, prefixes, stack traces of many languages, and flat memory."""

import pytest

from integrations.kubernetes.logs import clean, is_error, join_entries, read_log, template_of

JAVA = """2026-05-04T03:00:00Z Exception in thread "main" java.lang.IllegalStateException: cannot start
\tat com.shop.Main.run(Main.java:12)
Caused by: java.sql.SQLException: pool is empty
\tat com.shop.Db.open(Db.java:7)
\t... 3 more"""
PYTHON = """Traceback (most recent call last):
  File "/app/main.py", line 9, in <module>
    start()
ValueError: port must be a number"""
GO = """panic: assignment to entry in nil map

goroutine 1 [running]:
main.load(...)
\t/src/main.go:21 +0x1d"""
NODE = """TypeError: Cannot read properties of undefined (reading 'port')
    at Object.<anonymous> (/app/server.js:3:14)
    at Module._compile (node:internal/modules/cjs/loader:1)"""
DOTNET = """Unhandled exception. System.InvalidOperationException: no connection string
   at Shop.Program.Main(String[] args) in /src/Program.cs:line 8"""
RUBY = """/app/boot.rb:4:in `load': cannot load such file -- settings (LoadError)
\tfrom /app/boot.rb:9:in `<main>'"""


@pytest.mark.parametrize("line", ["\x1b[31mERROR\x1b[0m bad", "2026-05-04T03:00:00.123Z stdout F ERROR bad",
                                  "2026-05-04T03:00:00Z 2026-05-04 03:00:00,123 ERROR bad"])  # fmt: skip
def test_colours_and_stamps_are_stripped(line: str) -> None:
    assert clean(line) == "ERROR bad"


@pytest.mark.parametrize(("trace", "cause"), [
    (JAVA, "java.sql.SQLException: pool is empty"), (PYTHON, "ValueError: port must be a number"),
    (GO, "panic: assignment to entry in nil map"), (NODE, "TypeError: Cannot read properties of undefined"),
    (DOTNET, "System.InvalidOperationException"), (RUBY, "cannot load such file"),
])  # fmt: skip
def test_traces_of_many_languages_are_one_entry_with_one_cause(trace: str, cause: str) -> None:
    lines = ["ready", *trace.splitlines(), "bye"]
    entries = list(join_entries(lines))
    assert len(entries) == 3, [entry.text for entry in entries]
    reading = read_log(lines)
    assert reading.deepest_cause is not None
    assert cause in reading.deepest_cause[1]
    assert cause in clean(lines[reading.deepest_cause[0] - 1])


def test_line_numbers_point_into_the_log() -> None:
    reading = read_log(["one", "two", *PYTHON.splitlines()])
    assert reading.first_error == (3, "Traceback (most recent call last):")
    assert reading.stack_top == (4, 'File "/app/main.py", line 9, in <module>')


def test_what_changes_is_masked_and_counted() -> None:
    lines = [f"request {n} from 10.0.0.{n % 9} took {n}.5 ms" for n in range(300)]
    assert read_log(lines).templates == (("request <n> from <ip> took <n> ms", 300),)
    assert template_of("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301 at 0xdeadbeef") == "id <uuid> at <hex>"


@pytest.mark.parametrize(
    ("line", "bad"),
    [("0 errors found", False), ("loaded error_log module", False), ("ERROR cannot bind", True), ("all good", False)],
)
def test_words_about_errors_are_not_errors(line: str, bad: bool) -> None:
    assert is_error(line) is bad


def test_a_long_log_of_unlike_lines_keeps_bounded_memory() -> None:
    reading = read_log(f"word{'x' * (n % 97)} {chr(97 + n % 26)}{n:x}y" for n in range(60_000))
    assert reading.lines == 60_000
    assert len(reading.templates) == 50
