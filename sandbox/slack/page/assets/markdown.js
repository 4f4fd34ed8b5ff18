/**
 * Standard Markdown (the `markdown` block) to DOM nodes: headings, emphasis, code, fences, nested and task lists,
 * quotes, tables, rules, links. HTML inside is shown as the text it is.
 */

import { h, link } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { channelMention, groupMention, userMention } from "./mentions.js";

const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const ESCAPABLE = /[\\`*_{}[\]()#+\-.!|~<>]/;

const TOKENS = [
  { mark: /^`+/, read: code },
  {
    mark: /^\*\*\*(?=\S)/,
    read: (text) => wrapped(text, "***", (inner) => h("strong", {}, h("em", {}, inline(inner)))),
  },
  {
    mark: /^(?:\*\*|__)(?=\S)/,
    read: (text) => wrapped(text, text.slice(0, 2), (inner) => h("strong", {}, inline(inner))),
  },
  { mark: /^~~(?=\S)/, read: (text) => wrapped(text, "~~", (inner) => h("s", {}, inline(inner))) },
  { mark: /^[*_](?=\S)/, read: (text) => wrapped(text, text[0], (inner) => h("em", {}, inline(inner))) },
  { mark: /^!?\[/, read: bracketed },
  { mark: /^<[^\s<>]+[^<>]*>/, read: angled },
  {
    mark: /^https?:\/\//,
    read: (text) => {
      const address = /^https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]}*_~]/.exec(text)?.[0];
      return address && [link(address, [address]), address.length];
    },
  },
];

