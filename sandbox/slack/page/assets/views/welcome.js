/** The first visit's three lines: what to do here. */

import { h, icon } from "../dom.js";
import { openScenarios } from "./scenarios.js";
import { recall, remember } from "./theme.js";

const KEY = "sandbox.welcomed";

const STEPS = [
  ["bolt", "Press “Break something” and pick what goes wrong."],
  ["reply", "Open the thread under the alert and watch the diagnosis come in."],
  ["check", "Approve the fix. Then act as Robin and see what happens without the right."],
];

/** @returns {HTMLElement | null} */
export function welcome() {
  if (recall(KEY)) return null;
  const node = h(
    "section",
    { class: "welcome", "aria-label": "Welcome" },
    h(
      "div",
      { class: "welcome-words" },
      h("h2", {}, "A workspace of your own, on this machine"),
      h(
        "ol",
        {},
        STEPS.map(([name, text]) => h("li", {}, icon(name, 16), h("span", {}, text))),
      ),
    ),
    h(
      "div",
      { class: "welcome-actions" },
      h(
        "button",
        {
          type: "button",
          class: "button button-primary",
          onclick: () => {
            leave();
            openScenarios();
          },
        },
        "Break something",
      ),
      h("button", { type: "button", class: "button", onclick: () => leave() }, "Got it"),
    ),
  );
  const leave = () => {
    remember(KEY, "yes");
    node.remove();
  };
  return node;
}
