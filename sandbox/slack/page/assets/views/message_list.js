/**
 * A list of messages that stays put: rows are kept by their `ts` and rebuilt only when their message changed, the view
 * stays at the bottom while somebody is there, and keeps its place when older messages come in above.
 */

import { h, icon, onceAFrame } from "../dom.js";
import { dayName, dayOf } from "../time.js";
import { store } from "../store.js";
import { continues, messageRow } from "./message.js";
import { attachTools } from "./tools.js";

const NEAR_BOTTOM = 48;
const NEAR_TOP = 700;

export class MessageList {
  #wantOlder;

  /**
   * @param {{label: string, inThread?: boolean, onOlder?: () => void, before?: Node}} options `before` stays above the
   *   messages.
   */
  constructor({ label, inThread = false, onOlder, before }) {
    this.inThread = inThread;
    this.onOlder = onOlder;
    this.rows = new Map();
    this.channel = null;
    this.messages = [];
    this.stuck = true;
    this.list = h("div", { class: "messages", role: "list", "aria-label": label });
    this.inner = h("div", { class: "messages-inner" }, before, this.list);
    this.latest = h(
      "button",
      { type: "button", class: "latest", hidden: true, onclick: () => this.toBottom() },
      icon("down", 16),
      "New messages",
    );
    this.scroller = h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": label }, this.inner);
    this.node = h("div", { class: "message-pane" }, this.scroller, this.latest);
    this.tools = attachTools(this.list, {
      channel: () => this.channel,
      inThread,
      find: (ts, ephemeral) =>
        this.messages.find((one) => one.ts === ts && Boolean(one.is_ephemeral) === Boolean(ephemeral)),
    });
    // A short page needs no scrolling to be at its top: ask once more after each drawing.
    this.#wantOlder = onceAFrame(() => this.node.isConnected && this.messages.length && this.#scrolled());
    this.scroller.addEventListener(
      "scroll",
      onceAFrame(() => this.#scrolled()),
      { passive: true },
    );
    this.scroller.addEventListener("keydown", (event) => this.#key(event));
    this.observer = new ResizeObserver(() => this.stuck && this.toBottom());
    this.observer.observe(this.inner);
    this.observer.observe(this.scroller);
  }

  /** Show another conversation: forget the rows and start at the bottom. */
  reset(channel) {
    this.channel = channel;
    this.rows.clear();
    this.list.replaceChildren();
    this.messages = [];
    this.stuck = true;
    this.latest.hidden = true;
  }

  toBottom() {
    this.stuck = true;
    this.latest.hidden = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** Bring a message into view and mark it for a moment. */
  reveal(ts) {
    const row = this.rows.get(`message:${ts}`)?.node;
    if (!row) return false;
    this.stuck = false;
    row.scrollIntoView({ block: "center" });
    row.classList.add("message-found");
    row.focus({ preventScroll: true });
    setTimeout(() => row.classList.remove("message-found"), 2500);
    return true;
  }

  /** Start at the "new messages" line when it is not at hand already. */
  toNewLine() {
    const line = this.list.querySelector(".new-line");
    if (!line || this.scroller.scrollHeight - line.offsetTop < this.scroller.clientHeight) return;
    this.stuck = false;
    line.scrollIntoView({ block: "start" });
  }

  /** Show `messages`, oldest first. */
  sync(messages, { newSince = null } = {}) {
    const anchor = this.stuck ? null : this.#anchor();
    const newest = this.messages.at(-1)?.ts;
    this.messages = messages;
    const wanted = this.#plan(messages, newSince);
    const keys = new Set(wanted.map((one) => one.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      this.tools.dropped(row.node);
      row.node.remove();
      this.rows.delete(key);
    }
    let cursor = this.list.firstChild;
    for (const one of wanted) {
      const node = this.#row(one);
      // A rebuilt row stands where the old one stood.
      if (cursor && cursor.parentNode !== this.list) cursor = node;
      if (cursor === node) cursor = cursor.nextSibling;
      else this.list.insertBefore(node, cursor);
    }
    if (this.stuck) this.toBottom();
    else {
      const row = anchor && this.rows.get(anchor.key);
      if (row) this.scroller.scrollTop += row.node.getBoundingClientRect().top - anchor.top;
      if (newest && messages.at(-1)?.ts > newest) this.latest.hidden = messages.at(-1).user === store.me;
    }
    this.#wantOlder();
  }

  #plan(messages, newSince) {
    const wanted = [];
    let before = null;
    let lined = newSince === null;
    for (const message of messages) {
      if (!this.inThread && (!before || dayOf(before.ts) !== dayOf(message.ts))) {
        wanted.push({
          key: `day:${dayOf(message.ts)}`,
          build: () => h("div", { class: "day", role: "separator" }, h("span", {}, dayName(message.ts))),
          message: null,
        });
        before = null;
      }
      if (!lined && Number(message.ts) > Number(newSince) && message.user !== store.me) {
        lined = true;
        wanted.push({
          key: "new",
          build: () => h("div", { class: "new-line", role: "separator" }, h("span", {}, "New")),
          message: null,
        });
        before = null;
      }
      const grouped = continues(message, before);
      wanted.push({
        key: `message:${message.ts}${message.is_ephemeral ? ":e" : ""}`,
        message,
        grouped,
        build: () => messageRow(message, { channel: this.channel, grouped, inThread: this.inThread }),
      });
      before = message;
    }
    return wanted;
  }

  #row({ key, message, grouped, build }) {
    const known = this.rows.get(key);
    if (known && (message === null || (known.message === message && known.grouped === grouped))) return known.node;
    const node = build();
    if (known) {
      const focused = known.node.contains(document.activeElement) ? document.activeElement : null;
      known.node.replaceWith(node);
      this.tools.moved(known.node, node);
      this.#refocus(node, focused);
    }
    this.rows.set(key, { node, message, grouped });
    return node;
  }

  /** A rebuilt row keeps the keyboard where it was: on the same control, else on the row. */
  #refocus(node, focused) {
    if (!focused) return;
    const { action, block } = focused.dataset;
    const same =
      action &&
      [...node.querySelectorAll("[data-action]")].find(
        (one) => one.dataset.action === action && one.dataset.block === block,
      );
    (same ?? node).focus({ preventScroll: true });
  }

  #anchor() {
    const top = this.scroller.getBoundingClientRect().top;
    // A message, not a divider: dividers move up when older messages come in.
    const node = [...this.list.children].find(
      (one) => one.classList.contains("message") && one.getBoundingClientRect().bottom > top,
    );
    if (!node) return null;
    const { top: from } = node.getBoundingClientRect();
    // The row may be rebuilt, so its place is kept by its key.
    const key = [...this.rows].find(([, row]) => row.node === node)[0];
    return { key, top: from };
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.stuck = scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM;
    if (this.stuck) this.latest.hidden = true;
    if (scrollTop < NEAR_TOP) this.onOlder?.();
  }

  #key(event) {
    if (
      !["ArrowUp", "ArrowDown"].includes(event.key) ||
      event.target.closest("input, textarea, [contenteditable], [role=listbox], [role=toolbar]")
    )
      return;
    const rows = [...this.list.querySelectorAll(".message")];
    const at = rows.indexOf(document.activeElement.closest(".message"));
    const to = at < 0 ? rows.at(-1) : rows[at + (event.key === "ArrowUp" ? -1 : 1)];
    if (!to) return;
    event.preventDefault();
    to.focus();
    to.scrollIntoView({ block: "nearest" });
  }
}
