/** Marks channels read while somebody looks at them, and says new messages to screen readers. */

import * as api from "./api.js";
import { h } from "./dom.js";
import { plain } from "./mrkdwn.js";
import { route } from "./router.js";
import { nameOf, receiveUnread, store, timelineOf, titleOf } from "./store.js";

const MARK_AFTER_MS = 250;
const region = h("div", { class: "visually-hidden", role: "log", "aria-live": "polite", "aria-relevant": "additions" });
document.body.append(region);

let timer = null;

/** Tell the server that everything in `channel` that is loaded has been seen. */
export function markRead(channel) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    // Replies count too: a mention in a thread is seen with the channel that shows the thread.
    const seen = timelineOf(channel)
      .messages.filter((one) => !one.is_ephemeral)
      .flatMap((one) => [one.ts, one.latest_reply ?? one.ts]);
    const newest = seen.reduce((one, other) => (Number(other) > Number(one) ? other : one), "0");
    const known = store.conversations.get(channel);
    if (newest === "0" || !known || document.hidden) return;
    if (!known.unread && !known.mentions && Number(known.last_read ?? 0) >= Number(newest)) return;
    receiveUnread(channel, 0, 0, newest);
    // A mark that does not arrive is sent again with the next message; it is not worth a person's attention.
    api.mark(channel, newest).catch(() => receiveUnread(channel, known.unread ?? 0, known.mentions ?? 0));
  }, MARK_AFTER_MS);
}

/** A message came over the live connection. */
export function receiveShown(channel, message) {
  const here = route().channel === channel;
  if (here) markRead(channel);
  if (message.user === store.me) return;
  const who = message.username ?? message.bot_profile?.name ?? nameOf(message.user);
  const where = titleOf(store.conversations.get(channel));
  const line = h("p", {}, `${who} in ${where}: ${plain(message.text ?? "").slice(0, 200)}`);
  region.append(line);
  while (region.childElementCount > 5) region.firstChild.remove();
}
