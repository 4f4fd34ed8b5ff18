/** The main pane for a channel or a direct message: header, messages, composer. */

import * as api from "../api.js";
import { fill, h, icon, onceAFrame } from "../dom.js";
import { mrkdwn, plain } from "../mrkdwn.js";
import { markRead } from "../notices.js";
import { go } from "../router.js";
import {
  loadOlder,
  loadTimeline,
  nameOf,
  on,
  receiveConversation,
  store,
  threadKey,
  timelineOf,
  titleOf,
  userOf,
} from "../store.js";
import { avatar } from "./avatar.js";
import { Composer, invitation, typingLine } from "./composer.js";
import { MessageList } from "./message_list.js";
import { openDialog } from "./dialog.js";
import { toast } from "./toast.js";

function signOf(conversation, size = 18) {
  if (conversation.is_im) return avatar({ user: conversation.user }, size > 18 ? 36 : 20);
  return icon(conversation.is_private ? "lock" : "hash", size);
}

/** The channel's topic, purpose and members. */
function showDetails(conversation) {
  const dialog = openDialog({
    title: conversation.is_im ? titleOf(conversation) : `#${titleOf(conversation)}`,
    className: "dialog-details",
  });
  const members = Array.isArray(conversation.members) ? conversation.members : [];
  const user = userOf(conversation.user);
  dialog.body.append(
    h(
      "dl",
      { class: "facts" },
      [
        ["Topic", conversation.topic?.value],
        ["Purpose", conversation.purpose?.value],
        ["Title", user?.profile?.title],
        ["Id", conversation.id],
      ]
        .filter(([, text]) => text)
        .map(([name, text]) => [h("dt", {}, name), h("dd", {}, mrkdwn(text))]),
    ),
    ...(members.length
      ? [
          h("h3", {}, `${members.length} members`),
          h(
            "ul",
            { class: "member-list" },
            members.map((id) =>
              h(
                "li",
                {},
                avatar({ user: id }, 36),
                h(
                  "span",
                  { class: "menu-words" },
                  h("span", {}, nameOf(id), userOf(id)?.is_bot ? h("span", { class: "badge" }, "APP") : null),
                  h("span", { class: "menu-hint" }, userOf(id)?.profile?.title ?? ""),
                ),
              ),
            ),
          ),
        ]
      : []),
  );
}

export class ChannelView {
  constructor({ embedded = false } = {}) {
    this.embedded = embedded;
    this.channel = null;
    this.offs = [];
    this.head = h("header", { class: "pane-head" });
    this.beginning = h("div", { class: "beginning" });
    this.list = new MessageList({ label: "Messages", onOlder: () => this.#older(), before: this.beginning });
    this.composer = new Composer({
      place: () => ({ channel: this.channel }),
      placeholder: () => invitation(this.channel),
      onSent: () => this.list.toBottom(),
    });
    this.typing = typingLine(() => threadKey(this.channel, ""));
    this.foot = h("div", { class: "pane-foot" });
    this.node = h(
      "section",
      { class: "channel", "aria-label": "Conversation" },
      embedded ? null : this.head,
      this.list.node,
      this.foot,
    );
    on("conversations", () => this.channel && this.#drawFrame());
    on("typing", () => this.typing.draw());
  }

  /** Show a conversation; `at` is a message to jump to. */
  async show(channel, at) {
    const known = store.conversations.get(channel);
    const same = this.channel === channel && this.person === store.me;
    if (!same) {
      this.offs.forEach((off) => off());
      this.channel = channel;
      this.person = store.me;
      this.list.reset(channel);
      const timeline = timelineOf(channel);
      timeline.newSince = known?.unread && known.last_read ? known.last_read : null;
      this.offs = [
        on(
          `messages:${channel}`,
          onceAFrame(() => this.channel && this.#drawMessages()),
        ),
      ];
      this.#drawFrame();
      this.composer.refresh();
      this.typing.draw();
      if (timeline.loaded) this.#drawMessages();
      else {
        this.#drawWaiting();
        await loadTimeline(channel).catch((error) => toast(error.message, "error"));
        if (this.channel !== channel) return;
        this.#drawMessages();
      }
      this.list.toNewLine();
    }
    if (at) await this.#reveal(at);
    markRead(channel);
  }

  async #reveal(ts) {
    for (let pages = 0; pages < 40 && !this.list.reveal(ts); pages += 1) {
      if (!(await loadOlder(this.channel).catch(() => false))) break;
      this.#drawMessages();
    }
  }

  #older() {
    if (!this.channel) return;
    loadOlder(this.channel).catch((error) => toast(error.message, "error"));
  }

  #drawWaiting() {
    fill(
      this.beginning,
      h(
        "div",
        { class: "skeleton", "aria-label": "Loading" },
        [1, 2, 3, 4].map(() => h("div", { class: "skeleton-row" }, h("i"), h("b"))),
      ),
    );
  }

  #drawMessages() {
    const timeline = timelineOf(this.channel);
    this.#drawBeginning(timeline);
    this.list.sync(timeline.messages, { newSince: timeline.newSince });
  }

