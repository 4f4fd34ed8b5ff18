/** Light, dark, or as the system says; remembered in this browser. */

import { h, icon } from "../dom.js";
import { openMenu } from "./popup.js";

const KEY = "sandbox.theme";
const CHOICES = [
  ["system", "As the system", "palette"],
  ["light", "Light", "sun"],
  ["dark", "Dark", "moon"],
];

/** Read what this browser remembers; null when it does not remember anything. */
export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Remember something in this browser, where it allows that. */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
}

export const currentTheme = () => document.documentElement.dataset.theme ?? "system";

export function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  remember(KEY, theme);
}

/** @returns {HTMLElement} */
export function themeButton() {
  const button = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": "Theme",
      title: "Theme",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
    },
    icon("palette"),
  );
  button.addEventListener("click", () =>
    openMenu(
      button,
      CHOICES.map(([key, label, name]) => ({
        label,
        icon: icon(name, 16),
        checked: currentTheme() === key,
        run: () => setTheme(key),
      })),
      { align: "end", label: "Theme" },
    ),
  );
  return button;
}
