/** Ctrl or Cmd and K: go anywhere by a few letters. */

import * as api from "../api.js";
import { fill, h, icon, uniqueId } from "../dom.js";
import { appAddress, channelAddress, go } from "../router.js";
import { nameOf, receiveConversation, store, titleOf } from "../store.js";
import { avatar } from "./avatar.js";
import { openDialog } from "./dialog.js";
import { toast } from "./toast.js";

async function openPerson(user) {
  try {
    const answer = await api.openDirect(user);
    receiveConversation(answer.conversation);
    go(channelAddress(answer.conversation.id));
  } catch (error) {
    toast(error.message, "error");
  }
}

function places() {
  const conversations = [...store.conversations.values()];
  const channels = conversations
    .filter((one) => !one.is_im)
    .map((one) => ({
      title: titleOf(one),
      note: one.topic?.value ?? "",
      unread: one.unread,
      mark: icon(one.is_private ? "lock" : "hash"),
      run: () => go(channelAddress(one.id)),
    }));
  const people = [...store.users.values()]
    .filter((user) => !user.is_bot && user.id !== store.me && user.id !== "USLACKBOT")
    .map((user) => ({
      title: nameOf(user.id),
      note: user.profile?.title ?? "",
      mark: avatar({ user: user.id }, 24),
      run: () => openPerson(user.id),
    }));
  const apps = store.apps.map((app) => ({
    title: app.name,
    note: "App",
    mark: avatar({ user: app.bot_user_id, name: app.name, bot: true }, 24),
    run: () => go(appAddress(app.app_id, app.has_home === false ? "messages" : "home")),
  }));
  return [...channels, ...people, ...apps];
}

/** Letters in order, those of a word's start first. */
function score(title, text) {
  const low = title.toLowerCase();
  if (low.startsWith(text)) return 3;
  if (low.includes(text)) return 2;
  let at = -1;
  return [...text].every((letter) => (at = low.indexOf(letter, at + 1)) >= 0) ? 1 : 0;
}

let open = false;

export function openSwitcher() {
  if (open) return;
  open = true;
  const id = uniqueId("places");
  const dialog = openDialog({
    title: "Go to",
    className: "dialog-switcher",
    onCancel: () => {
      open = false;
    },
  });
  const list = h("div", { class: "listbox", role: "listbox", id, "aria-label": "Places" });
  const field = h("input", {
    class: "popup-search",
    type: "text",
    role: "combobox",
    "aria-controls": id,
    "aria-expanded": "true",
    "aria-label": "Go to a channel, a person or an app",
    placeholder: "A channel, a person or an app",
    autocomplete: "off",
  });
  const all = places();
  let shown = [];
  let at = 0;
  const take = (place) => {
    open = false;
    dialog.close();
    place.run();
  };
  const highlight = (index) => {
    at = shown.length ? (index + shown.length) % shown.length : 0;
    [...list.children].forEach((node, position) => {
      node.classList.toggle("option-active", position === at);
      node.setAttribute("aria-selected", String(position === at));
      if (position !== at) return;
      field.setAttribute("aria-activedescendant", node.id);
      node.scrollIntoView({ block: "nearest" });
    });
  };
  const draw = () => {
    const text = field.value.trim().toLowerCase().replace(/^[#@]/, "");
    shown = all
      .map((place) => ({ place, points: text ? score(place.title, text) : 1 + Number(Boolean(place.unread)) }))
      .filter((one) => one.points)
      .sort((one, other) => other.points - one.points)
      .map((one) => one.place)
      .slice(0, 12);
    fill(
      list,
      shown.length
        ? shown.map((place) =>
            h(
              "div",
              { class: "option", role: "option", id: uniqueId("place"), onclick: () => take(place) },
              place.mark,
              h(
                "span",
                { class: "menu-words menu-row" },
                h("span", { class: place.unread ? "menu-label strong" : "menu-label" }, place.title),
                h("span", { class: "menu-hint" }, place.note),
              ),
            ),
          )
        : h("p", { class: "listbox-empty" }, "Nothing fits."),
    );
    highlight(0);
  };
  field.addEventListener("input", draw);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") highlight(at + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "Enter" && shown[at]) take(shown[at]);
    else return;
    event.preventDefault();
  });
  dialog.body.append(h("div", { class: "popup-search-row" }, icon("search"), field), list);
  draw();
  field.focus();
}

addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    openSwitcher();
  }
});
