/** Popups at an anchor: menus, select lists, pickers. One at a time; Esc and a click elsewhere close them. */

import { h, isPhone } from "../dom.js";

let current = null;

/** Close the popup that is open, giving the focus back to its anchor unless told otherwise. */
export function closePopup({ refocus = true } = {}) {
  if (!current) return;
  const { node, anchor, onClose } = current;
  current = null;
  const inside = node.contains(document.activeElement);
  node.remove();
  anchor.setAttribute("aria-expanded", "false");
  if (refocus && inside && anchor.isConnected) anchor.focus();
  onClose?.();
}

/** Whether `anchor`'s popup is the open one. */
export const isOpenAt = (anchor) => current?.anchor === anchor;

function position(node, anchor, { align, matchWidth }) {
  if (isPhone()) return;
  const edge = 8;
  const box = anchor.getBoundingClientRect();
  if (matchWidth) node.style.setProperty("min-width", `${Math.max(box.width, 220)}px`);
  const below = innerHeight - box.bottom - edge * 2;
  const above = box.top - edge * 2;
  const wanted = node.scrollHeight + 2;
  const upwards = below < Math.min(wanted, 320) && above > below;
  node.style.setProperty("max-height", `${Math.min(Math.max(upwards ? above : below, 140), 460)}px`);
  const height = Math.min(node.offsetHeight, upwards ? above : below);
  const left = align === "end" ? box.right - node.offsetWidth : box.left;
  node.style.setProperty("left", `${Math.max(edge, Math.min(left, innerWidth - node.offsetWidth - edge))}px`);
  node.style.setProperty("top", `${Math.max(edge, upwards ? box.top - height - 4 : box.bottom + 4)}px`);
}

/**
 * Show `content` at `anchor`.
 * @param {HTMLElement} anchor @param {Node} content
 * @param {{align?: "start" | "end", matchWidth?: boolean, className?: string, onClose?: Function, focus?: boolean}} options
 */
export function openPopup(anchor, content, options = {}) {
  closePopup({ refocus: false });
  const node = h("div", { class: `popup ${options.className ?? ""}`, popover: "manual" }, content);
  // Inside an open dialog only its own descendants can be reached.
  (anchor.closest("dialog") ?? document.getElementById("overlays")).append(node);
  node.showPopover();
  current = { node, anchor, onClose: options.onClose };
  anchor.setAttribute("aria-expanded", "true");
  position(node, anchor, options);
  if (options.focus !== false)
    (node.querySelector("[autofocus]") ?? node.querySelector("input, button, [tabindex]"))?.focus();
  return { node, close: closePopup, reposition: () => position(node, anchor, options) };
}

addEventListener(
  "pointerdown",
  (event) => {
    if (current && !current.node.contains(event.target) && !current.anchor.contains(event.target))
      closePopup({ refocus: false });
  },
  true,
);
addEventListener(
  "keydown",
  (event) => {
    if (event.key === "Escape" && current) {
      event.preventDefault();
      event.stopPropagation();
      closePopup();
    }
  },
  true,
);
addEventListener("resize", () => closePopup({ refocus: false }));
addEventListener("hashchange", () => closePopup({ refocus: false }));

/** Move the focus among `selector` inside `node` with the arrow keys, Home and End. */
export function arrowKeys(node, selector, { horizontal = false } = {}) {
  node.addEventListener("keydown", (event) => {
    const items = [...node.querySelectorAll(selector)].filter(
      (one) => !one.disabled && one.getAttribute("aria-disabled") !== "true",
    );
    const at = items.indexOf(document.activeElement);
    const steps = { ArrowDown: 1, ArrowUp: -1, ...(horizontal ? { ArrowRight: 1, ArrowLeft: -1 } : {}) };
    let to = null;
    if (event.key in steps) to = (at + steps[event.key] + items.length) % items.length;
    else if (event.key === "Home") to = 0;
    else if (event.key === "End") to = items.length - 1;
    if (to === null || !items.length || event.target.matches("input, textarea")) return;
    event.preventDefault();
    items[at < 0 && event.key === "ArrowUp" ? items.length - 1 : to].focus();
  });
}

/**
 * A menu of commands at `anchor`.
 * @param {{label: any, hint?: any, icon?: Node, danger?: boolean, checked?: boolean, heading?: boolean, run?: Function, href?: string}[]} items
 */
export function openMenu(anchor, items, options = {}) {
  if (isOpenAt(anchor)) {
    closePopup();
    return;
  }
  const list = h(
    "div",
    { class: "menu", role: "menu", "aria-label": options.label ?? null },
    items.filter(Boolean).map((item) => {
      if (item.heading) return h("p", { class: "menu-heading", role: "presentation" }, item.label);
      const choice = item.checked !== undefined;
      const props = {
        class: `menu-item${item.danger ? " menu-danger" : ""}`,
        role: choice ? "menuitemradio" : "menuitem",
        "aria-checked": choice ? String(item.checked) : null,
        tabindex: -1,
        onclick: () => {
          closePopup();
          item.run?.();
        },
      };
      const inside = [
        item.icon,
        h(
          "span",
          { class: "menu-words" },
          h("span", { class: "menu-label" }, item.label),
          item.hint && h("span", { class: "menu-hint" }, item.hint),
        ),
      ];
      return item.href
        ? h("a", { ...props, href: item.href, target: "_blank", rel: "noopener noreferrer" }, inside)
        : h("button", { type: "button", ...props }, inside);
    }),
  );
  arrowKeys(list, ".menu-item");
  openPopup(anchor, list, options);
  (list.querySelector('[aria-checked="true"]') ?? list.querySelector(".menu-item"))?.focus();
}
