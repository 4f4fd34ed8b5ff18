/** People, channels and groups inside text. */

import { h } from "./dom.js";
import { channelAddress } from "./router.js";
import { nameOf, store, titleOf } from "./store.js";

/** `@name`; marked when it is the person who looks. */
export function userMention(id, label) {
  const me = id === store.me;
  const name = store.users.has(id) ? nameOf(id) : (label ?? id);
  return h(
    "span",
    { class: me ? "mention mention-me" : "mention", dataset: { user: id } },
    `@${name.replace(/^@/, "")}`,
  );
}

/** `#channel`, a link to it when the page knows it. */
export function channelMention(id, label) {
  const known = store.conversations.get(id);
  const name = known ? titleOf(known) : label || id;
  return known
    ? h("a", { class: "mention", href: channelAddress(id) }, `#${name}`)
    : h("span", { class: "mention" }, `#${name}`);
}

/** A user group by its id; its people see it marked. */
export function subteamMention(id, label) {
  const group = store.groups.find((one) => one.id === id);
  const mine = group?.users?.includes(store.me);
  return h(
    "span",
    { class: mine ? "mention mention-me" : "mention", title: group?.name },
    `@${String(group?.handle ?? label ?? id).replace(/^@/, "")}`,
  );
}

/** `@here`, `@channel` or `@everyone`. */
export const groupMention = (label) =>
  h("span", { class: "mention mention-me" }, `@${String(label).replace(/^@/, "")}`);
