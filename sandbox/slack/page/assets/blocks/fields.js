/** Elements that are typed into or picked from the browser's own pickers: text, numbers, addresses, dates, files. */

import { h } from "../dom.js";
import { textOf } from "../mrkdwn.js";

/** The attributes that tie a field to its label and its notes. */
function props(element, blockId, { labelledBy, describedBy, required }) {
  return {
    class: "field",
    placeholder: textOf(element.placeholder) || null,
    "aria-labelledby": labelledBy ?? null,
    "aria-label": labelledBy ? null : textOf(element.placeholder) || element.action_id,
    "aria-describedby": describedBy ?? null,
    "aria-required": required ? "true" : null,
    autofocus: element.focus_on_load ? true : null,
    dataset: { action: element.action_id ?? "", block: blockId },
  };
}

function watch(node, element, blockId, surface, { changed }) {
  const triggers = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  const tell = () => changed?.({ value: node.value || null });
  node.addEventListener("input", () => {
    surface.write(blockId, element, { value: node.value === "" ? null : node.value });
    if (triggers.includes("on_character_entered")) tell();
  });
  node.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && changed && triggers.includes("on_enter_pressed")) {
      event.preventDefault();
      tell();
    }
  });
  return node;
}

function text(element, blockId, surface, options) {
  const value = surface.open(blockId, element)?.value ?? "";
  const shared = {
    ...props(element, blockId, options),
    minlength: element.min_length,
    maxlength: element.max_length,
    autocomplete: "off",
  };
  const node = element.multiline ? h("textarea", { ...shared, rows: 4 }) : h("input", { ...shared, type: "text" });
  node.value = value;
  return watch(node, element, blockId, surface, options);
}

function number(element, blockId, surface, options) {
  const node = h("input", {
    ...props(element, blockId, options),
    type: "number",
    min: element.min_value,
    max: element.max_value,
    step: element.is_decimal_allowed ? "any" : 1,
  });
  node.value = surface.open(blockId, element)?.value ?? "";
  return watch(node, element, blockId, surface, options);
}

const typed = (type) => (element, blockId, surface, options) => {
  const node = h("input", { ...props(element, blockId, options), type, autocomplete: "off" });
  node.value = surface.open(blockId, element)?.value ?? "";
  return watch(node, element, blockId, surface, options);
};

const picker = (type, field) => (element, blockId, surface, options) => {
  const node = h("input", { ...props(element, blockId, options), type, class: "field field-picker" });
  node.value = surface.open(blockId, element)?.[field] ?? "";
  node.addEventListener("change", () => {
    surface.write(blockId, element, { [field]: node.value || null });
    options.changed?.({ [field]: node.value || null });
  });
  return node;
};

/** Seconds since 1970 as the local time the browser's picker wants. */
function localTime(seconds) {
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function dateTime(element, blockId, surface, options) {
  const node = h("input", { ...props(element, blockId, options), type: "datetime-local", class: "field field-picker" });
  const seconds = surface.open(blockId, element)?.selected_date_time;
  node.value = seconds ? localTime(seconds) : "";
  node.addEventListener("change", () => {
    const picked = node.value ? Math.floor(new Date(node.value).getTime() / 1000) : null;
    surface.write(blockId, element, { selected_date_time: picked });
    options.changed?.({ selected_date_time: picked });
  });
  return node;
}

/** Shown for what it is: the sandbox has no way to upload a file from this page. */
function file(element, blockId, surface, options) {
  surface.open(blockId, element);
  return h(
    "div",
    {},
    h("input", { ...props(element, blockId, options), type: "file", disabled: true }),
    h("p", { class: "input-hint" }, "Files cannot be chosen in this workspace."),
  );
}

export const FIELDS = {
  plain_text_input: text,
  number_input: number,
  email_text_input: typed("email"),
  url_text_input: typed("url"),
  datepicker: picker("date", "selected_date"),
  timepicker: picker("time", "selected_time"),
  datetimepicker: dateTime,
  file_input: file,
};
