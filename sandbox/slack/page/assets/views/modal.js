/** Modals: the stack of views the server has open for this person, the top one shown in a dialog. */

import * as api from "../api.js";
import { showErrors } from "../blocks/input.js";
import { renderBlocks } from "../blocks/index.js";
import { fill, h, icon } from "../dom.js";
import { textObject } from "../mrkdwn.js";
import { nameOf, on, store } from "../store.js";
import { Surface } from "../surface.js";
import { avatar } from "./avatar.js";
import { openDialog } from "./dialog.js";
import { toast } from "./toast.js";

/** @type {{view: object, surface: Surface}[]} */
let stack = [];
let dialog = null;
let sending = false;

const top = () => stack.at(-1);

function drawHead(view) {
  const app = store.apps.find((one) => one.app_id === view.app_id);
  const head = dialog.node.querySelector(".dialog-head");
  head.querySelector(".modal-mark")?.remove();
  head.querySelector(".modal-back")?.remove();
  const back =
    stack.length > 1 &&
    h(
      "button",
      { type: "button", class: "icon-button modal-back", "aria-label": "Back", onclick: () => leave() },
      icon("left"),
    );
  const mark = h(
    "span",
    { class: "modal-mark" },
    avatar({ user: app?.bot_user_id, name: app?.name ?? nameOf(app?.bot_user_id), bot: true }, 24),
  );
  head.prepend(...[back, mark].filter(Boolean));
  fill(dialog.title, textObject(view.title));
}

function drawFoot(view) {
  const closeLabel = view.close ? textObject(view.close) : [view.submit ? "Cancel" : "Close"];
  const submit =
    view.submit &&
    h(
      "button",
      { type: "submit", form: "modal-form", class: "button button-primary modal-submit" },
      h("span", { class: "button-text" }, textObject(view.submit)),
      h("span", { class: "spinner", "aria-hidden": "true" }),
    );
  fill(dialog.foot, h("button", { type: "button", class: "button", onclick: () => leave() }, closeLabel), submit);
}

function draw({ keepPlace = false } = {}) {
  const shown = top();
  if (!shown) {
    dialog?.close();
    dialog = null;
    return;
  }
  dialog ??= openDialog({ title: "", className: "dialog-modal", onCancel: () => leave({ clear: true }) });
  const scroll = dialog.body.scrollTop;
  const focused = keepPlace && document.activeElement?.dataset?.action;
  const caret = focused && document.activeElement.selectionStart;
  drawHead(shown.view);
  drawFoot(shown.view);
  shown.surface.restart();
  const form = h(
    "form",
    {
      id: "modal-form",
      class: "view",
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        submit();
      },
    },
    renderBlocks(shown.view.blocks, shown.surface),
  );
  fill(dialog.body, form);
  dialog.body.scrollTop = keepPlace ? scroll : 0;
  const again = focused && [...form.querySelectorAll("[data-action]")].find((one) => one.dataset.action === focused);
  if (again) {
    again.focus({ preventScroll: true });
    if (Number.isInteger(caret)) again.setSelectionRange?.(caret, caret);
  } else if (!keepPlace || !dialog.node.contains(document.activeElement)) {
    (
      form.querySelector("[autofocus]") ??
      form.querySelector("input, textarea, [contenteditable]") ??
      dialog.title
    ).focus();
  }
}

/** Leave the top view, or all of them. Returns false: the dialog closes when the stack is empty. */
function leave({ clear = false } = {}) {
  const shown = top();
  if (!shown || sending) return false;
  const all = clear || shown.view.clear_on_close;
  stack = all ? [] : stack.slice(0, -1);
  draw();
  api
    .closeView(shown.view.id, clear)
    .catch((error) => error.code !== "view_not_found" && toast(error.message, "error"));
  return false;
}

function isEmpty(value) {
  if (!value) return true;
  const found = Object.entries(value).find(([name]) => name !== "type")?.[1];
  return found === null || found === undefined || found === "" || (Array.isArray(found) && !found.length);
}

