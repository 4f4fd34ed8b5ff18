/**
 * What the page knows, and who wants to hear when it changes. Views read `store` and subscribe to topics; only the
 * functions below write. Messages are replaced, never edited in place, so that a view can compare identities.
 *
 * Topics: "session", "conversations", "messages:<channel>", "thread:<channel>:<ts>", "typing", "home:<app>", "online".
 */

import * as api from "./api.js";

/** @typedef {{messages: object[], hasMore: boolean, loaded: boolean, loading: boolean, newSince: string | null}} Timeline */

export const store = {
  team: {},
  me: null,
  people: [],
  users: new Map(),
  groups: [],
  conversations: new Map(),
  apps: [],
  scenarios: [],
  timelines: new Map(),
  threads: new Map(),
  typing: new Map(),
  homes: new Map(),
  online: false,
};

const listeners = new Map();

/** Call `listener` whenever `topic` changes; returns a function that stops it. */
export function on(topic, listener) {
  if (!listeners.has(topic)) listeners.set(topic, new Set());
  listeners.get(topic).add(listener);
  return () => listeners.get(topic)?.delete(listener);
}

/** Tell a topic's listeners. */
export function emit(topic, detail) {
  for (const listener of [...(listeners.get(topic) ?? [])]) listener(detail);
}

/** Take a fresh bootstrap answer as the truth, dropping what belonged to the person before. */
export function startSession(answer) {
  store.team = answer.team ?? {};
  store.me = answer.me;
  store.people = answer.people ?? [];
  const users = Array.isArray(answer.users)
    ? answer.users.map((user) => [user.id, user])
    : Object.entries(answer.users ?? {});
  store.users = new Map(users);
  store.groups = answer.groups ?? [];
  store.conversations = new Map((answer.conversations ?? []).map((one) => [one.id, one]));
  store.apps = answer.apps ?? [];
  store.scenarios = answer.scenarios ?? [];
  store.timelines.clear();
  store.threads.clear();
  store.typing.clear();
  store.homes.clear();
  api.actAs(answer.me);
  emit("session");
  emit("conversations");
}

export const myself = () => store.people.find((one) => one.id === store.me) ?? store.users.get(store.me);
export const userOf = (id) => store.users.get(id);
export const appOfBotUser = (user) => store.apps.find((app) => app.bot_user_id === user);
export const threadKey = (channel, ts) => `${channel}:${ts}`;
export const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;

/** A person's or bot's name as the workspace shows it. */
export function nameOf(id) {
  const user = store.users.get(id);
  return user?.profile?.display_name || user?.profile?.real_name || user?.real_name || user?.name || id || "Unknown";
}

/** A conversation's title without its sign: the channel's name or the other person's. */
export function titleOf(conversation) {
  if (!conversation) return "";
  return conversation.is_im || conversation.user ? nameOf(conversation.user) : (conversation.name ?? conversation.id);
}

/** @returns {Timeline} */
export function timelineOf(channel) {
  if (!store.timelines.has(channel)) {
    store.timelines.set(channel, { messages: [], hasMore: false, loaded: false, loading: false, newSince: null });
  }
  return store.timelines.get(channel);
}

function place(messages, message) {
  const at = messages.findIndex(
    (one) => one.ts === message.ts && Boolean(one.is_ephemeral) === Boolean(message.is_ephemeral),
  );
  if (at >= 0) {
    messages[at] = message;
    return false;
  }
  let index = messages.length;
  while (index > 0 && Number(messages[index - 1].ts) > Number(message.ts)) index -= 1;
  messages.splice(index, 0, message);
  return true;
}

/** Load the newest page of a channel, keeping what arrived meanwhile. */
export async function loadTimeline(channel) {
  const timeline = timelineOf(channel);
  if (timeline.loading) return;
  timeline.loading = true;
  try {
    const answer = await api.history(channel);
    const kept = timeline.messages.filter((one) => one.is_ephemeral);
    const newest = Number(answer.messages.at(-1)?.ts ?? 0);
    const later = timeline.messages.filter(
      (one) => !one.is_ephemeral && Number(one.ts) > newest && timeline.loaded === false,
    );
    timeline.messages = [];
    for (const one of [...answer.messages, ...kept, ...later]) place(timeline.messages, one);
    timeline.hasMore = Boolean(answer.has_more);
    timeline.loaded = true;
  } finally {
    timeline.loading = false;
    emit(`messages:${channel}`);
  }
}

