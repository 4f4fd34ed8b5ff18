/** Turn shortcodes and emoji characters into marks: our own drawing where there is one, else the system's character. */

import { DRAWN, EMOJI } from "./emoji-map.js";
import { h, s } from "./dom.js";

const SHORTCODE = /:([a-z0-9_+\-']+):(?::skin-tone-[2-6]:)?/g;
const SKIN_TONES = /[\u{1F3FB}-\u{1F3FF}]/gu;
const ALIASES = new Map([
  ["thumbsup", "+1"],
  ["thumbsdown", "-1"],
  ["green_circle", "large_green_circle"],
  ["yellow_circle", "large_yellow_circle"],
  ["orange_circle", "large_orange_circle"],
  ["stop_sign", "octagonal_sign"],
  ["robot", "robot_face"],
  ["party_popper", "tada"],
  ["hourglass", "hourglass_flowing_sand"],
  ["pencil", "memo"],
  ["open_book", "book"],
  ["tools", "hammer_and_wrench"],
  ["mag_right", "mag"],
  ["light_bulb", "bulb"],
  ["arrows_clockwise", "arrows_counterclockwise"],
]);

const bare = (character) => character.replaceAll("\uFE0F", "");
const NAMES_BY_CHARACTER = new Map();
for (const [name, character] of EMOJI) {
  const drawn = ALIASES.get(name) ?? name;
  if (DRAWN.has(drawn)) NAMES_BY_CHARACTER.set(bare(character), drawn);
}
// Longest first, and never a digit or a plain arrow of running text that has no drawing of ours.
const CHARACTERS = new RegExp(
  [...NAMES_BY_CHARACTER.keys()]
    .sort((a, b) => b.length - a.length)
    .map((one) => `${one}\\uFE0F?`)
    .join("|"),
  "gu",
);

/** A node for a shortcode's name; the shortcode itself as text when nobody knows it. */
export function emoji(name) {
  const base = name.split("::")[0];
  const drawn = ALIASES.get(base) ?? base;
  if (DRAWN.has(drawn)) {
    const mark = s("svg", {
      class: "emoji",
      viewBox: "0 0 20 20",
      role: "img",
      "aria-label": base.replaceAll("_", " "),
      "data-emoji": base,
    });
    mark.append(s("use", { href: `/assets/emoji.svg#${drawn}` }));
    return mark;
  }
  const character = EMOJI.get(base);
  if (!character) return document.createTextNode(`:${base}:`);
  return h(
    "span",
    {
      class: "emoji-text",
      role: "img",
      "aria-label": base.replaceAll("_", " "),
      title: `:${base}:`,
      dataset: { emoji: base },
    },
    character,
  );
}

function withCharacters(text) {
  const nodes = [];
  let last = 0;
  const clean = text.replace(SKIN_TONES, "");
  for (const match of clean.matchAll(CHARACTERS)) {
    if (match.index > last) nodes.push(document.createTextNode(clean.slice(last, match.index)));
    nodes.push(emoji(NAMES_BY_CHARACTER.get(bare(match[0]))));
    last = match.index + match[0].length;
  }
  if (last < clean.length) nodes.push(document.createTextNode(clean.slice(last)));
  return nodes;
}

/** Running text as nodes, with shortcodes replaced; `shortcodes: false` leaves `:name:` as it was written. */
export function withEmoji(text, { shortcodes = true } = {}) {
  if (!shortcodes) return withCharacters(text);
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(SHORTCODE)) {
    if (!EMOJI.has(match[1]) && !DRAWN.has(match[1])) continue;
    nodes.push(...withCharacters(text.slice(last, match.index)), emoji(match[1]));
    last = match.index + match[0].length;
  }
  nodes.push(...withCharacters(text.slice(last)));
  return nodes;
}

/** Shortcodes that contain `part`, best first, for completion. */
export function findEmoji(part, limit = 8) {
  const names = [...EMOJI.keys()].filter((name) => name.includes(part));
  names.sort((a, b) => Number(b.startsWith(part)) - Number(a.startsWith(part)) || a.length - b.length);
  return names.slice(0, limit);
}
