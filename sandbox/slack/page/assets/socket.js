/** The live connection: one WebSocket for the person who acts, opened again with growing pauses when it breaks. */

import { bootstrap, socketAddress } from "./api.js";
import { receiveShown } from "./notices.js";
import {
  dropMessage,
  emit,
  loadThread,
  loadTimeline,
  receiveConversation,
  receiveHome,
  receiveMessage,
  receiveReactions,
  receiveTyping,
  receiveUnread,
  setOnline,
  store,
} from "./store.js";
import { toast } from "./views/toast.js";

const PAUSES = [250, 500, 1000, 2000, 5000];

const HANDLERS = {
  message: (event) => {
    receiveMessage(event.channel, event.message);
    receiveTyping(event.channel, event.message.thread_ts, "");
    receiveShown(event.channel, event.message);
    emit("shown", event);
  },
  message_changed: (event) => receiveMessage(event.channel, event.message, { changed: true }),
  message_deleted: (event) => dropMessage(event.channel, event.ts),
  ephemeral: (event) => {
    const message = { ...event.message, is_ephemeral: true };
    receiveMessage(event.channel, message);
    receiveShown(event.channel, message);
  },
  conversation: (event) => receiveConversation(event.conversation),
  unread: (event) => receiveUnread(event.channel, event.unread, event.mentions, event.last_read),
  reaction: (event) => receiveReactions(event.channel, event.ts, event.reactions),
  typing: (event) => receiveTyping(event.channel, event.thread_ts, event.text, event.user),
  home_published: (event) => receiveHome(event.app_id, event.view),
  view_opened: (event) => emit("view_opened", event.view),
  view_updated: (event) => emit("view_updated", event.view),
  view_closed: (event) => emit("view_closed", event.view_id),
  traffic: (event) => emit("traffic", event.exchange),
  toast: (event) => toast(event.text, event.level),
  scenario: (event) => emit("scenario", event),
};

let socket = null;
let attempt = 0;
let timer = null;
let everConnected = false;

async function resync() {
  const answer = await bootstrap(store.me);
  if (answer.me !== store.me) return;
  for (const one of answer.conversations ?? []) receiveConversation(one);
  store.apps = answer.apps ?? store.apps;
  store.scenarios = answer.scenarios ?? store.scenarios;
  const users = Array.isArray(answer.users)
    ? answer.users.map((user) => [user.id, user])
    : Object.entries(answer.users ?? {});
  store.users = new Map(users);
  emit("conversations");
  for (const view of answer.open_views ?? []) emit("view_opened", view);
  const known = [...store.timelines]
    .filter(([, timeline]) => timeline.loaded)
    .map(([channel]) => loadTimeline(channel));
  const threads = [...store.threads.keys()].map((key) => loadThread(...key.split(":")));
  await Promise.allSettled([...known, ...threads]);
  emit("resynced");
}

function connected() {
  setOnline(true);
  attempt = 0;
  // What was said while the line was down is fetched; the first connection has nothing to catch up with.
  if (everConnected) resync().catch((error) => toast(error.message, "error"));
  everConnected = true;
}

function receive(raw) {
  let event;
  try {
    event = JSON.parse(raw);
  } catch {
    return;
  }
  HANDLERS[event.type]?.(event);
}

/** Connect for the person who acts, closing a connection that another one had. */
export function connect() {
  disconnect();
  const mine = new WebSocket(socketAddress());
  socket = mine;
  mine.addEventListener("open", () => mine === socket && connected());
  mine.addEventListener("message", (message) => mine === socket && receive(message.data));
  mine.addEventListener("close", () => {
    if (mine !== socket) return;
    setOnline(false);
    timer = setTimeout(connect, PAUSES[Math.min(attempt, PAUSES.length - 1)]);
    attempt += 1;
  });
}

/** Close the connection for good, until the next `connect`. */
export function disconnect() {
  clearTimeout(timer);
  const old = socket;
  socket = null;
  old?.close();
}

/** Forget that there was a connection: the next one belongs to a fresh session and needs no catching up. */
export function forget() {
  everConnected = false;
}

addEventListener("online", () => {
  if (socket?.readyState !== WebSocket.OPEN) connect();
});
