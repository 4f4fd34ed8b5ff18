/** Pictures: image blocks and elements, with what they show in words, and a large view on a click. */

import { h, icon, link, safeImage } from "../dom.js";
import { textObject, textOf } from "../mrkdwn.js";
import { openDialog } from "../views/dialog.js";

/** Where a `slack_file` is served, or the image's own address. */
function source(object) {
  const file = object.slack_file;
  if (file?.id) return `/client/files/${encodeURIComponent(file.id)}`;
  return object.image_url ?? file?.url ?? null;
}

/** A picture alone in a dialog, with a way to its address. */
export function openPicture(address, alt) {
  const dialog = openDialog({ title: alt || "Picture", className: "dialog-picture" });
  dialog.body.append(h("img", { src: address, alt }));
  dialog.foot.append(link(address, [icon("external", 16), "Open by itself"], { class: "button", target: "_blank" }));
}

function broken(image, alt) {
  image.addEventListener(
    "error",
    () =>
      image.replaceWith(
        h("span", { class: "image-missing" }, icon("file", 16), alt || "This picture cannot be loaded"),
      ),
    { once: true },
  );
  return image;
}

/** @returns {HTMLElement} a small picture inside a section, context or card */
export function imageElement(element, className = "accessory-image") {
  const address = safeImage(source(element));
  const alt = element.alt_text ?? "";
  if (!address) return h("span", { class: "image-missing" }, icon("file", 16), alt);
  return broken(
    h("img", { class: className, src: address, alt, title: alt, loading: "lazy", referrerpolicy: "no-referrer" }),
    alt,
  );
}

/** @returns {HTMLElement} */
export function imageBlock(block) {
  const address = safeImage(source(block));
  const alt = block.alt_text ?? textOf(block.title);
  const title = block.title && h("figcaption", { class: "image-title" }, textObject(block.title));
  if (!address)
    return h("figure", { class: "image-block" }, title, h("span", { class: "image-missing" }, icon("file", 16), alt));
  const image = broken(h("img", { src: address, alt, loading: "lazy", referrerpolicy: "no-referrer" }), alt);
  return h(
    "figure",
    { class: "image-block" },
    title,
    h(
      "button",
      {
        type: "button",
        class: "picture-button",
        "aria-label": `Enlarge: ${alt}`,
        onclick: () => openPicture(address, alt),
      },
      image,
    ),
  );
}
