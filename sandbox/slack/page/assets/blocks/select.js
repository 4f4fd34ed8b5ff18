/** Select menus of every source, one or several choices: a button that opens a searchable list. */

import * as api from "../api.js";
import { fill, h, icon, uniqueId } from "../dom.js";
import { textObject, textOf } from "../mrkdwn.js";
import { nameOf, store, titleOf } from "../store.js";
import { avatar } from "../views/avatar.js";
import { closePopup, isOpenAt, openPopup } from "../views/popup.js";

/** @typedef {{key: string, label: string, show: any, note?: any, mark?: Node, group?: string, value: any}} Choice */

const optionChoice = (option, group) => ({
  key: String(option.value),
  label: textOf(option.text),
  show: () => textObject(option.text),
  note: option.description && (() => textObject(option.description)),
  group,
  value: option,
});
const userChoice = (id) => ({
  key: id,
  label: nameOf(id),
  show: () => nameOf(id),
  mark: () => avatar({ user: id }, 20),
  value: id,
});
const conversationChoice = (one) => ({
  key: one.id,
  label: titleOf(one),
  show: () => titleOf(one),
  value: one.id,
  mark: () => (one.is_im ? avatar({ user: one.user }, 20) : icon(one.is_private ? "lock" : "hash", 16)),
});

function staticChoices(element) {
  if (element.option_groups) {
    return element.option_groups.flatMap((group) =>
      group.options.map((option) => optionChoice(option, textOf(group.label))),
    );
  }
  return (element.options ?? []).map((option) => optionChoice(option));
}

function conversations(element) {
  const include = element.filter?.include;
  return [...store.conversations.values()]
    .filter(
      (one) =>
        !include || include.includes(one.is_im ? "im" : one.is_mpim ? "mpim" : one.is_private ? "private" : "public"),
    )
    .filter((one) => !(element.filter?.exclude_bot_users && one.is_im && store.users.get(one.user)?.is_bot))
    .map(conversationChoice);
}

/** How each source names its values and finds its choices. */
const SOURCES = {
  static_select: { choices: staticChoices, one: "selected_option", many: "selected_options" },
  external_select: { choices: null, one: "selected_option", many: "selected_options" },
  users_select: {
    choices: () =>
      [...store.users.values()]
        .filter((user) => !user.deleted)
        .sort(
          (a, b) => Number(Boolean(a.is_bot)) - Number(Boolean(b.is_bot)) || nameOf(a.id).localeCompare(nameOf(b.id)),
        )
        .map((user) => userChoice(user.id)),
    one: "selected_user",
    many: "selected_users",
  },
  conversations_select: { choices: conversations, one: "selected_conversation", many: "selected_conversations" },
  channels_select: {
    choices: () =>
      [...store.conversations.values()]
        .filter((one) => !one.is_im && !one.is_mpim && !one.is_private)
        .map(conversationChoice),
    one: "selected_channel",
    many: "selected_channels",
  },
};

const keyOf = (value) => (value && typeof value === "object" ? String(value.value) : String(value));

function choiceOf(value, choices) {
  if (value && typeof value === "object") return choices.find((one) => one.key === keyOf(value)) ?? optionChoice(value);
  const known = choices.find((one) => one.key === value);
  return known ?? { key: value, label: String(value), show: () => String(value), value };
}

