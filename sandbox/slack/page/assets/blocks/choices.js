/** Elements of which several or one are ticked: checkboxes and radio_buttons. */

import { h, uniqueId } from "../dom.js";
import { textObject, textOf } from "../mrkdwn.js";

const same = (one, other) => one?.value === other?.value;

function row(option, input) {
  const id = uniqueId("choice");
  input.id = id;
  const note =
    option.description && h("span", { class: "choice-note", id: `${id}-note` }, textObject(option.description));
  if (note) input.setAttribute("aria-describedby", note.id);
  return h(
    "label",
    { class: "choice", for: id },
    input,
    h("span", { class: "choice-words" }, h("span", {}, textObject(option.text)), note),
  );
}

/** @returns {HTMLElement} */
export function checkboxes(element, blockId, surface, { changed, labelledBy } = {}) {
  let chosen = surface.open(blockId, element)?.selected_options ?? [];
  const group = h("div", {
    class: "choices",
    role: "group",
    "aria-labelledby": labelledBy ?? null,
    dataset: { action: element.action_id ?? "", block: blockId },
  });
  for (const option of element.options ?? []) {
    const input = h("input", { type: "checkbox", checked: chosen.some((one) => same(one, option)) });
    input.addEventListener("change", () => {
      chosen = (element.options ?? []).filter((one) =>
        same(one, option) ? input.checked : chosen.some((known) => same(known, one)),
      );
      surface.write(blockId, element, { selected_options: chosen });
      changed?.({ selected_options: chosen });
    });
    group.append(row(option, input));
  }
  return group;
}

/** @returns {HTMLElement} */
export function radioButtons(element, blockId, surface, { changed, labelledBy } = {}) {
  const chosen = surface.open(blockId, element)?.selected_option;
  const name = uniqueId("radio");
  const group = h("div", {
    class: "choices",
    role: "radiogroup",
    "aria-labelledby": labelledBy ?? null,
    "aria-label": labelledBy ? null : textOf(element.placeholder) || "Choices",
    dataset: { action: element.action_id ?? "", block: blockId },
  });
  for (const option of element.options ?? []) {
    const input = h("input", { type: "radio", name, checked: same(chosen, option) });
    input.addEventListener("change", () => {
      surface.write(blockId, element, { selected_option: option });
      changed?.({ selected_option: option });
    });
    group.append(row(option, input));
  }
  return group;
}
