/** Marks channels read while somebody looks at them, and says new messages to screen readers. */

import * as api from "./api.js";
import { h } from "./dom.js";
import { plain } from "./mrkdwn.js";
import { route } from "./router.js";
import { isReply, nameOf, receiveUnread, store, timelineOf, titleOf } from "./store.js";

const MARK_AFTER_MS = 250;
const region = h("div", { class: "visually-hidden", role: "log", "aria-live": "polite", "aria-relevant": "additions" });
document.body.append(region);

let timer = null;

/** Tell the server that everything in `channel` that is loaded has been seen. */
export function markRead(channel) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const newest = timelineOf(channel).messages.filter((one) => !one.is_ephemeral).at(-1);
    const known = store.conversations.get(channel);
    if (!newest || !known || document.hidden) return;
    if (!known.unread && Number(known.last_read ?? 0) >= Number(newest.ts)) return;
    receiveUnread(channel, 0, 0, newest.ts);
    // A mark that does not arrive is sent again with the next message; it is not worth a person's attention.
    api.mark(channel, newest.ts).catch(() => receiveUnread(channel, known.unread ?? 0, known.mentions ?? 0));
  }, MARK_AFTER_MS);
}

/** A message came over the live connection. */
export function receiveShown(channel, message) {
  const here = route().channel === channel;
  if (here && !isReply(message)) markRead(channel);
  if (message.user === store.me) return;
  const who = message.username ?? message.bot_profile?.name ?? nameOf(message.user);
  const where = titleOf(store.conversations.get(channel));
  const line = h("p", {}, `${who} in ${where}: ${plain(message.text ?? "").slice(0, 200)}`);
  region.append(line);
  while (region.childElementCount > 5) region.firstChild.remove();
}