/** The list inside the popup: a search field and options that the arrow keys walk through. */
function listbox({ choices, load, isChosen, pick, multiple, label }) {
  const id = uniqueId("list");
  const list = h("div", {
    class: "listbox",
    role: "listbox",
    id,
    "aria-multiselectable": multiple ? "true" : null,
    "aria-label": label,
  });
  const search = h("input", {
    type: "text",
    class: "popup-search",
    placeholder: "Search",
    role: "combobox",
    autofocus: true,
    autocomplete: "off",
    "aria-label": `Search: ${label}`,
    "aria-expanded": "true",
    "aria-controls": id,
    "aria-autocomplete": "list",
  });
  let shown = [];
  let at = 0;
  const highlight = (index) => {
    at = Math.max(0, Math.min(index, shown.length - 1));
    [...list.querySelectorAll(".option")].forEach((node, position) =>
      node.classList.toggle("option-active", position === at),
    );
    const node = list.querySelectorAll(".option")[at];
    search.setAttribute("aria-activedescendant", node?.id ?? "");
    node?.scrollIntoView({ block: "nearest" });
  };
  const draw = (keep = 0) => {
    fill(list);
    let group;
    for (const choice of shown) {
      if (choice.group && choice.group !== group) {
        group = choice.group;
        list.append(h("p", { class: "menu-heading", role: "presentation" }, group));
      }
      list.append(
        h(
          "div",
          {
            class: "option",
            role: "option",
            id: uniqueId("option"),
            "aria-selected": String(isChosen(choice)),
            dataset: { value: choice.key },
            onclick: () => {
              pick(choice);
              draw(at);
            },
          },
          choice.mark?.(),
          h(
            "span",
            { class: "menu-words" },
            h("span", {}, choice.show()),
            choice.note && h("span", { class: "menu-hint" }, choice.note()),
          ),
          isChosen(choice) && icon("check", 16),
        ),
      );
    }
    if (!shown.length) list.append(h("p", { class: "listbox-empty" }, "Nothing fits."));
    highlight(keep);
  };
  let asked = 0;
  const narrow = async () => {
    const text = search.value.trim().toLowerCase();
    if (load) {
      const mine = ++asked;
      const found = await load(search.value);
      if (mine !== asked) return;
      shown = found;
    } else shown = choices.filter((one) => one.label.toLowerCase().includes(text));
    draw(text ? 0 : Math.max(0, shown.findIndex(isChosen)));
  };
  search.addEventListener("input", narrow);
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") highlight(at + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "Enter" && shown[at]) {
      pick(shown[at]);
      draw(at);
    } else if (event.key === "Tab") {
      closePopup();
      return;
    } else return;
    event.preventDefault();
  });
  narrow();
  return h("div", { class: "select-popup" }, h("div", { class: "popup-search-row" }, icon("search", 16), search), list);
}

/** @returns {HTMLElement} a select of any type */
export function select(element, blockId, surface, { changed, labelledBy } = {}) {
  const multiple = element.type.startsWith("multi_");
  const source = SOURCES[element.type.replace(/^multi_/, "")];
  const field = multiple ? source.many : source.one;
  const choices = source.choices?.(element) ?? [];
  const placeholder = textOf(element.placeholder) || (multiple ? "Choose some" : "Choose one");
  let value = surface.open(blockId, element)?.[field] ?? (multiple ? [] : null);
  const shown = h("span", { class: "select-value", id: uniqueId("value") });
  const node = h(
    "button",
    {
      type: "button",
      class: `select${multiple ? " select-multiple" : ""}`,
      "aria-haspopup": "listbox",
      "aria-expanded": "false",
      "aria-labelledby": labelledBy ? `${labelledBy} ${shown.id}` : null,
      dataset: { action: element.action_id ?? "", block: blockId },
    },
    shown,
    icon("down", 16),
    h("span", { class: "spinner", "aria-hidden": "true" }),
  );

  const draw = () => {
    const list = multiple ? value : [value].filter(Boolean);
    node.classList.toggle("select-empty", !list.length);
    if (!list.length) fill(shown, placeholder);
    else if (!multiple) fill(shown, choiceOf(value, choices).show());
    else
      fill(
        shown,
        list.map((one) => h("span", { class: "chip" }, choiceOf(one, choices).show())),
      );
  };
  const take = async (next) => {
    const before = value;
    value = next;
    surface.write(blockId, element, { [field]: value });
    draw();
    if (!changed) return;
    node.setAttribute("aria-busy", "true");
    const kept = await changed({ [field]: value });
    node.removeAttribute("aria-busy");
    if (kept === false) {
      value = before;
      surface.write(blockId, element, { [field]: value });
      draw();
    }
  };
  const isChosen = (choice) =>
    multiple ? value.some((one) => keyOf(one) === choice.key) : value !== null && keyOf(value) === choice.key;
  let pending = null;
  const pick = (choice) => {
    if (!multiple) {
      closePopup();
      take(choice.value);
      return;
    }
    const chosen = isChosen(choice);
    if (!chosen && element.max_selected_items && value.length >= element.max_selected_items) return;
    value = chosen ? value.filter((one) => keyOf(one) !== choice.key) : [...value, choice.value];
    pending = value;
    surface.write(blockId, element, { [field]: value });
    draw();
  };
  const load = element.type.includes("external")
    ? async (text) => {
        const answer = await api
          .options(surface.container, blockId, element.action_id, text)
          .catch(() => ({ options: [] }));
        return staticChoices(answer);
      }
    : null;
  node.addEventListener("click", () => {
    if (isOpenAt(node)) {
      closePopup();
      return;
    }
    pending = null;
    openPopup(node, listbox({ choices, load, isChosen, pick, multiple, label: placeholder }), {
      matchWidth: true,
      // Several choices are told once, when the list closes, as one action.
      onClose: () => pending && take(pending),
    });
  });
  draw();
  return node;
}
