/** Elements that are pressed: button, workflow_button, icon_button, feedback_buttons, overflow. */

import { h, icon, safeHref } from "../dom.js";
import { textObject, textOf } from "../mrkdwn.js";
import { store } from "../store.js";
import { isOpenAt, openMenu } from "../views/popup.js";

const ICONS = {
  trash: "trash",
  edit: "edit",
  copy: "copy",
  download: "download",
  check: "check",
  close: "close",
  refresh: "history",
  link: "external",
  eye: "eye",
};

/** Elements may be shown to some people only; the server checks again who clicked. */
export const isForMe = (element) => !element.visible_to_user_ids || element.visible_to_user_ids.includes(store.me);

/** Run an action with the control showing that it waits. */
async function whileBusy(node, work) {
  if (node.getAttribute("aria-busy") === "true") return;
  node.setAttribute("aria-busy", "true");
  node.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    node.removeAttribute("aria-busy");
    node.removeAttribute("aria-disabled");
  }
}

/** @returns {HTMLElement} */
export function button(element, blockId, surface) {
  const style = element.style === "primary" || element.style === "danger" ? ` button-${element.style}` : "";
  const props = {
    class: `button${style}`,
    "aria-label": element.accessibility_label ?? null,
    "aria-haspopup": element.confirm ? "dialog" : null,
    dataset: { action: element.action_id ?? "", block: blockId },
  };
  const href = safeHref(element.url);
  if (href) {
    return h(
      "a",
      {
        ...props,
        href,
        target: "_blank",
        rel: "noopener noreferrer",
        onclick: () => surface.act(blockId, { ...element, confirm: undefined }),
      },
      h("span", { class: "button-text" }, textObject(element.text)),
      icon("external", 14),
    );
  }
  const node = h(
    "button",
    { type: "button", ...props },
    h("span", { class: "button-text" }, textObject(element.text)),
    h("span", { class: "spinner", "aria-hidden": "true" }),
  );
  node.addEventListener("click", () => whileBusy(node, () => surface.act(blockId, element)));
  return node;
}

/** @returns {HTMLElement} */
export function iconButton(element, blockId, surface) {
  const label = element.accessibility_label ?? textOf(element.text);
  const node = h(
    "button",
    {
      type: "button",
      class: "icon-button icon-button-framed",
      "aria-label": label,
      title: label,
      dataset: { action: element.action_id ?? "", block: blockId },
    },
    icon(ICONS[element.icon] ?? "circle", 16),
  );
  node.addEventListener("click", () => whileBusy(node, () => surface.act(blockId, element)));
  return node;
}

/** Two thumbs, of which one stays pressed. */
export function feedbackButtons(element, blockId, surface) {
  const group = h("div", { class: "feedback", role: "group", "aria-label": "Feedback" });
  for (const [field, name] of [
    ["positive_button", "thumb-up"],
    ["negative_button", "thumb-down"],
  ]) {
    const choice = element[field];
    if (!choice) continue;
    const label = choice.accessibility_label ?? textOf(choice.text);
    const node = h(
      "button",
      {
        type: "button",
        class: "icon-button icon-button-framed",
        "aria-label": label,
        title: label,
        "aria-pressed": "false",
        dataset: { action: element.action_id ?? "", block: blockId },
      },
      icon(name, 16),
    );
    node.addEventListener("click", () =>
      whileBusy(node, async () => {
        if (!(await surface.act(blockId, element, { value: choice.value, text: choice.text }))) return;
        for (const one of group.children) one.setAttribute("aria-pressed", String(one === node));
      }),
    );
    group.append(node);
  }
  return group;
}

/** Three dots with a menu. */
export function overflow(element, blockId, surface) {
  const node = h(
    "button",
    {
      type: "button",
      class: "icon-button icon-button-framed",
      "aria-label": "More choices",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      dataset: { action: element.action_id ?? "", block: blockId },
    },
    icon("more", 18),
    h("span", { class: "spinner", "aria-hidden": "true" }),
  );
  node.addEventListener("click", () => {
    if (node.getAttribute("aria-busy") === "true" && !isOpenAt(node)) return;
    openMenu(
      node,
      (element.options ?? []).map((option) => ({
        label: textObject(option.text),
        hint: option.description && textObject(option.description),
        href: safeHref(option.url),
        run: () => whileBusy(node, () => surface.act(blockId, element, { selected_option: option })),
      })),
      { align: "end" },
    );
  });
  return node;
}