/** What the client itself refuses, as Slack's does, before the app is asked. */
function ownErrors({ view, surface }) {
  const errors = {};
  for (const block of view.blocks ?? []) {
    if (block.type !== "input") continue;
    const value = surface.values[block.block_id]?.[block.element.action_id];
    const { element } = block;
    const text = value?.value ?? "";
    if (isEmpty(value)) {
      if (!block.optional) errors[block.block_id] = "Please complete this required field.";
    } else if (element.min_length && text.length < element.min_length)
      errors[block.block_id] = `Please write at least ${element.min_length} characters.`;
    else if (element.type === "email_text_input" && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text))
      errors[block.block_id] = "Please give an e-mail address.";
    else if (element.type === "url_text_input" && !/^https?:\/\/\S+$/.test(text))
      errors[block.block_id] = "Please give an address that starts with http:// or https://.";
    else if (element.type === "number_input") errors[block.block_id] = numberError(element, text);
  }
  return Object.fromEntries(Object.entries(errors).filter(([, sentence]) => sentence));
}

function numberError(element, text) {
  const number = Number(text);
  if (!Number.isFinite(number) || (!element.is_decimal_allowed && !Number.isInteger(number)))
    return "Please give a number.";
  if (element.min_value !== undefined && number < Number(element.min_value))
    return `Please give a number of at least ${element.min_value}.`;
  if (element.max_value !== undefined && number > Number(element.max_value))
    return `Please give a number of at most ${element.max_value}.`;
  return null;
}

function receiveAnswer(viewId, answer) {
  if (answer.closed) stack = stack.filter((one) => one.view.id !== viewId);
  if (answer.view) receiveView(answer.view, { quiet: true });
  else if (answer.closed && stack.length && stack.at(-1).view.root_view_id === viewId) stack = [];
}

async function submit() {
  const shown = top();
  if (!shown || sending) return;
  const refused = ownErrors(shown);
  if (showErrors(dialog.body, refused)) return;
  const button = dialog.foot.querySelector(".modal-submit");
  sending = true;
  dialog.node.classList.add("dialog-waiting");
  button?.setAttribute("aria-busy", "true");
  try {
    const answer = await api.submitView(shown.view.id, shown.surface.values);
    if (answer.errors && Object.keys(answer.errors).length) {
      const known = showErrors(dialog.body, answer.errors);
      if (!known) toast(Object.values(answer.errors).join(" "), "error");
    } else {
      receiveAnswer(shown.view.id, answer);
      draw();
    }
  } catch (error) {
    toast(error.message, "error");
  } finally {
    sending = false;
    dialog?.node.classList.remove("dialog-waiting");
    button?.removeAttribute("aria-busy");
  }
}

function receiveView(view, { quiet = false } = {}) {
  if (view.type !== "modal") return;
  const at = stack.findIndex((one) => one.view.id === view.id);
  if (at >= 0) {
    const same = stack[at].view.hash === view.hash;
    stack[at].view = view;
    if (!quiet && !same && at === stack.length - 1) draw({ keepPlace: true });
    return;
  }
  const entry = { view, surface: new Surface("modal", { type: "view", view_id: view.id }) };
  const below = stack.findIndex((one) => one.view.id === view.previous_view_id);
  stack = below >= 0 ? [...stack.slice(0, below + 1), entry] : [entry];
  if (!quiet) draw();
}

/** Forget every view without telling the server: another person took over. */
export function dropModals() {
  stack = [];
  draw();
}

export function startModals() {
  on("view_opened", (view) => receiveView(view));
  on("view_updated", (view) => {
    if (stack.some((one) => one.view.id === view.id)) receiveView(view);
  });
  on("view_closed", (viewId) => {
    if (sending || !stack.some((one) => one.view.id === viewId)) return;
    stack = stack.filter((one) => one.view.id !== viewId);
    draw();
  });
}
