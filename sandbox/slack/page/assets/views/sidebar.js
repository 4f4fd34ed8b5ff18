/** Channels, people and apps at the side, with what is unread for the person who looks. */

import * as api from "../api.js";
import { fill, h, icon } from "../dom.js";
import { appAddress, channelAddress, go, route } from "../router.js";
import { appOfBotUser, nameOf, on, receiveConversation, store, titleOf } from "../store.js";
import { avatar } from "./avatar.js";
import { arrowKeys } from "./popup.js";
import { toast } from "./toast.js";

const folded = new Set();

function entry({ address, mark, title, unread = 0, mentions = 0, current, note, muted }) {
  const words = [
    unread ? `${unread} unread` : "",
    mentions ? `${mentions} ${mentions === 1 ? "mention" : "mentions"}` : "",
  ]
    .filter(Boolean)
    .join(", ");
  return h(
    "li",
    {},
    h(
      "a",
      {
        href: address,
        class: `side-item${unread ? " side-unread" : ""}${muted ? " side-muted" : ""}`,
        "aria-current": current ? "page" : null,
      },
      h("span", { class: "side-mark" }, mark),
      h("span", { class: "side-title" }, title),
      note && h("span", { class: "side-note" }, note),
      mentions
        ? h("span", { class: "mention-count", "aria-hidden": "true" }, mentions > 99 ? "99+" : mentions)
        : unread
          ? h("span", { class: "unread-dot", "aria-hidden": "true" })
          : null,
      words && h("span", { class: "visually-hidden" }, words),
    ),
  );
}

function group(name, items) {
  if (!items.length) return null;
  const details = h(
    "details",
    { class: "side-group", open: !folded.has(name) },
    h("summary", {}, icon("down", 14), name),
    h("ul", { "aria-label": name }, items),
  );
  details.addEventListener("toggle", () => (details.open ? folded.delete(name) : folded.add(name)));
  return details;
}

const byName = (one, other) => titleOf(one).localeCompare(titleOf(other));

/** @returns {HTMLElement} */
export function sidebar() {
  const body = h("div", { class: "side-body" });
  const node = h("nav", { class: "sidebar", "aria-label": "Channels, people and apps" }, body);
  arrowKeys(body, "a.side-item, button.side-item, summary");

  const openPerson = async (user) => {
    try {
      const answer = await api.openDirect(user);
      receiveConversation(answer.conversation);
      go(channelAddress(answer.conversation.id));
    } catch (error) {
      toast(error.message, "error");
    }
  };

  const draw = () => {
    const here = route();
    const all = [...store.conversations.values()];
    const channels = all
      .filter((one) => !one.is_im && !one.is_archived)
      .sort((one, other) => Number(one.is_member === false) - Number(other.is_member === false) || byName(one, other));
    const direct = all.filter((one) => one.is_im && !appOfBotUser(one.user) && one.user !== store.me).sort(byName);
    const others = store.people.filter(
      (person) => person.id !== store.me && !direct.some((one) => one.user === person.id),
    );
    const focused = body.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    fill(
      body,
      group(
        "Channels",
        channels.map((one) =>
          entry({
            address: channelAddress(one.id),
            mark: icon(one.is_private ? "lock" : "hash", 17),
            title: titleOf(one),
            unread: one.unread,
            mentions: one.mentions,
            current: here.channel === one.id,
            muted: one.is_member === false,
          }),
        ),
      ),
      group("Direct messages", [
        ...direct.map((one) =>
          entry({
            address: channelAddress(one.id),
            mark: avatar({ user: one.user }, 20),
            title: titleOf(one),
            unread: one.unread,
            mentions: one.unread,
            current: here.channel === one.id,
          }),
        ),
        ...others.map((person) =>
          h(
            "li",
            {},
            h(
              "button",
              { type: "button", class: "side-item", onclick: () => openPerson(person.id) },
              h("span", { class: "side-mark" }, avatar({ user: person.id }, 20)),
              h("span", { class: "side-title" }, nameOf(person.id)),
            ),
          ),
        ),
      ]),
      group(
        "Apps",
        store.apps.map((app) => {
          const talk = all.find((one) => one.is_im && one.user === app.bot_user_id);
          return entry({
            address: appAddress(app.app_id, app.has_home === false ? "messages" : "home"),
            mark: avatar({ user: app.bot_user_id, name: app.name, bot: true }, 20),
            title: app.name,
            unread: talk?.unread,
            mentions: talk?.unread,
            current: here.app === app.app_id || (talk && here.channel === talk.id),
          });
        }),
      ),
    );
    if (focused) body.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    const unread = all.reduce((sum, one) => sum + (one.mentions || (one.is_im ? one.unread : 0) || 0), 0);
    document.title = `${unread ? `(${unread}) ` : ""}${store.team.name ?? "Workspace"}`;
  };
  on("conversations", draw);
  on("route", draw);
  on("session", draw);
  draw();
  return node;
}
