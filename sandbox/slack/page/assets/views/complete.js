/** Completion in the composer: slash commands, people, channels and emoji, in a list above it. */

import { fill, h, icon, uniqueId } from "../dom.js";
import { emoji, findEmoji } from "../emoji.js";
import { nameOf, store, titleOf } from "../store.js";
import { avatar } from "./avatar.js";

const MOST = 8;

const fits = (text, part) => text.toLowerCase().includes(part.toLowerCase());
const first = (part) => (one, other) =>
  Number(other.insert.slice(1).toLowerCase().startsWith(part)) -
  Number(one.insert.slice(1).toLowerCase().startsWith(part));

function commands(part) {
  return store.apps
    .flatMap((app) => (app.commands ?? []).map((one) => ({ app, ...one })))
    .filter((one) => fits(one.command, part))
    .map((one) => ({
      insert: one.command,
      label: one.command,
      usage: one.usage_hint,
      note: `${one.description ?? ""}`,
      from: one.app.name,
      mark: avatar({ user: one.app.bot_user_id, name: one.app.name, bot: true }, 24),
    }));
}

function people(part) {
  const users = [...store.users.values()]
    .filter((user) => !user.deleted && user.id !== "USLACKBOT")
    .filter((user) => fits(nameOf(user.id), part) || fits(user.name ?? "", part) || fits(user.real_name ?? "", part));
  const found = users.map((user) => ({
    insert: `@${nameOf(user.id)}`,
    label: nameOf(user.id),
    note: user.is_bot ? "App" : (user.profile?.title ?? user.title ?? ""),
    mark: avatar({ user: user.id }, 24),
  }));
  const all = ["here", "channel"]
    .filter((one) => fits(one, part))
    .map((one) => ({
      insert: `@${one}`,
      label: `@${one}`,
      note: one === "here" ? "Tells everybody who is active in this channel" : "Tells everybody in this channel",
      mark: icon("users", 20),
    }));
  const groups = store.groups
    .filter((group) => fits(group.handle, part) || fits(group.name ?? "", part))
    .map((group) => ({
      insert: `@${group.handle}`,
      label: `@${group.handle}`,
      note: group.name ?? "",
      mark: icon("users", 20),
    }));
  return [...found, ...groups, ...all].sort(first(part.toLowerCase()));
}

const channels = (part) =>
  [...store.conversations.values()]
    .filter((one) => !one.is_im && fits(titleOf(one), part))
    .map((one) => ({
      insert: `#${titleOf(one)}`,
      label: titleOf(one),
      note: one.topic?.value ?? "",
      mark: icon("hash", 18),
    }));

const emojis = (part) =>
  part.length < 2
    ? []
    : findEmoji(part.toLowerCase()).map((name) => ({
        insert: `:${name}:`,
        label: `:${name}:`,
        note: "",
        mark: emoji(name),
      }));

const TRIGGERS = [
  { pattern: /^(\/[\w-]*)$/, find: (part) => commands(part) },
  { pattern: /(?:^|[\s(])(@[\p{L}\p{N}._-]*)$/u, find: (part) => people(part.slice(1)) },
  { pattern: /(?:^|\s)(#[\w-]*)$/, find: (part) => channels(part.slice(1)) },
  { pattern: /(?:^|\s)(:[\w+-]+)$/, find: (part) => emojis(part.slice(1)) },
];

/** The usage line of a command that is being given its text. */
function usageOf(text) {
  const word = /^(\/\S+)\s/.exec(text)?.[1];
  return word && store.apps.flatMap((app) => app.commands ?? []).find((one) => one.command === word);
}

/** Completion for `field`. `key(event)` returns true when it used the key. */
export function completion(field) {
  const id = uniqueId("complete");
  const node = h("div", { class: "complete", role: "listbox", id, "aria-label": "Suggestions", hidden: true });
  let found = [];
  let at = 0;
  let part = "";
  const close = () => {
    found = [];
    node.hidden = true;
    field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-expanded", "false");
  };
  const highlight = (index) => {
    at = (index + found.length) % found.length;
    [...node.querySelectorAll(".option")].forEach((one, position) => {
      one.setAttribute("aria-selected", String(position === at));
      one.classList.toggle("option-active", position === at);
      if (position === at) {
        field.setAttribute("aria-activedescendant", one.id);
        one.scrollIntoView({ block: "nearest" });
      }
    });
  };
  const take = (choice) => {
    const end = field.selectionStart;
    field.setRangeText(`${choice.insert} `, end - part.length, end, "end");
    close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  };
  const draw = () => {
    fill(
      node,
      found.map((choice) =>
        h(
          "div",
          {
            class: "option",
            role: "option",
            id: uniqueId("suggestion"),
            onpointerdown: (event) => event.preventDefault(),
            onclick: () => take(choice),
          },
          choice.mark,
          h(
            "span",
            { class: "menu-words" },
            h(
              "span",
              { class: "menu-label" },
              choice.label,
              choice.usage && h("code", { class: "usage" }, choice.usage),
            ),
            choice.note && h("span", { class: "menu-hint" }, choice.note),
          ),
          choice.from && h("span", { class: "option-from" }, choice.from),
        ),
      ),
    );
    node.hidden = false;
    field.setAttribute("aria-expanded", "true");
    highlight(0);
  };
  const update = () => {
    const before = field.value.slice(0, field.selectionStart);
    const trigger = TRIGGERS.find((one) => one.pattern.test(before));
    part = trigger ? trigger.pattern.exec(before)[1] : "";
    found = trigger && field.selectionStart === field.selectionEnd ? trigger.find(part).slice(0, MOST) : [];
    if (found.length) {
      draw();
      return;
    }
    close();
    const usage = usageOf(field.value);
    if (!usage) return;
    fill(
      node,
      h(
        "p",
        { class: "usage-line" },
        h("strong", {}, usage.command),
        " ",
        h("code", { class: "usage" }, usage.usage_hint ?? ""),
        h("span", { class: "menu-hint" }, usage.description),
      ),
    );
    node.hidden = false;
  };
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-controls", id);
  field.setAttribute("aria-expanded", "false");
  field.setAttribute("aria-autocomplete", "list");
  field.addEventListener("blur", close);
  const key = (event) => {
    if (!found.length) return false;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") highlight(at + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "Tab" || event.key === "Enter") {
      // A command that is typed in full is sent by Enter, not completed once more.
      if (event.key === "Enter" && found[at].insert === part) return false;
      take(found[at]);
    } else if (event.key === "Escape") close();
    else return false;
    event.preventDefault();
    return true;
  };
  return { node, update, key, close };
}