  #drawBeginning(timeline) {
    const known = store.conversations.get(this.channel) ?? {};
    if (!timeline.loaded || timeline.hasMore) {
      fill(
        this.beginning,
        timeline.hasMore &&
          h(
            "p",
            { class: "older" },
            h("span", { class: "spinner spinner-on", "aria-hidden": "true" }),
            "Older messages",
          ),
      );
      return;
    }
    const words = known.is_im
      ? `This is the start of what you and ${titleOf(known)} say to each other.`
      : known.purpose?.value
        ? plain(known.purpose.value)
        : "This is the start of the channel.";
    fill(
      this.beginning,
      h(
        "div",
        { class: "beginning-sign" },
        known.is_im ? avatar({ user: known.user }, 36) : icon(known.is_private ? "lock" : "hash", 26),
      ),
      h("p", { class: "beginning-title" }, known.is_im ? titleOf(known) : `#${titleOf(known)}`),
      h("p", {}, words),
    );
  }

  #drawFrame() {
    const known = store.conversations.get(this.channel);
    if (!known) return;
    const count = known.num_members ?? known.members?.length;
    const user = userOf(known.user);
    if (!this.embedded) {
      fill(
        this.head,
        h(
          "button",
          { type: "button", class: "icon-button back", "aria-label": "Back to the channels", onclick: () => go("#/") },
          icon("left"),
        ),
        h(
          "h1",
          { class: "pane-title" },
          signOf(known),
          h("span", {}, titleOf(known)),
          user?.is_bot && h("span", { class: "badge" }, "APP"),
        ),
        h(
          "p",
          { class: "pane-topic", title: plain(known.topic?.value ?? "") },
          known.topic?.value ? mrkdwn(known.topic.value) : (user?.profile?.title ?? ""),
        ),
        h(
          "button",
          {
            type: "button",
            class: "head-button",
            "aria-label": count ? `Details and ${count} members` : "Details",
            onclick: () => showDetails(known),
          },
          icon(known.is_im ? "note" : "users", 16),
          count && !known.is_im ? count : null,
        ),
      );
    }
    const outside = known.is_member === false && !known.is_im;
    const wanted = known.is_archived ? "archived" : outside ? "outside" : "inside";
    if (this.footKind === wanted && this.footChannel === this.channel) return;
    Object.assign(this, { footKind: wanted, footChannel: this.channel });
    if (wanted === "inside") fill(this.foot, this.typing.node, this.composer.node);
    else if (wanted === "archived") fill(this.foot, h("p", { class: "join-bar" }, "This channel is archived."));
    else
      fill(
        this.foot,
        h(
          "div",
          { class: "join-bar" },
          h("p", {}, `You are looking at #${titleOf(known)} from outside.`),
          h("button", { type: "button", class: "button button-primary", onclick: () => this.#join() }, "Join channel"),
        ),
      );
  }

  async #join() {
    try {
      const answer = await api.join(this.channel);
      receiveConversation({ ...answer.conversation, is_member: true });
      await loadTimeline(this.channel);
      this.composer.refresh();
    } catch (error) {
      toast(error.message, "error");
    }
  }
}
