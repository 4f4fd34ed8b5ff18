/**
 * Build DOM nodes. Nothing in this page ever parses text as HTML: every string becomes a text node or an attribute
 * value, and every address goes through `safeHref` or `safeImage` first.
 */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set([
  "value",
  "checked",
  "disabled",
  "selected",
  "hidden",
  "indeterminate",
  "readOnly",
  "required",
]);

/** @typedef {Node | string | number | null | undefined | false} Child */

function apply(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (PROPERTIES.has(name) && name in node) node[name] = name === "value" ? "" : false;
    return;
  }
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "class") node.setAttribute("class", value);
  else if (name === "dataset") Object.assign(node.dataset, value);
  else if (name === "vars") for (const [key, one] of Object.entries(value)) node.style.setProperty(`--${key}`, one);
  else if (PROPERTIES.has(name) && name in node) node[name] = value;
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** Append children, flattening arrays and skipping what is empty. */
export function append(node, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(node, child);
    else if (child instanceof Node) node.append(child);
    else if (child !== null && child !== undefined && child !== false)
      node.append(document.createTextNode(String(child)));
  }
  return node;
}

/** An HTML element. `props`: attributes, `on<event>` listeners, `dataset`, `vars` (CSS custom properties). */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) apply(node, name, value);
  return append(node, children);
}

/** An SVG element. */
export function s(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG_NAMESPACE, tag);
  for (const [name, value] of Object.entries(props)) {
    if (value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  return append(node, children);
}

/** One of the page's own line icons, decorative. */
export function icon(name, size = 18) {
  return s(
    "svg",
    { class: "icon", width: size, height: size, viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    s("use", { href: `/assets/icons.svg#${name}` }),
  );
}

/** Replace everything inside `node`. */
export function fill(node, ...children) {
  node.replaceChildren();
  return append(node, children);
}

/** An absolute address or a file of this server; words that only look like a relative address are words. */
function parsed(text) {
  if (!/^(?:[a-z][a-z0-9+.-]*:|\/client\/files\/)/i.test(text)) return null;
  try {
    return new URL(text, location.origin);
  } catch {
    return null;
  }
}

/** The address when a person may safely follow it, else null: no script, data or file addresses. */
export function safeHref(text) {
  const url = typeof text === "string" ? parsed(text.trim()) : null;
  return url && ["http:", "https:", "mailto:", "tel:"].includes(url.protocol) ? url.href : null;
}

/** The address when the page may show it as an image, else null. */
export function safeImage(text) {
  const url = typeof text === "string" ? parsed(text.trim()) : null;
  if (!url) return null;
  if (["http:", "https:"].includes(url.protocol)) return url.href;
  return /^data:image\/(png|jpeg|gif|webp);base64,/i.test(text) ? text : null;
}

/** The page's own address for a permalink of this workspace (`/archives/C1/p1700000000000100`), else null. */
export function placeOf(url) {
  const match = /^\/archives\/([^/]+)(?:\/p(\d{7,}))?/.exec(url.pathname);
  if (!match) return null;
  const ts = match[2] && `${match[2].slice(0, -6)}.${match[2].slice(-6)}`;
  const thread = url.searchParams.get("thread_ts");
  if (thread) return `#/${match[1]}/t/${thread}`;
  return ts ? `#/${match[1]}/m/${ts}` : `#/${match[1]}`;
}

/** A link that opens elsewhere without handing over this window; plain text when the address is not a safe one. */
export function link(address, children, props = {}) {
  const href = safeHref(address);
  if (!href) return h("span", { class: "dead-link", title: "This address is not one the page will open" }, children);
  const url = new URL(href);
  const place = url.origin === location.origin ? placeOf(url) : null;
  return h(
    "a",
    { href: place ?? href, rel: "noopener noreferrer", target: place ? null : "_blank", ...props },
    children,
  );
}

let counter = 0;

/** An id no other element has. */
export function uniqueId(prefix) {
  counter += 1;
  return `${prefix}-${counter}`;
}

/** Run `work` at most once a frame. */
export function onceAFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
}

/** What the person asked for in the system's settings. */
export const prefersLessMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
export const isPhone = () => matchMedia("(max-width: 760px)").matches;
