/** The rich_text block: sections, lists, quotes and preformatted text made of styled parts. */

import { h, link } from "../dom.js";
import { emoji, withEmoji } from "../emoji.js";
import { channelMention, groupMention, subteamMention, userMention } from "../mentions.js";
import { exact, formatTokens } from "../time.js";

const COLOUR = /^#[0-9a-f]{3,8}$/i;
const WRAPPERS = [
  ["code", "code"],
  ["strike", "s"],
  ["italic", "em"],
  ["bold", "strong"],
  ["underline", "u"],
];

function broken(text) {
  return text
    .split("\n")
    .flatMap((line, index) =>
      index ? [h("br"), ...withEmoji(line, { shortcodes: false })] : withEmoji(line, { shortcodes: false }),
    );
}

const PARTS = {
  text: (part) => broken(String(part.text ?? "")),
  link: (part) => [link(part.url, part.text ? withEmoji(String(part.text), { shortcodes: false }) : [part.url])],
  user: (part) => [userMention(part.user_id)],
  channel: (part) => [channelMention(part.channel_id)],
  usergroup: (part) => [subteamMention(part.usergroup_id, part.name)],
  team: (part) => [groupMention(part.team_id)],
  broadcast: (part) => [groupMention(part.range)],
  emoji: (part) => [emoji(String(part.name ?? ""))],
  color: (part) => [
    h(
      "span",
      { class: "colour-chip" },
      COLOUR.test(part.value ?? "") && h("i", { vars: { chip: part.value } }),
      String(part.value ?? ""),
    ),
  ],
  date: (part) => {
    const known = Number.isFinite(Number(part.timestamp));
    const shown = known && part.format ? formatTokens(part.format, Number(part.timestamp)) : (part.fallback ?? "");
    const time = h("time", { title: known ? exact(String(part.timestamp)) : null }, shown);
    return [part.url ? link(part.url, [time]) : time];
  },
};

function inline(part) {
  let nodes = (PARTS[part.type] ?? PARTS.text)(part);
  for (const [style, tag] of WRAPPERS) if (part.style?.[style]) nodes = [h(tag, {}, nodes)];
  return nodes;
}

const inlines = (element) => (element.elements ?? []).flatMap(inline);

function list(element) {
  const ordered = element.style === "ordered";
  return h(
    ordered ? "ol" : "ul",
    {
      class: `rt-list rt-indent-${Math.min(6, element.indent ?? 0)}${element.border ? " rt-border" : ""}`,
      start: ordered && element.offset ? element.offset + 1 : null,
    },
    (element.elements ?? []).map((item) =>
      h("li", {}, item.type === "rich_text_section" ? inlines(item) : elementNode(item)),
    ),
  );
}

function elementNode(element) {
  if (element.type === "rich_text_list") return list(element);
  if (element.type === "rich_text_quote") return h("blockquote", {}, inlines(element));
  if (element.type === "rich_text_preformatted") {
    return h(
      "pre",
      { tabindex: 0, dataset: element.language ? { language: element.language } : {} },
      h("code", {}, (element.elements ?? []).map((part) => part.text ?? part.url ?? "").join("")),
    );
  }
  return h("div", { class: "rt-section" }, inlines(element));
}

/** @returns {HTMLElement} */
export const richText = (block) => h("div", { class: "rich-text" }, (block?.elements ?? []).map(elementNode));
