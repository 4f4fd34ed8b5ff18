/** The input block: a label, one element, a hint and the place where the app's refusal appears. */

import { h, uniqueId } from "../dom.js";
import { textObject } from "../mrkdwn.js";

/** @returns {HTMLElement} */
export function input(block, surface, renderElement) {
  const id = uniqueId("input");
  const hint = block.hint && h("p", { class: "input-hint", id: `${id}-hint` }, textObject(block.hint));
  const error = h("p", { class: "input-error", id: `${id}-error`, role: "alert", hidden: true });
  const changed = block.dispatch_action ? (fields) => surface.act(block.block_id, block.element, fields) : undefined;
  const element = renderElement(block.element, block.block_id, surface, {
    inInput: true,
    changed,
    labelledBy: `${id}-label`,
    describedBy: `${hint ? `${id}-hint ` : ""}${id}-error`,
    required: !block.optional,
  });
  const label = h(
    "span",
    { class: "input-label", id: `${id}-label` },
    textObject(block.label),
    block.optional && h("span", { class: "input-optional" }, " (optional)"),
  );
  label.addEventListener(
    "click",
    () => element.querySelector?.("input, textarea, button, [contenteditable]")?.focus() ?? element.focus?.(),
  );
  return h(
    "div",
    { class: "input", dataset: { inputBlock: block.block_id, optional: String(Boolean(block.optional)) } },
    label,
    element,
    hint,
    error,
  );
}

/** Show one sentence under each refused input, clear the others, and move to the first. */
export function showErrors(root, errors) {
  let first = null;
  for (const node of root.querySelectorAll("[data-input-block]")) {
    const text = errors[node.dataset.inputBlock];
    const line = node.querySelector(".input-error");
    line.hidden = !text;
    line.textContent = text ?? "";
    node.classList.toggle("input-refused", Boolean(text));
    const field = node.querySelector(".field, .select, input");
    if (text) field?.setAttribute("aria-invalid", "true");
    else field?.removeAttribute("aria-invalid");
    if (text) first ??= field ?? node;
  }
  first?.focus();
  return Boolean(first);
}
