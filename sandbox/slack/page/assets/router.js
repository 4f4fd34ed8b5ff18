/** Where the person is, kept in the address so that reload, back and links work: `#/C1`, `#/C1/t/1.2`, `#/app/A1/home`. */

import { emit } from "./store.js";

/** @typedef {{channel?: string, thread?: string, app?: string, tab?: string, at?: string}} Route */

/** @returns {Route} */
export function route() {
  const [first, second, third] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (first === "app" && second) return { app: second, tab: third === "messages" ? "messages" : "home" };
  if (!first) return {};
  if (second === "t" && third) return { channel: first, thread: third };
  if (second === "m" && third) return { channel: first, at: third };
  return { channel: first };
}

export const channelAddress = (channel) => `#/${encodeURIComponent(channel)}`;
export const threadAddress = (channel, ts) => `${channelAddress(channel)}/t/${encodeURIComponent(ts)}`;
export const appAddress = (app, tab = "home") => `#/app/${encodeURIComponent(app)}/${tab}`;

/** Go somewhere; going where one is already still tells the views. */
export function go(address) {
  if (location.hash === address) emit("route");
  else location.hash = address;
}

/** Go somewhere without adding a step to the browser's history. */
export function replace(address) {
  history.replaceState(null, "", address);
  emit("route");
}

addEventListener("hashchange", () => emit("route"));
