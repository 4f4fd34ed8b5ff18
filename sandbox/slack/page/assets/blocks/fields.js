/** Elements that are typed into or picked from the browser's own pickers: text, numbers, addresses, dates, files. */

import * as api from "../api.js";
import { fill, h, icon } from "../dom.js";
import { textOf } from "../mrkdwn.js";
import { toast } from "../views/toast.js";

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
  const shared = { ...props(element, blockId, options), minlength: element.min_length, maxlength: element.max_length, autocomplete: "off" };
  const node = element.multiline ? h("textarea", { ...shared, rows: 4 }) : h("input", { ...shared, type: "text" });
  node.value = value;
  return watch(node, element, blockId, surface, options);
}

function number(element, blockId, surface, options) {
  const node = h("input", { ...props(element, blockId, options), type: "number", min: element.min_value, max: element.max_value, step: element.is_decimal_allowed ? "any" : 1 });
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

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",")[1] ?? "");
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function file(element, blockId, surface, options) {
  const names = h("ul", { class: "file-names" });
  const accept = (element.filetypes ?? []).map((one) => `.${one}`).join(",");
  const node = h("input", { ...props(element, blockId, options), type: "file", accept: accept || null, multiple: (element.max_files ?? 10) > 1 ? "" : null });
  surface.open(blockId, element);
  node.addEventListener("change", async () => {
    const chosen = [...node.files].slice(0, element.max_files ?? 10);
    try {
      const files = await Promise.all(chosen.map(async (one) => (await api.upload(one.name, await base64(one))).file));
      surface.write(blockId, element, { files });
      fill(names, files.map((one) => h("li", {}, icon("file", 16), one.name)));
    } catch (error) {
      toast(`The file was not uploaded. ${error.message}`, "error");
      node.value = "";
    }
  });
  return h("div", {}, node, names);
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
