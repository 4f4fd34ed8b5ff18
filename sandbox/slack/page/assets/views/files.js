/** Files on a message: pictures shown, text previewed, everything downloadable. */

import { h, icon, safeHref, safeImage } from "../dom.js";
import { openPicture } from "../blocks/image.js";

function size(bytes) {
  if (!Number.isFinite(bytes)) return "";
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1_048_576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1_048_576).toFixed(1)} MB`;
}

const address = (file) => (file.id ? `/client/files/${encodeURIComponent(file.id)}` : safeHref(file.url_private));

function preview(file) {
  const box = h("pre", { class: "file-preview", tabindex: 0 }, h("code", {}, file.preview ?? ""));
  if (file.preview !== undefined && file.preview !== null) return box;
  const details = h("details", { class: "file-details" }, h("summary", {}, "Preview"), box);
  details.addEventListener("toggle", async () => {
    if (!details.open || box.firstChild.textContent) return;
    try {
      const response = await fetch(address(file));
      box.firstChild.textContent = response.ok
        ? (await response.text()).slice(0, 20_000)
        : `The file cannot be read (${response.status}).`;
    } catch {
      box.firstChild.textContent = "The file cannot be read.";
    }
  });
  return details;
}

function one(file) {
  const name = file.title || file.name || "File";
  const href = address(file);
  if (file.mimetype?.startsWith("image/") && file.mimetype !== "image/svg+xml" && safeImage(href)) {
    return h(
      "figure",
      { class: "image-block" },
      h("figcaption", { class: "image-title" }, name),
      h(
        "button",
        {
          type: "button",
          class: "picture-button",
          "aria-label": `Enlarge: ${name}`,
          onclick: () => openPicture(href, file.alt_txt || name),
        },
        h("img", { src: href, alt: file.alt_txt || name, loading: "lazy" }),
      ),
    );
  }
  const readable =
    /^(text\/|application\/(json|x-yaml|yaml|xml))/.test(file.mimetype ?? "") ||
    ["text", "json", "yaml", "log", "markdown", "shell", "diff"].includes(file.filetype);
  return h(
    "div",
    { class: "file" },
    h(
      "div",
      { class: "file-card" },
      icon("file", 22),
      h(
        "span",
        { class: "file-words" },
        h("span", { class: "file-name" }, name),
        h(
          "span",
          { class: "file-note" },
          [file.pretty_type ?? file.filetype, size(file.size)].filter(Boolean).join(" · "),
        ),
      ),
      href &&
        h(
          "a",
          {
            class: "icon-button",
            href,
            download: file.name ?? name,
            "aria-label": `Download ${name}`,
            title: "Download",
          },
          icon("download"),
        ),
    ),
    readable && href && preview(file),
  );
}

/** @returns {HTMLElement | null} */
export const files = (list) =>
  list?.length ? h("div", { class: "files" }, list.filter((file) => file.mode !== "tombstone").map(one)) : null;