function code(text) {
  const ticks = /^`+/.exec(text)[0];
  const end = text.indexOf(ticks, ticks.length);
  if (end < 0) return null;
  return [h("code", {}, text.slice(ticks.length, end).trim()), end + ticks.length];
}

function wrapped(text, mark, build) {
  let end = text.indexOf(mark, mark.length);
  while (
    end > 0 &&
    (/\s/.test(text[end - 1]) || text[end - 1] === "\\" || (mark.length === 1 && text[end + 1] === mark))
  ) {
    end = text.indexOf(mark, end + (text[end + 1] === mark ? 2 : 1));
  }
  if (end <= mark.length - 1) return null;
  // An underscore inside a word, as in snake_case, is no mark.
  if (mark[0] === "_" && /[\p{L}\p{N}]/u.test(text[end + mark.length] ?? "")) return null;
  return [build(text.slice(mark.length, end)), end + mark.length];
}

function bracketed(text) {
  const match =
    /^!?\[((?:[^[\]]|\[[^\]]*\])*)\]\(\s*<?([^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+["'(][^)]*["')])?\s*\)/.exec(
      text,
    );
  if (!match) return null;
  // A picture is shown as a link, as Slack does: reading a message must not call somebody else's server.
  const label = text.startsWith("!") ? [match[1] || match[2]] : inline(match[1]);
  return [link(match[2], label), match[0].length];
}

function angled(text) {
  const inside = /^<([^<>]+)>/.exec(text)[1];
  const length = inside.length + 2;
  const [target, label] = inside.split("|");
  if (/^@[UW]/.test(target)) return [userMention(target.slice(1), label), length];
  if (/^#[CG]/.test(target)) return [channelMention(target.slice(1), label), length];
  if (/^!(here|channel|everyone)$/.test(target)) return [groupMention(target.slice(1)), length];
  if (/^(https?:|mailto:)/.test(target)) return [link(target, [label ?? target]), length];
  return null;
}

/** Running text. @returns {Node[]} */
function inline(text) {
  const nodes = [];
  let held = "";
  const flush = () => {
    if (held) nodes.push(...withEmoji(held));
    held = "";
  };
  for (let at = 0; at < text.length;) {
    if (text[at] === "\\" && ESCAPABLE.test(text[at + 1] ?? "")) {
      held += text[at + 1];
      at += 2;
      continue;
    }
    const rest = text.slice(at);
    const inWord = text[at] === "_" && /[\p{L}\p{N}]/u.test(text[at - 1] ?? "");
    const token = inWord ? null : TOKENS.find((one) => one.mark.test(rest));
    const read = token?.read(rest);
    if (read) {
      flush();
      nodes.push(read[0]);
      at += read[1];
    } else if (rest.startsWith("\n")) {
      flush();
      nodes.push(h("br"));
      at += 1;
    } else {
      held += text[at];
      at += 1;
    }
  }
  flush();
  return nodes;
}

function cells(row) {
  return row
    .trim()
    .replace(/^\|/, "")
    .replace(/\|$/, "")
    .split(/(?<!\\)\|/)
    .map((one) => one.trim().replaceAll("\\|", "|"));
}

function table(rows) {
  const aligns = cells(rows[1]).map((one) => (/^:-+:$/.test(one) ? "center" : /-:$/.test(one) ? "right" : null));
  const cell = (tag, text, column) =>
    h(
      tag,
      { class: aligns[column] ? `align-${aligns[column]}` : null, scope: tag === "th" ? "col" : null },
      inline(text),
    );
  return h(
    "div",
    { class: "table-scroll", tabindex: 0 },
    h(
      "table",
      { class: "data-grid" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          cells(rows[0]).map((one, column) => cell("th", one, column)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.slice(2).map((row) =>
          h(
            "tr",
            {},
            cells(row).map((one, column) => cell("td", one, column)),
          ),
        ),
      ),
    ),
  );
}

/** Read a list that starts at `start`. @returns {[Node, number]} the list and the line after it */
function list(rows, start) {
  const indent = ITEM.exec(rows[start])[1].length;
  const ordered = /\d/.test(ITEM.exec(rows[start])[2]);
  const first = Number.parseInt(ITEM.exec(rows[start])[2], 10);
  const node = h(ordered ? "ol" : "ul", { start: ordered && first !== 1 ? first : null });
  let at = start;
  while (at < rows.length) {
    const match = ITEM.exec(rows[at]);
    if (!match || match[1].length < indent || /\d/.test(match[2]) !== ordered) break;
    const inner = [];
    at += 1;
    while (
      at < rows.length &&
      (rows[at].trim() === "" || /^\s+/.test(rows[at])) &&
      !(ITEM.test(rows[at]) && ITEM.exec(rows[at])[1].length <= indent)
    ) {
      if (rows[at].trim() === "" && !/^\s+\S/.test(rows[at + 1] ?? "")) break;
      inner.push(rows[at].slice(Math.min(rows[at].search(/\S|$/), indent + 2)));
      at += 1;
    }
    const task = /^\[([ xX])\]\s+(.*)$/.exec(match[3]);
    const mark =
      task &&
      h("input", {
        type: "checkbox",
        disabled: true,
        checked: task[1] !== " ",
        "aria-label": task[1] === " " ? "open" : "done",
      });
    node.append(
      h(
        "li",
        { class: task ? "task-item" : null },
        mark,
        inline(task ? task[2] : match[3]),
        inner.length ? blocks(inner) : null,
      ),
    );
  }
  return [node, at];
}

function fence(rows, start) {
  const [, mark, language] = FENCE.exec(rows[start]);
  let end = start + 1;
  while (end < rows.length && !rows[end].trim().startsWith(mark)) end += 1;
  const body = rows.slice(start + 1, end).join("\n");
  return [h("pre", { tabindex: 0, dataset: language ? { language } : {} }, h("code", {}, body)), end + 1];
}

const startsBlock = (row) =>
  row.trim() === "" || HEADING.test(row) || FENCE.test(row) || RULE.test(row) || /^\s*>/.test(row) || ITEM.test(row);

/** @param {string[]} rows @returns {Node[]} */
function blocks(rows) {
  const nodes = [];
  let at = 0;
  while (at < rows.length) {
    const row = rows[at];
    let node = null;
    const heading = HEADING.exec(row);
    if (row.trim() === "") at += 1;
    else if (FENCE.test(row)) [node, at] = fence(rows, at);
    else if (heading) {
      // Headings start at level 3: the page's own outline has the first two.
      node = h(
        `h${Math.min(6, heading[1].length + 2)}`,
        { class: `md-h md-h${heading[1].length}` },
        inline(heading[2]),
      );
      at += 1;
    } else if (RULE.test(row)) {
      node = h("hr");
      at += 1;
    } else if (/^\s*>/.test(row)) {
      const inner = [];
      while (at < rows.length && /^\s*>/.test(rows[at])) inner.push(rows[at++].replace(/^\s*>\s?/, ""));
      node = h("blockquote", {}, blocks(inner));
    } else if (ITEM.test(row)) [node, at] = list(rows, at);
    else if (row.includes("|") && TABLE_RULE.test(rows[at + 1] ?? "") && rows[at + 1].includes("-")) {
      const end = rows.findIndex((one, index) => index > at && one.trim() === "");
      const stop = end < 0 ? rows.length : end;
      node = table(rows.slice(at, stop));
      at = stop;
    } else {
      const together = [];
      do together.push(rows[at++].trimStart());
      while (at < rows.length && !startsBlock(rows[at]));
      node = h("p", {}, inline(together.join("\n")));
    }
    if (node) nodes.push(node);
  }
  return nodes;
}

/** Markdown as nodes. */
export const markdown = (text) =>
  blocks(
    String(text ?? "")
      .replaceAll("\r\n", "\n")
      .replaceAll("\t", "    ")
      .split("\n"),
  );
