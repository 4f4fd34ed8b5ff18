/** Blocks that frame others or stand as a card: task_card, plan, alert, card, carousel, container, video, file. */

import { h, icon, link, prefersLessMotion } from "../dom.js";
import { mrkdwn, textObject, textOf } from "../mrkdwn.js";
import { store } from "../store.js";
import { imageElement } from "./image.js";
import { richText } from "./rich_text.js";

const STATUS = {
  pending: ["circle", "Waiting"],
  in_progress: ["spinner", "In progress"],
  complete: ["check", "Done"],
  error: ["close", "Failed"],
};
const LEVEL_ICON = { default: "note", info: "note", success: "check", warning: "alert", error: "alert" };

const words = (object) =>
  typeof object === "string"
    ? [mrkdwn(object)]
    : object?.type === "rich_text"
      ? [richText(object)]
      : textObject(object);

function statusMark(status) {
  const [name, label] = STATUS[status] ?? STATUS.pending;
  return h(
    "span",
    { class: `task-mark task-${status}`, role: "img", "aria-label": label, title: label },
    name === "spinner" ? h("span", { class: "spinner spinner-on" }) : icon(name, 14),
  );
}

/** @returns {HTMLElement} */
export function taskCard(block) {
  const more = [
    block.details && h("div", { class: "task-details" }, words(block.details)),
    block.output && h("div", { class: "task-output" }, words(block.output)),
    block.sources?.length &&
      h(
        "div",
        { class: "task-sources" },
        block.sources.map((one) => link(one.url, [one.text ?? one.url], { class: "source-chip" })),
      ),
  ].filter(Boolean);
  const head = [statusMark(block.status), h("span", { class: "task-title" }, textObject(block.title))];
  if (!more.length) return h("div", { class: "task" }, h("div", { class: "task-head" }, head));
  return h(
    "details",
    { class: "task", open: block.status === "in_progress" || block.status === "error" },
    h("summary", { class: "task-head" }, head, icon("down", 16)),
    h("div", { class: "task-more" }, more),
  );
}

/** @returns {HTMLElement} */
export function plan(block) {
  const tasks = block.tasks ?? [];
  const done = tasks.filter((one) => one.status === "complete").length;
  return h(
    "details",
    { class: "plan", open: true },
    h(
      "summary",
      { class: "plan-head" },
      icon("list", 16),
      h("span", { class: "plan-title" }, textObject(block.title)),
      h("span", { class: "plan-count" }, `${done} of ${tasks.length}`),
      icon("down", 16),
    ),
    h("div", { class: "plan-tasks" }, tasks.map(taskCard)),
  );
}

/** @returns {HTMLElement} */
export function alertBlock(block) {
  const level = Object.hasOwn(LEVEL_ICON, block.level) ? block.level : "default";
  return h(
    "div",
    { class: `alert alert-${level}`, role: "note" },
    icon(LEVEL_ICON[level]),
    h("div", {}, words(block.text)),
  );
}

/** @returns {HTMLElement} */
export function card(block, surface, renderElement) {
  return h(
    "article",
    { class: "card", "aria-label": textOf(block.title) || "Card" },
    block.hero_image && imageElement(block.hero_image, "card-hero"),
    (block.icon || block.title || block.subtitle) &&
      h(
        "div",
        { class: "card-head" },
        block.icon && imageElement(block.icon, "card-icon"),
        h(
          "div",
          {},
          block.title && h("p", { class: "card-title" }, words(block.title)),
          block.subtitle && h("p", { class: "card-subtitle" }, words(block.subtitle)),
        ),
      ),
    block.body && h("div", { class: "card-body" }, words(block.body)),
    block.actions?.length
      ? h(
          "div",
          { class: "actions" },
          block.actions.map((one) => renderElement(one, block.block_id, surface)),
        )
      : null,
  );
}

/** @returns {HTMLElement} */
export function carousel(block, surface, renderElement) {
  const strip = h(
    "div",
    { class: "carousel-strip", tabindex: 0, role: "group", "aria-label": "Cards" },
    (block.elements ?? []).map((one) =>
      card({ ...one, block_id: one.block_id ?? block.block_id }, surface, renderElement),
    ),
  );
  const step = (name, label, way) =>
    h(
      "button",
      {
        type: "button",
        class: "icon-button icon-button-framed",
        "aria-label": label,
        onclick: () =>
          strip.scrollBy({ left: way * strip.clientWidth * 0.8, behavior: prefersLessMotion() ? "auto" : "smooth" }),
      },
      icon(name, 16),
    );
  return h(
    "div",
    { class: "carousel" },
    strip,
    (block.elements ?? []).length > 1 &&
      h("div", { class: "carousel-steps" }, step("left", "Cards before", -1), step("right", "Cards after", 1)),
  );
}

/** @returns {HTMLElement} */
export function container(block, surface, renderBlocks) {
  const widths = ["narrow", "standard", "wide", "full"];
  const width = widths.includes(block.width) ? block.width : "standard";
  const head = [
    block.icon && imageElement(block.icon, "card-icon"),
    h(
      "div",
      { class: "container-words" },
      h("p", { class: "container-title" }, block.rich_text_title ? words(block.rich_text_title) : words(block.title)),
      block.subtitle && h("p", { class: "card-subtitle" }, words(block.subtitle)),
    ),
  ];
  const children = (block.child_blocks ?? []).map((one, index) => ({
    ...one,
    block_id: one.block_id ?? `${block.block_id}-${index}`,
  }));
  const body = h("div", { class: "container-body" }, renderBlocks(children, surface));
  const classes = `container container-${width}${block.has_header_divider ? " container-ruled" : ""}`;
  if (!block.is_collapsible) return h("section", { class: classes }, h("div", { class: "container-head" }, head), body);
  return h(
    "details",
    { class: classes, open: !block.default_collapsed },
    h("summary", { class: "container-head" }, head, icon("down", 16)),
    body,
  );
}

/** A card that leads to the video; nothing is embedded. @returns {HTMLElement} */
export function video(block) {
  const title = textOf(block.title) || "Video";
  return h(
    "div",
    { class: "video" },
    h(
      "div",
      { class: "video-words" },
      h(
        "p",
        { class: "video-from" },
        block.provider_icon_url && imageElement({ image_url: block.provider_icon_url, alt_text: "" }, "context-image"),
        [block.provider_name, block.author_name].filter(Boolean).join(" · "),
      ),
      h("p", { class: "video-title" }, link(block.title_url ?? block.video_url, [title])),
      block.description && h("p", {}, textObject(block.description)),
    ),
    link(
      block.video_url,
      [
        block.thumbnail_url &&
          imageElement({ image_url: block.thumbnail_url, alt_text: block.alt_text ?? title }, "video-thumb"),
        h("span", { class: "video-play" }, icon("play", 22)),
      ],
      { class: "video-link", "aria-label": `Play: ${title}` },
    ),
  );
}

/** A remote file, named by its external id. @returns {HTMLElement} */
export function fileBlock(block) {
  const known = [...store.timelines.values()]
    .flatMap((one) => one.messages)
    .flatMap((one) => one.files ?? [])
    .find((one) => one.external_id === block.external_id);
  const name = known?.title ?? known?.name ?? block.external_id;
  return h(
    "div",
    { class: "file-card" },
    icon("file", 22),
    h(
      "span",
      { class: "file-words" },
      h("span", { class: "file-name" }, name),
      h("span", { class: "file-note" }, `File (${block.source ?? "remote"})`),
    ),
  );
}
