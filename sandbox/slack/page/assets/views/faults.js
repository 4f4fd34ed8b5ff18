/** Switches that make the workspace refuse, stall or hang up, like the real one does on a bad day. */

import * as api from "../api.js";
import { fill, h, icon } from "../dom.js";
import { toast } from "./toast.js";

const KINDS = [
  ["rate_limited", "429", "Refuse with 429 and Retry-After", { retry_after: 2 }],
  ["server_error", "500", "Answer with 500", {}],
  ["slow", "Slow", "Answer after 3 seconds", { seconds: 3 }],
  ["lost_answer", "Lost answer", "Do what was asked, then cut the connection", {}],
  ["drop_socket", "Drop socket", "Cut the Socket Mode connection at the next delivery", {}],
  ["lost_ack", "Lost ack", "Forget the next acknowledgement", {}],
];
const METHODS = ["*", "chat.postMessage", "chat.update", "views.open", "conversations.*", "files.*"];

function described(rule) {
  const kind = KINDS.find(([key]) => key === rule.kind)?.[1] ?? rule.kind;
  const left = rule.count === null ? "until removed" : `${rule.hits} of ${rule.count}`;
  return `${kind} on ${rule.method}, ${left}`;
}

/** @returns {{node: HTMLElement, toggle: () => boolean}} */
export function faultPanel() {
  const active = h("ul", { class: "fault-list", "aria-label": "Faults in force" });
  const method = h(
    "select",
    { class: "field fault-method", "aria-label": "Which method" },
    METHODS.map((one) => h("option", { value: one }, one === "*" ? "every method" : one)),
  );
  const count = h(
    "select",
    { class: "field fault-count", "aria-label": "How often" },
    [
      [1, "once"],
      [3, "3 times"],
      [10, "10 times"],
      ["", "until removed"],
    ].map(([value, label]) => h("option", { value }, label)),
  );
  const draw = (rules) =>
    fill(
      active,
      rules.length
        ? [
            rules.map((rule) =>
              h(
                "li",
                {},
                h("span", {}, described(rule)),
                h(
                  "button",
                  {
                    type: "button",
                    class: "icon-button",
                    "aria-label": `Remove: ${described(rule)}`,
                    onclick: () => send({ remove: [rule.id] }),
                  },
                  icon("close", 14),
                ),
              ),
            ),
            h(
              "li",
              {},
              h("button", { type: "button", class: "link-button", onclick: () => send({ clear: true }) }, "Remove all"),
            ),
          ]
        : h("li", { class: "menu-hint" }, "No fault is in force."),
    );
  const send = async (command) => {
    try {
      draw((await api.setFaults(command)).faults ?? []);
    } catch (error) {
      toast(error.message, "error");
    }
  };
  const refresh = () =>
    api.faults().then(
      (answer) => draw(answer.faults ?? []),
      (error) => toast(error.message, "error"),
    );
  const add = (kind, settings) => {
    const socket = kind === "drop_socket" || kind === "lost_ack";
    send({
      add: [
        { kind, method: socket ? "*" : method.value, count: count.value ? Number(count.value) : null, ...settings },
      ],
    });
  };
  const node = h(
    "div",
    { class: "faults", hidden: true },
    h(
      "div",
      { class: "fault-choices" },
      h("span", { class: "fault-lead" }, "On"),
      method,
      count,
      KINDS.map(([kind, label, hint, settings]) =>
        h(
          "button",
          {
            type: "button",
            class: "head-button",
            title: hint,
            "aria-label": `${label}: ${hint}`,
            onclick: () => add(kind, settings),
          },
          label,
        ),
      ),
    ),
    active,
  );
  return {
    node,
    toggle: () => {
      node.hidden = !node.hidden;
      if (!node.hidden) refresh();
      return !node.hidden;
    },
  };
}
