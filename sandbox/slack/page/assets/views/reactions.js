/** Reactions below a message and the picker that adds one. */

import * as api from "../api.js";
import { fill, h, icon } from "../dom.js";
import { emoji, findEmoji } from "../emoji.js";
import { nameOf, store } from "../store.js";
import { openPopup, closePopup } from "./popup.js";
import { toast } from "./toast.js";

const COMMON = [
  "+1",
  "eyes",
  "white_check_mark",
  "tada",
  "heart",
  "fire",
  "rocket",
  "pray",
  "wave",
  "thinking_face",
  "warning",
  "rotating_light",
  "joy",
  "clap",
  "raised_hands",
  "bug",
  "wrench",
  "hourglass_flowing_sand",
  "x",
  "100",
  "sparkles",
  "bulb",
  "memo",
  "lock",
];

async function toggle(channel, message, name) {
  const mine = message.reactions?.find((one) => one.name === name)?.users?.includes(store.me);
  try {
    await api.react(channel, message.ts, name, Boolean(mine));
  } catch (error) {
    toast(error.message, "error");
  }
}

/** Choose an emoji at `anchor`. */
export function pickEmoji(anchor, chosen) {
  const grid = h("div", { class: "emoji-grid", role: "listbox", "aria-label": "Emoji" });
  const draw = (names) =>
    fill(
      grid,
      names.map((name) =>
        h(
          "button",
          {
            type: "button",
            class: "emoji-choice",
            role: "option",
            "aria-label": name.replaceAll("_", " "),
            title: `:${name}:`,
            onclick: () => {
              closePopup();
              chosen(name);
            },
          },
          emoji(name),
        ),
      ),
    );
  const search = h("input", {
    type: "text",
    class: "popup-search",
    placeholder: "Find an emoji",
    "aria-label": "Find an emoji",
    autofocus: true,
    autocomplete: "off",
  });
  search.addEventListener("input", () =>
    draw(search.value.trim() ? findEmoji(search.value.trim().toLowerCase().replaceAll(" ", "_"), 32) : COMMON),
  );
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") grid.querySelector("button")?.click();
    if (event.key === "ArrowDown") {
      event.preventDefault();
      grid.querySelector("button")?.focus();
    }
  });
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...grid.children];
    const to = all[all.indexOf(document.activeElement) + step];
    (to ?? search).focus();
  });
  draw(COMMON);
  openPopup(
    anchor,
    h("div", { class: "emoji-picker" }, h("div", { class: "popup-search-row" }, icon("search", 16), search), grid),
    { align: "end" },
  );
}

/** Add a reaction of the person's choice. */
export const addReaction = (anchor, channel, message) => pickEmoji(anchor, (name) => toggle(channel, message, name));

/** @returns {HTMLElement | null} */
export function reactions(message, channel) {
  if (!message.reactions?.length) return null;
  const chips = message.reactions.map((one) => {
    const mine = one.users?.includes(store.me) ?? false;
    const who = (one.users ?? []).map((user) => (user === store.me ? "you" : nameOf(user))).join(", ");
    return h(
      "button",
      {
        type: "button",
        class: "reaction",
        "aria-pressed": String(mine),
        title: `${who} reacted with :${one.name}:`,
        "aria-label": `${one.name.replaceAll("_", " ")}, ${one.count}, ${who}`,
        onclick: () => toggle(channel, message, one.name),
      },
      emoji(one.name),
      h("span", {}, one.count),
    );
  });
  const add = h(
    "button",
    {
      type: "button",
      class: "reaction reaction-add",
      "aria-label": "Add a reaction",
      "aria-haspopup": "dialog",
      "aria-expanded": "false",
      onclick: (event) => addReaction(event.currentTarget, channel, message),
    },
    icon("smile", 16),
  );
  return h("div", { class: "reactions" }, chips, add);
}
