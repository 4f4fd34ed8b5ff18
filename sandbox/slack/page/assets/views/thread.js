/** The thread pane: the parent, its replies, and a composer of its own. */

import { fill, h, icon, onceAFrame } from "../dom.js";
import { channelAddress, go } from "../router.js";
import { loadThread, on, store, threadKey } from "../store.js";
import { Composer, invitation, typingLine } from "./composer.js";
import { placeName } from "./message.js";
import { MessageList } from "./message_list.js";
import { toast } from "./toast.js";

export class ThreadView {
  constructor() {
    this.key = null;
    this.off = null;
    this.where = h("span", { class: "pane-where" });
    this.list = new MessageList({ label: "Thread", inThread: true });
    this.composer = new Composer({
      place: () => ({ channel: this.channel, thread: this.ts }),
      placeholder: () => invitation(this.channel, this.ts),
      onSent: () => this.list.toBottom(),
    });
    this.typing = typingLine(() => this.key);
    this.node = h(
      "aside",
      { class: "thread", "aria-label": "Thread", hidden: true },
      h(
        "header",
        { class: "pane-head" },
        h(
          "button",
          {
            type: "button",
            class: "icon-button back",
            "aria-label": "Back to the channel",
            onclick: () => this.#leave(),
          },
          icon("left"),
        ),
        h("h2", { class: "pane-title" }, "Thread"),
        this.where,
        h(
          "button",
          {
            type: "button",
            class: "icon-button thread-close",
            "aria-label": "Close the thread",
            onclick: () => this.#leave(),
          },
          icon("close"),
        ),
      ),
      this.list.node,
      h("div", { class: "pane-foot" }, this.typing.node, this.composer.node),
    );
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.#leave();
    });
    on("typing", () => this.typing.draw());
  }

  #leave() {
    go(channelAddress(this.channel));
  }

  hide() {
    this.node.hidden = true;
    this.off?.();
    this.off = null;
    this.key = null;
  }

  async show(channel, ts) {
    const key = threadKey(channel, ts);
    const same = this.key === key && this.person === store.me && !this.node.hidden;
    if (same) return;
    this.off?.();
    Object.assign(this, { key, channel, ts, person: store.me });
    this.node.hidden = false;
    fill(this.where, placeName(channel));
    this.list.reset(channel);
    this.off = on(
      `thread:${key}`,
      onceAFrame(() => this.key === key && this.list.sync(store.threads.get(key) ?? [])),
    );
    this.composer.refresh();
    this.typing.draw();
    if (store.threads.has(key)) this.list.sync(store.threads.get(key));
    await loadThread(channel, ts).catch((error) => toast(error.message, "error"));
    if (this.key === key && matchMedia("(hover: hover)").matches) this.composer.focus();
  }
}
