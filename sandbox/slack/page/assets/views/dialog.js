/** Dialogs over the page. The browser's own modal dialog traps the focus, answers Esc and makes the rest inert. */

import { h, icon, uniqueId } from "../dom.js";
import { textObject } from "../mrkdwn.js";

/**
 * Open a dialog. `onCancel` runs on Esc, the close button and a click beside it; it may return false to keep it open.
 * @returns {{node: HTMLDialogElement, body: HTMLElement, foot: HTMLElement, title: HTMLElement, close: () => void}}
 */
export function openDialog({ title, className = "", onCancel, before }) {
  const opener = document.activeElement;
  const id = uniqueId("dialog");
  const heading = h("h2", { id, class: "dialog-title", tabindex: -1 }, title);
  const body = h("div", { class: "dialog-body" });
  const foot = h("footer", { class: "dialog-foot" });
  const node = h(
    "dialog",
    { class: `dialog ${className}`, "aria-labelledby": id },
    h(
      "header",
      { class: "dialog-head" },
      before,
      heading,
      h(
        "button",
        { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => cancel() },
        icon("close"),
      ),
    ),
    body,
    foot,
  );
  const close = () => {
    if (!node.isConnected) return;
    node.close();
    node.remove();
    if (opener?.isConnected) opener.focus();
  };
  const cancel = () => {
    if (onCancel?.() !== false) close();
  };
  node.addEventListener("cancel", (event) => {
    event.preventDefault();
    cancel();
  });
  let pressedBeside = false;
  node.addEventListener("pointerdown", (event) => {
    pressedBeside = event.target === node;
  });
  node.addEventListener("click", (event) => {
    if (event.target === node && pressedBeside) cancel();
  });
  document.getElementById("overlays").append(node);
  node.showModal();
  return { node, body, foot, title: heading, close };
}

/** Ask before an action, as its confirm object says. Resolves to true for yes. */
export function confirmDialog(confirm) {
  return new Promise((resolve) => {
    const dialog = openDialog({
      title: textObject(confirm.title ?? "Are you sure?"),
      className: "dialog-confirm",
      onCancel: () => resolve(false),
    });
    const answer = (value) => () => {
      dialog.close();
      resolve(value);
    };
    dialog.node.setAttribute("role", "alertdialog");
    dialog.body.append(h("div", { class: "confirm-text" }, textObject(confirm.text)));
    const yes = h(
      "button",
      {
        type: "button",
        class: confirm.style === "danger" ? "button button-danger" : "button button-primary",
        onclick: answer(true),
      },
      textObject(confirm.confirm ?? "Yes"),
    );
    const no = h(
      "button",
      { type: "button", class: "button", onclick: answer(false) },
      textObject(confirm.deny ?? "Cancel"),
    );
    dialog.foot.append(no, yes);
    // The careful answer has the focus when the other one does harm.
    (confirm.style === "danger" ? no : yes).focus();
  });
}
