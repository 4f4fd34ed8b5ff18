/** One message: who, when, what, and what hangs below it. */

import { renderAttachments } from "../blocks/attachment.js";
import { renderBlocks } from "../blocks/index.js";
import { h, icon } from "../dom.js";
import { mrkdwn } from "../mrkdwn.js";
import { go, threadAddress } from "../router.js";
import { nameOf, store, titleOf, userOf } from "../store.js";
import { messageSurface } from "../surface.js";
import { ago, clock, exact } from "../time.js";
import { avatar } from "./avatar.js";
import { files } from "./files.js";
import { reactions } from "./reactions.js";

const SYSTEM = new Set([
  "channel_join",
  "channel_leave",
  "channel_topic",
  "channel_purpose",
  "channel_name",
  "channel_archive",
  "channel_unarchive",
  "group_join",
  "group_leave",
  "pinned_item",
  "bot_add",
  "bot_remove",
]);
const GROUPED_SECONDS = 300;
const FACES = 4;

/** Who wrote a message: an id for grouping, a name, and whether it is an app. */
export function authorOf(message) {
  const profile = message.bot_profile;
  const user = userOf(message.user);
  const bot = Boolean(message.bot_id || profile || user?.is_bot);
  const name = message.username ?? profile?.name ?? (message.user ? nameOf(message.user) : "App");
  return {
    id: `${message.user ?? ""}${message.bot_id ?? ""}${message.username ?? ""}`,
    name,
    bot,
    image: message.icons?.image_48 ?? profile?.icons?.image_48,
    user: message.user,
  };
}

export const isSystem = (message) => SYSTEM.has(message.subtype);

/** Whether `message` continues what its author said just before. */
export function continues(message, before) {
  return (
    Boolean(before) &&
    !isSystem(before) &&
    !isSystem(message) &&
    message.subtype !== "tombstone" &&
    before.subtype !== "tombstone" &&
    authorOf(before).id === authorOf(message).id &&
    Boolean(before.is_ephemeral) === Boolean(message.is_ephemeral) &&
    !(before.reply_count > 0) &&
    Number(message.ts) - Number(before.ts) < GROUPED_SECONDS
  );
}

const time = (message, className) =>
  h(
    "time",
    { class: className, datetime: new Date(Number(message.ts) * 1000).toISOString(), title: exact(message.ts) },
    clock(message.ts),
  );

function edited(message) {
  return message.edited && h("span", { class: "edited", title: `Edited ${exact(message.edited.ts)}` }, "(edited)");
}

/** What a person typed: its text has the same words as its one block, with quotes and fences still to be read. */
function isTyped(message) {
  return (
    !message.bot_id &&
    !message.app_id &&
    message.blocks.length === 1 &&
    message.blocks[0].type === "rich_text" &&
    Boolean(message.text)
  );
}

/** Dots below a message that an app is still writing. */
function streaming(message) {
  return (
    message.streaming_state === "in_progress" &&
    h("span", { class: "typing-dots", role: "img", "aria-label": "Still writing" }, h("i"), h("i"), h("i"))
  );
}

function content(message, channel) {
  const surface = messageSurface(channel, message);
  if (message.blocks?.length && !isTyped(message)) {
    return h(
      "div",
      { class: "message-content" },
      renderBlocks(message.blocks, surface),
      renderAttachments(message.attachments, surface),
      streaming(message),
      edited(message),
    );
  }
  const text =
    message.text &&
    h(
      "div",
      { class: message.subtype === "me_message" ? "text text-me" : "text" },
      mrkdwn(message.text),
      " ",
      edited(message),
    );
  return h(
    "div",
    { class: "message-content" },
    text,
    streaming(message),
    renderAttachments(message.attachments, surface),
  );
}

function threadSummary(message, channel) {
  if (!message.reply_count) return null;
  const count = message.reply_count;
  return h(
    "button",
    { type: "button", class: "thread-summary", onclick: () => go(threadAddress(channel, message.ts)) },
    h(
      "span",
      { class: "thread-faces" },
      (message.reply_users ?? []).slice(0, FACES).map((user) => avatar({ user }, 24)),
    ),
    h("span", { class: "thread-count" }, `${count} ${count === 1 ? "reply" : "replies"}`),
    message.latest_reply &&
      h(
        "span",
        { class: "thread-when" },
        "Last reply ",
        h("span", { dataset: { ago: message.latest_reply } }, ago(message.latest_reply)),
      ),
    icon("right", 16),
  );
}

function systemRow(message) {
  return h(
    "div",
    { class: "message message-system", role: "listitem", tabindex: -1, dataset: { ts: message.ts } },
    h("div", { class: "gutter" }, icon("note", 16)),
    h("div", { class: "message-body" }, h("div", { class: "text" }, mrkdwn(message.text)), time(message, "time")),
  );
}

function tombstoneRow(message, channel, inThread) {
  return h(
    "div",
    { class: "message", role: "listitem", tabindex: -1, dataset: { ts: message.ts } },
    h("div", { class: "gutter" }, h("span", { class: "tombstone" }, icon("trash", 16))),
    h(
      "div",
      { class: "message-body" },
      h("p", { class: "unknown-block" }, "This message was deleted."),
      !inThread && threadSummary(message, channel),
    ),
  );
}

/**
 * @param {object} message @param {{channel: string, grouped?: boolean, inThread?: boolean}} place
 * @returns {HTMLElement}
 */
export function messageRow(message, { channel, grouped = false, inThread = false }) {
  if (message.subtype === "tombstone") return tombstoneRow(message, channel, inThread);
  if (isSystem(message)) return systemRow(message);
  const author = authorOf(message);
  const mine = message.user === store.me;
  const names = h(
    "div",
    { class: grouped ? "visually-hidden" : "meta" },
    h("span", { class: "author" }, author.name),
    author.bot && h("span", { class: "badge" }, "APP"),
    mine && h("span", { class: "visually-hidden" }, " (you)"),
    time(message, "time"),
  );
  return h(
    "div",
    {
      class: `message${grouped ? " grouped" : ""}${message.is_ephemeral ? " message-ephemeral" : ""}`,
      role: "listitem",
      tabindex: -1,
      dataset: { ts: message.ts },
    },
    h("div", { class: "gutter" }, grouped ? time(message, "time gutter-time") : avatar(author, 36)),
    h(
      "div",
      { class: "message-body" },
      message.is_ephemeral && h("p", { class: "ephemeral-note" }, icon("eye", 14), "Only visible to you"),
      message.subtype === "thread_broadcast" &&
        !inThread &&
        h(
          "p",
          { class: "broadcast-note" },
          "replied to a ",
          h("a", { href: threadAddress(channel, message.thread_ts) }, "thread"),
        ),
      names,
      content(message, channel),
      files(message.files),
      reactions(message, channel),
      !inThread && threadSummary(message, channel),
    ),
  );
}

/** A conversation the way people write it: `#channel`, or the other person. */
export const placeName = (channel) => {
  const known = store.conversations.get(channel);
  return known?.is_im ? titleOf(known) : `#${titleOf(known)}`;
};
