"""The page's own readers of mrkdwn and Markdown, run in the browser as the modules they are."""

import pytest
from playwright.async_api import Page

from tests.sandbox.slack.page.conftest import OpenPage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
]

# A tree in few words: tags, links' addresses, and text; spans that only carry looks are left out.
READ = """async ([module, name, text]) => {
  const read = (await import(`/assets/${module}.js`))[name];
  const holder = document.createElement("div");
  holder.append(...[read(text)].flat());
  const show = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.localName === "svg") return `(${node.dataset.emoji})`;
    const inside = [...node.childNodes].map(show).join("");
    if (node.localName === "span" || node.localName === "div") return inside;
    return `<${node.localName}${node.localName === "a" ? " " + node.getAttribute("href") : ""}>${inside}</>`;
  };
  return [...holder.childNodes].map(show).join("");
}"""

MRKDWN = [
    ("*bold* _it_ ~gone~ `x`", "<strong>bold</> <em>it</> <s>gone</> <code>x</>"),
    ("*bold _both_*", "<strong>bold <em>both</></>"),
    ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
    ("a*b*c", "a*b*c"),
    ("* not bold *", "* not bold *"),
    ("`*literal* &lt;b&gt;`", "<code>*literal* <b></>"),
    ("&lt;b&gt; &amp;amp; &quot;", "<b> &amp; &quot;"),
    ("<https://a.example/?x=1&amp;y=2|label>", "<a https://a.example/?x=1&y=2>label</>"),
    ("<https://a.example/p>", "<a https://a.example/p>https://a.example/p</>"),
    ("see https://a.example/p.", "see <a https://a.example/p>https://a.example/p</>."),
    ("<mailto:a@b.example|a@b.example>", "<a mailto:a@b.example>a@b.example</>"),
    ("<javascript:alert(1)|click>", "click"),
    ("<b>unescaped</b> <word>", "<b>unescaped</b> <word>"),
    ("<@U01MAYACHEN> in <#C01INCIDENT|incidents>", "@Maya in <a #/C01INCIDENT>#incidents</>"),
    ("<!subteam^S0ONCALL> <!here>", "@oncall @here"),
    ("<!date^1795437000^{date_num} at {time_secs}|then>", "<time>2026-11-23 at 12:30:00</>"),
    ("<!date^nonsense^{date}|then>", "<time>then</>"),
    ("one\ntwo", "one<br></>two"),
    ("&gt; quoted\n&gt; more\nafter", "<blockquote>quoted<br></>more</>after"),
    ("&gt;&gt;&gt; all\nof it", "<blockquote>all<br></>of it</>"),
    ("• one\n• two *b*", "•one•two <strong>b</>"),
    ("1. one\n2. two", "1.one2.two"),
    ("before\n```\nkubectl get *pods*\n```\nafter", "before<pre><code>kubectl get *pods*</></>after"),
    ("an open ``` fence", "an open ``` fence"),
    ("two ```a``` and ```b```", "two <pre><code>a</></> and <pre><code>b</></>"),
    (":tada: :+1::skin-tone-3: :no_such_thing:", "(tada) (+1) :no_such_thing:"),
    ("12:30:45 stays", "12:30:45 stays"),
    ("", ""),
]

MARKDOWN = [
    ("**b** *i* ~~s~~ `c`", "<p><strong>b</> <em>i</> <s>s</> <code>c</></>"),
    ("snake_case_name and 2*3*4x", "<p>snake_case_name and 2<em>3</>4x</>"),
    ("# One\n## Two", "<h3>One</><h4>Two</>"),
    ("- a\n- b\n  - c", "<ul><li>a</><li>b<ul><li>c</></></></>"),
    ("3. a\n4. b", "<ol><li>a</><li>b</></>"),
    ("> q\n> r", "<blockquote><p>q<br></>r</></>"),
    ("```yaml\na: *b*\n```", "<pre><code>a: *b*</></>"),
    (
        "| a | b |\n|---|---|\n| 1 | **2** |",
        "<table><thead><tr><th>a</><th>b</></></><tbody><tr><td>1</><td><strong>2</></></></></>",
    ),
    (
        "[l](https://a.example) ![p](https://a.example/p.png)",
        "<p><a https://a.example/>l</> <a https://a.example/p.png>p</></>",
    ),
    ("[x](javascript:alert(1))", "<p>x</>"),
    ("<img src=x onerror=alert(1)>", "<p><img src=x onerror=alert(1)></>"),
    ("\\*plain\\*", "<p>*plain*</>"),
    ("a\n\n---\n\nb", "<p>a</><hr></><p>b</>"),
    ("an **open mark", "<p>an **open mark</>"),
]


async def _read(page: Page, module: str, name: str, text: str) -> str:
    return str(await page.evaluate(READ, [module, name, text]))


async def test_mrkdwn_reads_as_slack_reads_it(open_page: OpenPage) -> None:
    page = await open_page()
    read = [(text, await _read(page, "mrkdwn", "mrkdwn", text)) for text, _ in MRKDWN]
    assert read == MRKDWN


async def test_markdown_reads_as_commonmark_does(open_page: OpenPage) -> None:
    page = await open_page()
    read = [(text, await _read(page, "markdown", "markdown", text)) for text, _ in MARKDOWN]
    assert read == MARKDOWN


async def test_hostile_text_is_read_in_time(open_page: OpenPage) -> None:
    page = await open_page()
    hostile = [
        "*" * 3000,
        "<" * 3000,
        "`" * 3001,
        "_a " * 1500,
        "[" * 2000,
        "|" * 2000 + "\n|-|",
        "> " * 1500,
        "- " * 1500,
    ]
    script = """async (texts) => {
      const { mrkdwn } = await import("/assets/mrkdwn.js");
      const { markdown } = await import("/assets/markdown.js");
      const started = performance.now();
      for (const text of texts) { mrkdwn(text); markdown(text); }
      return performance.now() - started;
    }"""
    assert await page.evaluate(script, hostile) < 3_000


async def test_traffic_is_shown_as_what_it_is(open_page: OpenPage) -> None:
    page = await open_page()
    script = """async (texts) => {
      const { pretty } = await import("/assets/views/exchange.js");
      return texts.map(pretty);
    }"""
    shown = await page.evaluate(script, ['{"a":1}', "channel=C1&blocks=%5B1%5D", "event: ping", ""])
    assert shown == ['{\n  "a": 1\n}', '{\n  "channel": "C1",\n  "blocks": [\n    1\n  ]\n}', "event: ping", ""]
