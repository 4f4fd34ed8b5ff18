/** The small bar over a message that is pointed at or focused: react, reply, and a menu with the apps' shortcuts. */

import * as api from "../api.js";
import { h, icon } from "../dom.js";
import { plain } from "../mrkdwn.js";
import { channelAddress, go, threadAddress } from "../router.js";
import { store } from "../store.js";
import { closePopup, openMenu } from "./popup.js";
import { addReaction } from "./reactions.js";
import { toast } from "./toast.js";

async function copy(text, said) {
  try {
    await navigator.clipboard.writeText(text);
    toast(said, "success");
  } catch {
    toast("The browser did not allow copying.", "error");
  }
}

async function runShortcut(app, shortcut, channel, ts) {
  try {
    await api.shortcut(shortcut.callback_id, channel, ts);
  } catch (error) {
    toast(`${app.name}: ${error.message}`, "error");
  }
}

/** The apps' shortcuts of one type as menu items. */
export function shortcutItems(type, channel, ts) {
  return store.apps.flatMap((app) =>
    (app.shortcuts ?? [])
      .filter((one) => one.type === type || one.type === `${type}_action`)
      .map((one) => ({
        label: one.name,
        hint: app.name,
        icon: icon("bolt", 16),
        run: () => runShortcut(app, one, channel, ts),
      })),
  );
}

function moreItems(message, channel) {
  const shortcuts = message.is_ephemeral ? [] : shortcutItems("message", channel, message.ts);
  const address = `${location.origin}/${channelAddress(channel)}/m/${message.ts}`;
  return [
    { label: "Copy text", icon: icon("copy", 16), run: () => copy(plain(message.text ?? ""), "Copied the text.") },
    { label: "Copy link", icon: icon("external", 16), run: () => copy(address, "Copied the link.") },
    ...(shortcuts.length ? [{ heading: true, label: "Shortcuts" }, ...shortcuts] : []),
  ];
}

/** Show the bar on rows of `list`. `find(ts, ephemeral)` gives the message of a row. */
export function attachTools(list, { channel, inThread, find }) {
  let row = null;
  const button = (name, label, run, props = {}) =>
    h(
      "button",
      { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: run, ...props },
      icon(name),
    );
  const current = () => find(row?.dataset.ts, row?.classList.contains("message-ephemeral"));
  const react = button("smile", "Add a reaction", (event) => addReaction(event.currentTarget, channel(), current()), {
    "aria-haspopup": "dialog",
    "aria-expanded": "false",
  });
  const reply = inThread
    ? null
    : button("reply", "Reply in thread", () => go(threadAddress(channel(), current().thread_ts ?? current().ts)));
  const more = button(
    "kebab",
    "More actions",
    (event) => openMenu(event.currentTarget, moreItems(current(), channel()), { align: "end" }),
    { "aria-haspopup": "menu", "aria-expanded": "false" },
  );
  const bar = h(
    "div",
    { class: "message-tools", role: "toolbar", "aria-label": "Message actions" },
    react,
    reply,
    more,
  );
  const show = (target) => {
    const next = target.closest?.(".message");
    if (
      !next ||
      next === row ||
      next.classList.contains("message-system") ||
      bar.querySelector('[aria-expanded="true"]')
    )
      return;
    row = next;
    const ephemeral = row.classList.contains("message-ephemeral");
    react.hidden = ephemeral;
    if (reply) reply.hidden = ephemeral;
    row.append(bar);
  };
  list.addEventListener("pointerover", (event) => event.pointerType === "mouse" && show(event.target));
  list.addEventListener("focusin", (event) => show(event.target));
  list.addEventListener("click", (event) => show(event.target));
  list.addEventListener("pointerleave", () => {
    if (bar.contains(document.activeElement) || bar.querySelector('[aria-expanded="true"]')) return;
    bar.remove();
    row = null;
  });
  return {
    /** Move the bar to a row that replaced the one it was on. */
    moved: (from, to) => {
      if (row !== from) return;
      row = to;
      to.append(bar);
    },
    dropped: (node) => {
      if (row !== node) return;
      closePopup();
      bar.remove();
      row = null;
    },
  };
}
