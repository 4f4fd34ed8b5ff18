/** Faces and marks: initials on a colour of their own for people, drawn marks for apps. Never a vendor's logo. */

import { h, icon, safeImage } from "../dom.js";
import { nameOf, store } from "../store.js";

const APP_MARKS = [
  [/pager/i, "bolt"],
  [/on-?call|agent/i, "pulse"],
  [/kube/i, "app"],
  [/deploy|build|release/i, "play"],
];

function hue(text) {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + character.codePointAt(0)) % 9973;
  return hash % 8;
}

function initials(name) {
  const words = name
    .replace(/[^\p{L}\p{N} ]/gu, " ")
    .trim()
    .split(/\s+/);
  return ((words[0]?.[0] ?? "?") + (words.length > 1 ? words.at(-1)[0] : "")).toUpperCase();
}

/** @param {{user?: string, bot?: boolean, name?: string, image?: string}} who @param {number} size in CSS pixels */
export function avatar(who, size = 36) {
  const user = store.users.get(who.user);
  const name = who.name ?? nameOf(who.user);
  const isApp = who.bot ?? Boolean(user?.is_bot);
  const colour = store.people.find((one) => one.id === who.user)?.color;
  const classes = `avatar avatar-${size} tint-${hue(name)}${isApp ? " avatar-app" : ""}`;
  const image = safeImage(who.image);
  if (image) {
    const picture = h("img", { class: classes, src: image, alt: "", loading: "lazy", referrerpolicy: "no-referrer" });
    picture.addEventListener("error", () => picture.replaceWith(avatar({ ...who, image: undefined }, size)), {
      once: true,
    });
    return picture;
  }
  const mark = isApp && (APP_MARKS.find(([pattern]) => pattern.test(name))?.[1] ?? "app");
  return h(
    "span",
    { class: classes, "aria-hidden": "true", vars: colour ? { tint: colour } : {} },
    isApp ? icon(mark, Math.round(size * 0.6)) : initials(name),
  );
}
