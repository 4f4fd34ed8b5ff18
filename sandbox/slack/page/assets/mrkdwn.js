/**
 * Slack's mrkdwn to DOM nodes: *bold*, _italic_, ~strike~, `code`, fenced blocks, quotes, lists, <links>, mentions,
 * dates and :emoji:. Reads like Slack: a mark opens at a word's start and closes at a word's end, only & < > are entities.
 */

import { append, h, link, safeHref } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { channelMention, groupMention, subteamMention, userMention } from "./mentions.js";
import { exact, formatTokens } from "./time.js";

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
const STYLES = { "*": "strong", _: "em", "~": "s" };
const WORD = /[\p{L}\p{N}_]/u;
const BARE_ADDRESS = /https?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/g;
const ITEM = /^(\s*)(?:([•◦▪‣–-])|(\d{1,3})[.)])\s+(.*)$/;

/** The text with Slack's three entities read. */
export const decode = (text) => text.replace(/&(?:lt|gt|amp);/g, (entity) => ENTITIES[entity]);

function dateNode(body, label) {
  const [seconds, format, address] = body.slice("date^".length).split("^");
  const number = Number(seconds);
  const shown = Number.isFinite(number) && format ? formatTokens(decode(format), number) : decode(label ?? "");
  const time = h(
    "time",
    {
      datetime: Number.isFinite(number) ? new Date(number * 1000).toISOString() : null,
      title: Number.isFinite(number) ? exact(seconds) : null,
    },
    shown || decode(label ?? ""),
  );
  return address ? link(decode(address), [time]) : time;
}

/** One `<...>` token. */
function angled(inside) {
  const bar = inside.indexOf("|");
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? undefined : inside.slice(bar + 1);
  if (/^@[UWB]/.test(target)) return userMention(target.slice(1), label && decode(label));
  if (/^#[CG]/.test(target)) return channelMention(target.slice(1), label && decode(label));
  if (target.startsWith("!subteam^")) return subteamMention(target.slice("!subteam^".length), label && decode(label));
  if (target.startsWith("!date^")) return dateNode(target.slice(1), label);
  if (target.startsWith("!")) return groupMention(decode(label ?? target.slice(1)));
  const address = decode(target);
  if (label === undefined && !safeHref(address)) return document.createTextNode(`<${decode(inside)}>`);
  return link(address, label === undefined ? [address.replace(/^mailto:/, "")] : withEmoji(decode(label)));
}

function textNodes(text, options) {
  const decoded = decode(text);
  if (options.verbatim) return withEmoji(decoded);
  const nodes = [];
  let last = 0;
  for (const match of decoded.matchAll(BARE_ADDRESS)) {
    nodes.push(...withEmoji(decoded.slice(last, match.index)), link(match[0], [match[0]]));
    last = match.index + match[0].length;
  }
  nodes.push(...withEmoji(decoded.slice(last)));
  return nodes;
}

/** Where a mark that opens at `start` closes, or -1. */
function closing(text, start) {
  const mark = text[start];
  const next = text[start + 1];
  if (!next || /\s/.test(next) || next === mark || (start > 0 && WORD.test(text[start - 1]))) return -1;
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === "`" && mark !== "`") {
      const end = text.indexOf("`", at + 1);
      if (end > 0) at = end;
    } else if (text[at] === "<") {
      const end = text.indexOf(">", at + 1);
      if (end > 0) at = end;
    } else if (text[at] === mark && !/\s/.test(text[at - 1]) && !(text[at + 1] && WORD.test(text[at + 1]))) return at;
  }
  return -1;
}

