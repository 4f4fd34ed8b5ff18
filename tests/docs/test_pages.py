"""Pages link to what exists, and every command is described somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from bot.__main__ import cli
from handlers.slack.commands import load as load_subcommands

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = {".venv", "build", "dist", "node_modules", ".hypothesis", ".pytest_cache"}
PAGES = sorted(path for path in ROOT.rglob("*.md") if not SKIPPED.intersection(path.relative_to(ROOT).parts))
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)")
CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Return the anchors that a code host gives to a page's headings."""
    prose = re.sub(r"^(```|~~~).*?^\1", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in HEADING.findall(prose):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = 0
        while (candidate := slug if not number else f"{slug}-{number}") in found:
            number += 1
        found.add(candidate)
    return found


def links(page: Path) -> Iterator[str]:
    for target in LINK.findall(CODE.sub("", text_of(page))):
        if not re.match(r"[a-z][a-z0-9+.-]*:", target):
            yield unquote(target)


def broken(page: Path) -> Iterator[str]:
    for target in links(page):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists():
            yield f"{target}: no such file"
        elif anchor and found.suffix == ".md" and anchor not in anchors(found):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


def test_broken_links_are_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b` heading\n[x](gone.md) [y](#nowhere) [z](#a-b-heading) `[not](code.md)` [w](https://x.y/)\n"
    )
    assert list(broken(page)) == ["gone.md: no such file", "#nowhere: no such heading"]


def commands(group: click.Group, prefix: str) -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def test_the_readme_names_every_command() -> None:
    readme = text_of(ROOT / "README.md")
    names = list(commands(cli, "oncall-agent"))
    assert "oncall-agent audit verify" in names
    assert [name for name in names if name not in readme] == []


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    code = "\n".join(match.group(0) for match in CODE.finditer(text_of(ROOT / "README.md")))
    named = set(re.findall(r"\boncall-agent ([a-z]+)", code))
    assert named - set(cli.list_commands(click.Context(cli))) == set()


def test_every_slash_subcommand_is_described() -> None:
    pages = text_of(ROOT / "README.md")
    usages = re.findall(r"`/oncall ([a-z]+)", pages)
    assert sorted(set(usages)) == sorted(load_subcommands())


def test_every_page_is_in_the_table_of_contents() -> None:
    contents = text_of(ROOT / "docs/README.md")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"]({name}" not in contents} == set()


def test_every_decision_is_listed() -> None:
    contents = text_of(ROOT / "docs/adr/README.md")
    decisions = sorted(path.name for path in (ROOT / "docs/adr").glob("[0-9]*.md"))
    assert [name for name in decisions if f"]({name})" not in contents] == []
    assert [int(name[:4]) for name in decisions] == list(range(1, len(decisions) + 1))


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"`make ([a-z-]+)", text_of(page))) | set(
            re.findall(r"^ *make ([a-z-]+)", text_of(page), re.MULTILINE)
        )
        assert named - targets == set(), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_and_folder_that_a_page_names_exists(page: Path) -> None:
    tops = "bot|handlers|integrations|sandbox|migrations|tests|deploy|docs|benchmarks"
    named = re.findall(rf"`((?:{tops})/[\w./-]*)`", text_of(page))
    assert [path for path in named if not (ROOT / path.rstrip("/")).exists()] == []
