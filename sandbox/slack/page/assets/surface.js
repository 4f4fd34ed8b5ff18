/**
 * A surface holds what a person has filled in on one message, modal or Home tab, and sends what they do there.
 * Values have the shapes of Slack's `view.state.values`: {block_id: {action_id: {type, value | selected_option | ...}}}.
 */

import * as api from "./api.js";
import { receiveHome } from "./store.js";
import { confirmDialog } from "./views/dialog.js";
import { toast } from "./views/toast.js";

const INITIAL = {
  plain_text_input: (element) => ({ value: element.initial_value ?? null }),
  number_input: (element) => ({ value: element.initial_value ?? null }),
  email_text_input: (element) => ({ value: element.initial_value ?? null }),
  url_text_input: (element) => ({ value: element.initial_value ?? null }),
  rich_text_input: (element) => ({ rich_text_value: element.initial_value ?? null }),
  static_select: (element) => ({ selected_option: element.initial_option ?? null }),
  external_select: (element) => ({ selected_option: element.initial_option ?? null }),
  users_select: (element) => ({ selected_user: element.initial_user ?? null }),
  conversations_select: (element) => ({ selected_conversation: element.initial_conversation ?? null }),
  channels_select: (element) => ({ selected_channel: element.initial_channel ?? null }),
  multi_static_select: (element) => ({ selected_options: element.initial_options ?? [] }),
  multi_external_select: (element) => ({ selected_options: element.initial_options ?? [] }),
  multi_users_select: (element) => ({ selected_users: element.initial_users ?? [] }),
  multi_conversations_select: (element) => ({ selected_conversations: element.initial_conversations ?? [] }),
  multi_channels_select: (element) => ({ selected_channels: element.initial_channels ?? [] }),
  checkboxes: (element) => ({ selected_options: element.initial_options ?? [] }),
  radio_buttons: (element) => ({ selected_option: element.initial_option ?? null }),
  datepicker: (element) => ({ selected_date: element.initial_date ?? null }),
  timepicker: (element) => ({ selected_time: element.initial_time ?? null }),
  datetimepicker: (element) => ({ selected_date_time: element.initial_date_time ?? null }),
  file_input: () => ({ files: [] }),
};

export class Surface {
  /**
   * @param {"message" | "modal" | "home"} kind
   * @param {object} container what the server is told: {type: "message", channel, ts} or {type: "view", view_id}
   */
  constructor(kind, container) {
    this.kind = kind;
    this.container = container;
    this.filled = new Map();
    this.values = {};
  }

  /** Forget which inputs are shown, before they are drawn again; what a person filled in stays known. */
  restart(container = this.container) {
    this.container = container;
    this.values = {};
  }

  /** The value an input shows: what was filled in, else its initial one. */
  open(blockId, element) {
    const initial = INITIAL[element.type];
    if (!initial || !element.action_id) return null;
    const known = this.filled.get(`${blockId}\u0000${element.action_id}`);
    const value = known?.type === element.type ? known : { type: element.type, ...initial(element) };
    this.#put(blockId, element.action_id, value);
    return value;
  }

  /** A person filled something in. */
  write(blockId, element, fields) {
    const value = { type: element.type, ...fields };
    this.filled.set(`${blockId}\u0000${element.action_id}`, value);
    this.#put(blockId, element.action_id, value);
  }

  #put(blockId, actionId, value) {
    this.values[blockId] = { ...this.values[blockId], [actionId]: value };
  }

  /**
   * Send an action after its confirm dialog, if it has one. Resolves to true when the app acknowledged it; a refusal
   * becomes a toast.
   */
  async act(blockId, element, fields = {}) {
    if (element.confirm && !(await confirmDialog(element.confirm))) return false;
    const { type, action_id: actionId } = element;
    const shown = ["text", "value", "url"].filter((name) => type.includes("button") && element[name] !== undefined);
    const action = {
      type,
      action_id: actionId,
      block_id: blockId,
      ...Object.fromEntries(shown.map((name) => [name, element[name]])),
      ...fields,
    };
    try {
      const answer = await api.act(this.container, blockId, action, this.values);
      if (this.kind === "home" && answer.view && this.container.app_id) receiveHome(this.container.app_id, answer.view);
      return true;
    } catch (error) {
      toast(error.message, "error");
      return false;
    }
  }
}

const messages = new Map();
const KEPT = 400;

/** The surface of a message, the same one as long as the message is on the page. */
export function messageSurface(channel, message) {
  const key = `${channel}:${message.ts}`;
  const container = { type: "message", channel, ts: message.ts };
  if (message.is_ephemeral) container.is_ephemeral = true;
  if (message.thread_ts) container.thread_ts = message.thread_ts;
  let surface = messages.get(key);
  if (surface) surface.restart(container);
  else {
    surface = new Surface("message", container);
    messages.set(key, surface);
    if (messages.size > KEPT) messages.delete(messages.keys().next().value);
  }
  return surface;
}

/** Drop what was filled in, when another person takes over. */
export const forgetSurfaces = () => messages.clear();