/** One line or several without block marks. */
function inline(text, options) {
  const nodes = [];
  let plainFrom = 0;
  let at = 0;
  const flush = (to) => {
    if (to > plainFrom) nodes.push(...textNodes(text.slice(plainFrom, to), options));
  };
  const take = (node, end) => {
    flush(at);
    nodes.push(node);
    at = end;
    plainFrom = end;
  };
  while (at < text.length) {
    const character = text[at];
    if (character === "`") {
      const end = text.indexOf("`", at + 1);
      if (end > at + 1) {
        take(h("code", {}, decode(text.slice(at + 1, end))), end + 1);
        continue;
      }
    } else if (character === "<") {
      const end = text.indexOf(">", at + 1);
      if (end > at + 1 && !text.slice(at + 1, end).includes("\n")) {
        take(angled(text.slice(at + 1, end)), end + 1);
        continue;
      }
    } else if (STYLES[character]) {
      const end = closing(text, at);
      if (end > 0) {
        take(h(STYLES[character], {}, inline(text.slice(at + 1, end), options)), end + 1);
        continue;
      }
    } else if (character === "\n") {
      take(h("br"), at + 1);
      continue;
    }
    at += 1;
  }
  flush(text.length);
  return nodes;
}

const quoted = (line) => /^\s?(?:>|&gt;)/.test(line);
const unquoted = (line) => line.replace(/^\s?(?:>|&gt;)\s?/, "");

/** Group lines into quotes, list items and running text. */
function lines(text, options) {
  const nodes = [];
  const rows = text.split("\n");
  let running = [];
  const flush = () => {
    if (running.length) nodes.push(h("span", { class: "mrk-run" }, inline(running.join("\n"), options)));
    running = [];
  };
  for (let row = 0; row < rows.length; row += 1) {
    const item = ITEM.exec(rows[row]);
    if (/^\s?(?:>>>|&gt;&gt;&gt;)/.test(rows[row])) {
      flush();
      const rest = [rows[row].replace(/^\s?(?:>>>|&gt;&gt;&gt;)\s?/, ""), ...rows.slice(row + 1)];
      nodes.push(h("blockquote", {}, inline(rest.join("\n"), options)));
      return nodes;
    }
    if (quoted(rows[row])) {
      flush();
      const together = [];
      while (row < rows.length && quoted(rows[row])) together.push(unquoted(rows[row++]));
      row -= 1;
      nodes.push(h("blockquote", {}, inline(together.join("\n"), options)));
    } else if (item) {
      flush();
      const depth = Math.min(4, Math.floor(item[1].length / 2));
      nodes.push(
        h(
          "div",
          { class: `mrk-item mrk-depth-${depth}` },
          h("span", { class: "mrk-bullet" }, item[3] ? `${item[3]}.` : item[2] === "-" ? "•" : item[2]),
          h("div", {}, inline(item[4], options)),
        ),
      );
    } else running.push(rows[row]);
  }
  flush();
  return nodes;
}

/** mrkdwn as a fragment. `verbatim`: leave bare addresses alone. */
export function mrkdwn(text, options = {}) {
  const fragment = document.createDocumentFragment();
  const parts = String(text ?? "").split("```");
  // An odd number of fences leaves the last one open: then it is only three characters.
  if (parts.length % 2 === 0) {
    const open = parts.pop();
    parts.push(`${parts.pop()}\`\`\`${open}`);
  }
  parts.forEach((part, index) => {
    if (index % 2 === 1) {
      append(fragment, [h("pre", { tabindex: 0 }, h("code", {}, decode(part.replace(/^\n/, "").replace(/\n$/, ""))))]);
      return;
    }
    let running = part;
    if (index > 0) running = running.replace(/^\n/, "");
    if (index < parts.length - 1) running = running.replace(/\n$/, "");
    if (running) append(fragment, lines(running, options));
  });
  return fragment;
}

/** mrkdwn without any marks, for labels and screen readers. */
export function plain(text) {
  const node = document.createElement("div");
  node.append(mrkdwn(text));
  return node.textContent.trim();
}

/** A text object (`plain_text` or `mrkdwn`) or a bare string as nodes. */
export function textObject(object) {
  if (!object) return [];
  if (typeof object === "string") return withEmoji(object);
  if (object.type === "mrkdwn") return [mrkdwn(object.text, { verbatim: object.verbatim })];
  return withEmoji(String(object.text ?? ""), { shortcodes: object.emoji !== false });
}

/** A text object's characters, for attributes. */
export function textOf(object) {
  if (!object) return "";
  if (typeof object === "string") return object;
  return object.type === "mrkdwn" ? plain(object.text) : String(object.text ?? "");
}
