/** Secondary attachments: a coloured bar beside blocks, or beside the older title, text and fields. */

import { h, link, safeImage } from "../dom.js";
import { mrkdwn } from "../mrkdwn.js";
import { ago, exact } from "../time.js";
import { button } from "./button.js";
import { imageBlock, imageElement } from "./image.js";
import { renderBlocks } from "./index.js";

const NAMED = { good: "#2f9e58", warning: "#e9b429", danger: "#d64545" };

function colourOf(text) {
  const named = NAMED[text];
  if (named) return named;
  const hex = String(text ?? "").replace(/^#/, "");
  return /^([0-9a-f]{3}|[0-9a-f]{6})$/i.test(hex) ? `#${hex}` : null;
}

const fields = (list) =>
  list?.length &&
  h(
    "div",
    { class: "attachment-fields" },
    list.map((one) =>
      h(
        "div",
        { class: one.short ? "attachment-short" : "attachment-long" },
        one.title && h("p", { class: "attachment-field-title" }, mrkdwn(one.title)),
        h("div", {}, mrkdwn(one.value)),
      ),
    ),
  );

function author(one) {
  if (!one.author_name) return null;
  return h(
    "p",
    { class: "attachment-author" },
    one.author_icon && imageElement({ image_url: one.author_icon, alt_text: "" }, "context-image"),
    one.author_link ? link(one.author_link, [one.author_name]) : one.author_name,
  );
}

function older(one) {
  return [
    author(one),
    one.title &&
      h(
        "p",
        { class: "attachment-title" },
        one.title_link ? link(one.title_link, [mrkdwn(one.title, { verbatim: true })]) : mrkdwn(one.title),
      ),
    one.text && h("div", { class: "attachment-text" }, mrkdwn(one.text)),
    fields(one.fields),
    safeImage(one.image_url) && imageBlock({ image_url: one.image_url, alt_text: one.fallback ?? "" }),
    (one.footer || one.ts) &&
      h(
        "p",
        { class: "attachment-footer" },
        one.footer && mrkdwn(one.footer),
        one.footer && one.ts && " · ",
        one.ts && h("time", { title: exact(String(one.ts)) }, ago(String(one.ts))),
      ),
  ];
}

function legacyActions(one, surface) {
  const buttons = (one.actions ?? []).filter((action) => action.type === "button");
  if (!buttons.length) return null;
  return h(
    "div",
    { class: "actions" },
    buttons.map((action) =>
      button(
        {
          type: "button",
          action_id: action.name,
          value: action.value,
          url: action.url,
          style: action.style,
          text: { type: "plain_text", text: action.text ?? "" },
          confirm: action.confirm && {
            title: action.confirm.title,
            text: action.confirm.text ?? "",
            confirm: action.confirm.ok_text,
            deny: action.confirm.dismiss_text,
          },
        },
        one.callback_id ?? "",
        surface,
      ),
    ),
  );
}

/** @returns {HTMLElement[]} */
export function renderAttachments(attachments, surface) {
  return (attachments ?? []).map((one) => {
    const content = [...older(one), one.blocks?.length ? renderBlocks(one.blocks, surface) : null].filter(Boolean);
    const colour = colourOf(one.color);
    return h(
      "div",
      { class: "attachment-frame" },
      one.pretext && h("div", { class: "attachment-pretext" }, mrkdwn(one.pretext)),
      h(
        "div",
        { class: "attachment", vars: colour ? { bar: colour } : {} },
        content.length ? content : h("p", {}, one.fallback ?? ""),
        legacyActions(one, surface),
      ),
    );
  });
}
