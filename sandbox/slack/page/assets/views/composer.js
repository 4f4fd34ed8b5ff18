/** Where a message is written: Enter sends, Shift+Enter breaks the line, drafts stay while one looks elsewhere. */

import * as api from "../api.js";
import { h, icon } from "../dom.js";
import { nameOf, receiveMessage, store, titleOf } from "../store.js";
import { completion } from "./complete.js";
import { openMenu } from "./popup.js";
import { pickEmoji } from "./reactions.js";
import { toast } from "./toast.js";
import { shortcutItems } from "./tools.js";

const drafts = new Map();
const TALLEST = 240;

export const forgetDrafts = () => drafts.clear();

/**
 * @param {{place: () => {channel: string, thread?: string}, placeholder: () => string, onSent?: () => void}} options
 */
export class Composer {
  constructor({ place, placeholder, onSent }) {
    this.place = place;
    this.placeholder = placeholder;
    this.onSent = onSent;
    this.field = h("textarea", { class: "composer-field", rows: 1, autocomplete: "off", spellcheck: "true" });
    this.completion = completion(this.field);
    this.sendButton = h(
      "button",
      { type: "submit", class: "send-button", "aria-label": "Send", title: "Send (Enter)", disabled: true },
      icon("send"),
    );
    this.plus = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Shortcuts and commands",
        title: "Shortcuts and commands",
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        onclick: () => this.#plus(),
      },
      icon("plus"),
    );
    const smile = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Insert an emoji",
        title: "Insert an emoji",
        "aria-expanded": "false",
        onclick: (event) => pickEmoji(event.currentTarget, (name) => this.insert(`:${name}: `)),
      },
      icon("smile"),
    );
    const at = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Mention somebody",
        title: "Mention somebody",
        onclick: () => this.insert("@"),
      },
      h("span", { class: "at-sign", "aria-hidden": "true" }, "@"),
    );
    this.node = h(
      "form",
      {
        class: "composer",
        onsubmit: (event) => {
          event.preventDefault();
          this.send();
        },
      },
      this.completion.node,
      h(
        "div",
        { class: "composer-box" },
        this.field,
        h(
          "div",
          { class: "composer-tools" },
          this.plus,
          smile,
          at,
          h(
            "span",
            { class: "composer-hint" },
            h("kbd", {}, "Enter"),
            " sends · ",
            h("kbd", {}, "Shift"),
            "+",
            h("kbd", {}, "Enter"),
            " new line",
          ),
          this.sendButton,
        ),
      ),
    );
    this.field.addEventListener("input", () => this.#typed());
    this.field.addEventListener("keydown", (event) => this.#key(event));
  }

  #draftKey() {
    const { channel, thread } = this.place();
    return `${store.me}:${channel}:${thread ?? ""}`;
  }

  /** The place changed: bring its draft. */
  refresh() {
    this.field.value = drafts.get(this.#draftKey()) ?? "";
    this.field.placeholder = this.placeholder();
    this.field.setAttribute("aria-label", this.placeholder());
    this.completion.close();
    this.#fit();
  }

  focus() {
    this.field.focus();
  }

  insert(text) {
    this.field.setRangeText(text, this.field.selectionStart, this.field.selectionEnd, "end");
    this.field.focus();
    this.#typed();
  }

  async send() {
    const text = this.field.value.trim();
    if (!text) return;
    const { channel, thread } = this.place();
    const key = this.#draftKey();
    this.field.value = "";
    this.#typed();
    try {
      const answer = await api.send(channel, text, thread);
      if (answer.message) receiveMessage(channel, answer.message);
      this.onSent?.();
    } catch (error) {
      toast(error.message, "error");
      // Nothing that was written is lost, unless something else was written meanwhile.
      if (!drafts.get(key)) {
        drafts.set(key, text);
        if (this.#draftKey() === key) this.refresh();
      }
    }
  }

  #typed() {
    if (this.field.value) drafts.set(this.#draftKey(), this.field.value);
    else drafts.delete(this.#draftKey());
    this.#fit();
    this.completion.update();
  }

  #fit() {
    this.sendButton.disabled = !this.field.value.trim();
    this.field.style.setProperty("height", "auto");
    this.field.style.setProperty("height", `${Math.min(this.field.scrollHeight, TALLEST)}px`);
  }

  #key(event) {
    if (event.isComposing || this.completion.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this.send();
    }
  }

  #plus() {
    const shortcuts = shortcutItems("global");
    const commands = store.apps.flatMap((app) =>
      (app.commands ?? []).map((one) => ({
        label: one.command,
        hint: one.description,
        icon: icon("code", 16),
        run: () => {
          this.field.value = "";
          this.insert(`${one.command} `);
        },
      })),
    );
    const items = [
      ...(shortcuts.length ? [{ heading: true, label: "Shortcuts" }, ...shortcuts] : []),
      ...(commands.length ? [{ heading: true, label: "Commands" }, ...commands] : []),
    ];
    openMenu(this.plus, items.length ? items : [{ heading: true, label: "No app is connected yet" }], {
      label: "Shortcuts and commands",
    });
  }
}

/** The line that says what an app is doing. */
export function typingLine(key) {
  const node = h("div", { class: "typing", "aria-live": "polite" });
  const draw = () => {
    const now = store.typing.get(key());
    node.replaceChildren();
    if (!now) return;
    node.append(
      h("span", { class: "typing-dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
      h("span", {}, now.user ? `${nameOf(now.user)} ` : "", now.text),
    );
  };
  return { node, draw };
}

/** What an empty composer invites to. */
export function invitation(channel, thread) {
  if (thread) return "Reply in this thread";
  const known = store.conversations.get(channel);
  return `Message ${known?.is_im ? "" : "#"}${titleOf(known)}`;
}
