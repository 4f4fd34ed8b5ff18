/** The rich_text_input element: an editable field whose marks become Slack's rich_text elements, and back. */

import { h, icon, uniqueId } from "../dom.js";
import { textOf } from "../mrkdwn.js";
import { richText } from "./rich_text.js";

const TOOLS = [
  ["bold", "bold", "Bold"],
  ["italic", "italic", "Italic"],
  ["strikeThrough", "strike", "Strike through"],
  ["insertUnorderedList", "list", "List"],
];
const STYLES = {
  B: "bold",
  STRONG: "bold",
  I: "italic",
  EM: "italic",
  S: "strike",
  STRIKE: "strike",
  DEL: "strike",
  CODE: "code",
};

function runs(node, style, into) {
  if (node.nodeType === Node.TEXT_NODE) {
    const text = node.data.replaceAll("\u00A0", " ");
    if (text) into.push({ type: "text", text, ...(Object.keys(style).length ? { style } : {}) });
  } else if (node.nodeName === "BR") into.push({ type: "text", text: "\n" });
  else {
    const mark = STYLES[node.nodeName];
    for (const child of node.childNodes) runs(child, mark ? { ...style, [mark]: true } : style, into);
  }
  return into;
}

/** What is written in `editor` as a rich_text block, or null when it is empty. */
function read(editor) {
  const elements = [];
  let section = null;
  const intoSection = (parts) => {
    if (!parts.length) return;
    if (section) section.elements.push({ type: "text", text: "\n" }, ...parts);
    else elements.push((section = { type: "rich_text_section", elements: parts }));
  };
  let loose = [];
  const flush = () => {
    intoSection(loose);
    loose = [];
  };
  for (const child of editor.childNodes) {
    if (["UL", "OL"].includes(child.nodeName)) {
      flush();
      section = null;
      elements.push({
        type: "rich_text_list",
        style: child.nodeName === "UL" ? "bullet" : "ordered",
        indent: 0,
        elements: [...child.children].map((item) => ({ type: "rich_text_section", elements: runs(item, {}, []) })),
      });
    } else if (["DIV", "P"].includes(child.nodeName)) {
      flush();
      intoSection(runs(child, {}, []));
    } else runs(child, {}, loose);
  }
  flush();
  return elements.some((one) => one.elements.some((part) => part.elements?.length || part.text?.trim()))
    ? { type: "rich_text", elements }
    : null;
}

/** @returns {HTMLElement} */
export function richInput(element, blockId, surface, { labelledBy, describedBy, changed } = {}) {
  const editor = h("div", {
    class: "field rich-editor",
    contenteditable: "true",
    role: "textbox",
    "aria-multiline": "true",
    id: uniqueId("rich"),
    "aria-labelledby": labelledBy ?? null,
    "aria-label": labelledBy ? null : textOf(element.placeholder) || "Text",
    "aria-describedby": describedBy ?? null,
    dataset: { action: element.action_id ?? "", block: blockId, placeholder: textOf(element.placeholder) },
  });
  const known = surface.open(blockId, element)?.rich_text_value;
  if (known)
    editor.append(
      ...[...richText(known).childNodes].flatMap((one) =>
        one.matches?.(".rt-section") ? [h("div", {}, [...one.childNodes])] : [one],
      ),
    );
  const tell = () => {
    const value = read(editor);
    editor.classList.toggle("rich-empty", !value);
    surface.write(blockId, element, { rich_text_value: value });
  };
  editor.addEventListener("input", tell);
  editor.addEventListener("blur", () => changed?.({ rich_text_value: read(editor) }));
  editor.addEventListener("paste", (event) => {
    // Only the words come along, never somebody else's markup.
    event.preventDefault();
    document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
  });
  editor.classList.toggle("rich-empty", !known);
  const bar = h(
    "div",
    { class: "rich-tools", role: "toolbar", "aria-label": "Format", "aria-controls": editor.id },
    TOOLS.map(([command, name, label]) =>
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": label,
          title: label,
          onpointerdown: (event) => event.preventDefault(),
          onclick: () => {
            editor.focus();
            document.execCommand(command);
            tell();
          },
        },
        icon(name, 16),
      ),
    ),
  );
  return h("div", { class: "rich-input" }, bar, editor);
}
