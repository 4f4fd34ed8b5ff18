/** One exchange of the inspector: as a row of its list, and read in full. */

import { h, icon } from "../dom.js";
import { toast } from "./toast.js";

/** Text as JSON with two spaces where it is JSON or a form, else as it came. */
export function pretty(text) {
  const trimmed = String(text ?? "").trim();
  if (!trimmed) return "";
  try {
    return JSON.stringify(JSON.parse(trimmed), null, 2);
  } catch {
    // Not JSON: a form, a stream of events, or cut off. Forms are decoded, the rest stays.
  }
  if (!/^[\w.[\]-]+=[^\n]*$/.test(trimmed)) return trimmed;
  const fields = Object.fromEntries(
    [...new URLSearchParams(trimmed)].map(([name, value]) => {
      try {
        return [name, JSON.parse(value)];
      } catch {
        return [name, value];
      }
    }),
  );
  return JSON.stringify(fields, null, 2);
}

/** The class that colours a status; frames of a socket have none. */
export function statusClass(status) {
  if (status === null || status === undefined) return "status-none";
  if (status >= 500) return "status-bad";
  return status >= 400 ? "status-warn" : "status-good";
}

/** Milliseconds in few characters, with seconds from ten on. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

const when = (at) =>
  new Date(at).toLocaleTimeString(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });

function copyButton(text) {
  return h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": "Copy",
      title: "Copy",
      onclick: () =>
        navigator.clipboard.writeText(text).then(
          () => toast("Copied.", "success"),
          () => toast("The browser did not allow copying.", "error"),
        ),
    },
    icon("copy", 16),
  );
}

/** One side of an exchange with a way to copy it. @returns {HTMLElement} */
export function body(title, text) {
  const shown = pretty(text);
  return h(
    "section",
    { class: "exchange-part" },
    h("header", {}, h("h4", {}, title), shown && copyButton(shown)),
    shown ? h("pre", { tabindex: 0 }, h("code", {}, shown)) : h("p", { class: "menu-hint" }, "Empty"),
  );
}

/** An exchange in one line. @returns {HTMLElement} */
export function exchangeRow(one, { chosen, choose }) {
  return h(
    "div",
    {
      class: `exchange${chosen ? " exchange-on" : ""}`,
      role: "option",
      "aria-selected": String(chosen),
      dataset: { seq: String(one.seq) },
      onclick: choose,
    },
    h("span", { class: "exchange-time" }, when(one.at)),
    h("span", { class: `exchange-server server-${one.server.replace(/\W.*/, "")}` }, one.server),
    h(
      "span",
      { class: "exchange-way", title: one.direction === "in" ? "From a client to the sandbox" : "From the sandbox" },
      one.direction === "in" ? "→" : "←",
    ),
    h("span", { class: "exchange-method" }, one.method),
    h("span", { class: "exchange-path", title: one.path }, one.path),
    h("span", { class: `exchange-status ${statusClass(one.status)}` }, one.status ?? ""),
    h("span", { class: "exchange-duration" }, duration(one.duration_ms)),
  );
}
