/** The Block Kit renderer: one function a block type, one a kind of element. Unknown types show as what they are. */

import { h } from "../dom.js";
import { markdown } from "../markdown.js";
import { textObject } from "../mrkdwn.js";
import { button, feedbackButtons, iconButton, isForMe, overflow } from "./button.js";
import { alertBlock, card, carousel, container, fileBlock, plan, taskCard, video } from "./cards.js";
import { chart } from "./chart.js";
import { checkboxes, radioButtons } from "./choices.js";
import { FIELDS } from "./fields.js";
import { imageBlock, imageElement } from "./image.js";
import { input } from "./input.js";
import { richInput } from "./rich_input.js";
import { richText } from "./rich_text.js";
import { select } from "./select.js";
import { dataTable, table } from "./tables.js";

const PRESSED = {
  button,
  workflow_button: button,
  icon_button: iconButton,
  feedback_buttons: feedbackButtons,
  overflow,
};
const CHOSEN = { checkboxes, radio_buttons: radioButtons, rich_text_input: richInput, ...FIELDS };

/**
 * An element. Outside an input block every change is an action; inside one `options.changed` is set only when the
 * block asks for actions.
 * @returns {Node | null}
 */
export function renderElement(element, blockId, surface, options = {}) {
  if (!element || !isForMe(element)) return null;
  if (element.type === "image") return imageElement(element);
  if (PRESSED[element.type]) return PRESSED[element.type](element, blockId, surface);
  const changed = options.inInput ? options.changed : (fields) => surface.act(blockId, element, fields);
  const build = element.type.endsWith("_select") ? select : CHOSEN[element.type];
  if (build) return build(element, blockId, surface, { ...options, changed });
  return h("span", { class: "unknown-block" }, `[${element.type}]`);
}

function section(block, surface) {
  const fields = (block.fields ?? []).map((one) => h("div", { class: "section-field" }, textObject(one)));
  const image = block.accessory?.type === "image";
  return h(
    "div",
    { class: `section${image ? " section-image" : ""}` },
    h(
      "div",
      { class: "section-words" },
      block.text && h("div", { class: "section-text" }, textObject(block.text)),
      fields.length ? h("div", { class: "section-fields" }, fields) : null,
    ),
    block.accessory &&
      h("div", { class: "section-accessory" }, renderElement(block.accessory, block.block_id, surface)),
  );
}

const context = (block) =>
  h(
    "div",
    { class: "context" },
    (block.elements ?? []).map((one) =>
      one.type === "image" ? imageElement(one, "context-image") : h("span", { class: "context-text" }, textObject(one)),
    ),
  );

const elements = (className) => (block, surface) =>
  h(
    "div",
    { class: className },
    (block.elements ?? []).map((one) => renderElement(one, block.block_id, surface)),
  );

const BLOCKS = {
  section,
  context,
  header: (block) => h("h3", { class: "header" }, textObject(block.text)),
  divider: () => h("hr"),
  image: imageBlock,
  actions: elements("actions"),
  context_actions: elements("context-actions"),
  input: (block, surface) => input(block, surface, renderElement),
  rich_text: richText,
  markdown: (block) => h("div", { class: "markdown" }, markdown(block.text)),
  table,
  data_table: dataTable,
  data_visualization: chart,
  task_card: (block) => taskCard(block),
  plan,
  alert: alertBlock,
  video,
  file: fileBlock,
  card: (block, surface) => card(block, surface, renderElement),
  carousel: (block, surface) => carousel(block, surface, renderElement),
  container: (block, surface) => container(block, surface, renderBlocks),
};

/** One block. A block this page cannot draw never hides the ones around it. */
function renderBlock(block, index, surface) {
  const known = { ...block, block_id: block.block_id ?? `block-${index}` };
  const draw = Object.hasOwn(BLOCKS, known.type) ? BLOCKS[known.type] : null;
  let node;
  try {
    node =
      draw?.(known, surface) ??
      h("p", { class: "unknown-block" }, `This page cannot show a block of type “${known.type}”.`);
  } catch (error) {
    console.error("A block could not be drawn", known, error);
    node = h("p", { class: "unknown-block" }, `A block of type “${known.type}” is not well-formed.`);
  }
  return h(
    "div",
    { class: `block block-${String(known.type).replace(/[^a-z_]/g, "")}`, dataset: { blockId: known.block_id } },
    node,
  );
}

/** @returns {HTMLElement[]} */
export function renderBlocks(blocks, surface) {
  return (blocks ?? [])
    .filter((block) => block && typeof block === "object")
    .map((block, index) => renderBlock(block, index, surface));
}
