/** Short notes at the edge of the page. They go away by themselves; errors stay longer and can be closed. */

import { h, icon } from "../dom.js";
import { withEmoji } from "../emoji.js";

const SECONDS = { info: 4.5, success: 4.5, error: 9 };

function raise(region) {
  // In the top layer, and above a dialog that opened after it.
  region.popover = "manual";
  if (region.matches(":popover-open")) region.hidePopover();
  region.showPopover();
}

/** @param {string} text @param {"info" | "success" | "error"} level */
export function toast(text, level = "info", { actionLabel, onAction } = {}) {
  const region = document.getElementById("toasts");
  const close = () => {
    clearTimeout(timer);
    note.remove();
    if (!region.childElementCount && region.matches(":popover-open")) region.hidePopover();
  };
  const note = h(
    "div",
    { class: `toast toast-${level}`, role: level === "error" ? "alert" : null },
    icon(level === "error" ? "alert" : level === "success" ? "check" : "note"),
    h("span", { class: "toast-text" }, withEmoji(String(text))),
    actionLabel &&
      h(
        "button",
        {
          type: "button",
          class: "toast-action",
          onclick: () => {
            close();
            onAction();
          },
        },
        actionLabel,
      ),
    h(
      "button",
      { type: "button", class: "icon-button", "aria-label": "Close this note", onclick: close },
      icon("close", 16),
    ),
  );
  const same = [...region.children].find(
    (one) => one.querySelector(".toast-text").textContent === note.querySelector(".toast-text").textContent,
  );
  same?.remove();
  region.append(note);
  while (region.childElementCount > 4) region.firstChild.remove();
  raise(region);
  const timer = setTimeout(close, (SECONDS[level] ?? SECONDS.info) * 1000);
}