/** Load the page before the oldest message that is known; true when something came. */
export async function loadOlder(channel) {
  const timeline = timelineOf(channel);
  if (timeline.loading || !timeline.hasMore) return false;
  timeline.loading = true;
  try {
    const oldest = timeline.messages.find((one) => !one.is_ephemeral);
    const answer = await api.history(channel, oldest?.ts);
    for (const one of answer.messages) place(timeline.messages, one);
    timeline.hasMore = Boolean(answer.has_more) && answer.messages.length > 0;
    return answer.messages.length > 0;
  } finally {
    timeline.loading = false;
    emit(`messages:${channel}`);
  }
}

/** Load a thread, the parent first. */
export async function loadThread(channel, ts) {
  const key = threadKey(channel, ts);
  const answer = await api.replies(channel, ts);
  const kept = (store.threads.get(key) ?? []).filter((one) => one.is_ephemeral);
  const messages = [...answer.messages];
  for (const one of kept) place(messages, one);
  store.threads.set(key, messages);
  emit(`thread:${key}`);
}

function countReply(channel, reply) {
  const parent = timelineOf(channel).messages.find((one) => one.ts === reply.thread_ts);
  if (!parent || Number(parent.latest_reply ?? 0) >= Number(reply.ts)) return;
  const author = reply.user ?? reply.bot_id;
  const authors = [author, ...(parent.reply_users ?? []).filter((one) => one !== author)];
  place(timelineOf(channel).messages, {
    ...parent,
    thread_ts: parent.ts,
    reply_count: (parent.reply_count ?? 0) + 1,
    latest_reply: reply.ts,
    reply_users: authors,
  });
  emit(`messages:${channel}`);
}

/** A message appeared or changed. */
export function receiveMessage(channel, message, { changed = false } = {}) {
  const key = threadKey(channel, message.thread_ts ?? message.ts);
  const thread = store.threads.get(key);
  if (thread) {
    place(thread, message);
    emit(`thread:${key}`);
  }
  if (isReply(message) && !changed && !message.is_ephemeral) countReply(channel, message);
  if (isReply(message) && message.subtype !== "thread_broadcast") return;
  const timeline = timelineOf(channel);
  const oldest = timeline.messages[0];
  const known = timeline.messages.some((one) => one.ts === message.ts);
  if (changed && !known) return;
  if (!known && oldest && timeline.hasMore && Number(message.ts) < Number(oldest.ts)) return;
  place(timeline.messages, message);
  emit(`messages:${channel}`);
}

/** A message is gone. */
export function dropMessage(channel, ts) {
  const timeline = timelineOf(channel);
  timeline.messages = timeline.messages.filter((one) => one.ts !== ts);
  emit(`messages:${channel}`);
  for (const [key, messages] of store.threads) {
    if (key.startsWith(`${channel}:`) && messages.some((one) => one.ts === ts)) {
      store.threads.set(
        key,
        messages.filter((one) => one.ts !== ts),
      );
      emit(`thread:${key}`);
    }
  }
}

/** A message that is known, from the channel or one of its threads. */
export function findMessage(channel, ts) {
  const found = timelineOf(channel).messages.find((one) => one.ts === ts);
  if (found) return found;
  for (const [key, messages] of store.threads) {
    const reply = key.startsWith(`${channel}:`) && messages.find((one) => one.ts === ts);
    if (reply) return reply;
  }
  return null;
}

/** A message got or lost a reaction. */
export function receiveReactions(channel, ts, reactions) {
  const message = findMessage(channel, ts);
  if (message) receiveMessage(channel, { ...message, reactions }, { changed: true });
}

/** A conversation is new or its topic, name or members changed. */
export function receiveConversation(conversation) {
  store.conversations.set(conversation.id, { ...store.conversations.get(conversation.id), ...conversation });
  emit("conversations");
}

/** Unread figures of one conversation for the person who acts. */
export function receiveUnread(channel, unread, mentions, lastRead) {
  const known = store.conversations.get(channel);
  if (!known) return;
  const read = lastRead ? { last_read: lastRead } : {};
  store.conversations.set(channel, { ...known, unread, mentions, ...read });
  emit("conversations");
}

const TYPING_SECONDS = 12;

/** An app says what it is doing; an empty text says that it is done. */
export function receiveTyping(channel, threadTs, text, user) {
  const key = threadKey(channel, threadTs ?? "");
  clearTimeout(store.typing.get(key)?.timer);
  if (!text) store.typing.delete(key);
  else {
    const timer = setTimeout(() => receiveTyping(channel, threadTs, ""), TYPING_SECONDS * 1000);
    store.typing.set(key, { text, user, timer });
  }
  emit("typing");
}

/** What an app's Home tab shows now. */
export function receiveHome(appId, view) {
  store.homes.set(appId, view);
  emit(`home:${appId}`);
}

export function setOnline(online) {
  if (store.online === online) return;
  store.online = online;
  emit("online");
}
