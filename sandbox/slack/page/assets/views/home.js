/** An app's two tabs: Home, which it publishes for each person, and Messages, the conversation with its bot. */

import * as api from "../api.js";
import { renderBlocks } from "../blocks/index.js";
import { fill, h, icon } from "../dom.js";
import { appAddress, go } from "../router.js";
import { on, receiveConversation, receiveHome, store } from "../store.js";
import { Surface } from "../surface.js";
import { avatar } from "./avatar.js";
import { ChannelView } from "./channel.js";
import { toast } from "./toast.js";

const PUBLISH_MS = 3000;

export class HomeView {
  constructor() {
    this.app = null;
    this.head = h("header", { class: "pane-head" });
    this.tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Views of the app" });
    this.page = h("div", { class: "home-page", role: "tabpanel", tabindex: 0, "aria-label": "Home" });
    this.messages = new ChannelView({ embedded: true });
    this.node = h(
      "section",
      { class: "home", "aria-label": "App" },
      this.head,
      this.tabs,
      this.page,
      this.messages.node,
    );
  }

  /** @param {object} app @param {"home" | "messages"} tab */
  async show(app, tab) {
    const changed = this.app?.app_id !== app.app_id || this.person !== store.me;
    if (changed) {
      this.off?.();
      this.off = on(`home:${app.app_id}`, () => this.#drawHome());
      this.surface = null;
    }
    const opened = changed || this.tab !== tab || !this.node.isConnected;
    Object.assign(this, { app, tab, person: store.me });
    this.#drawFrame();
    this.page.hidden = tab !== "home";
    this.messages.node.hidden = tab !== "messages";
    if (tab === "messages") await this.#openMessages();
    else if (opened) await this.#openHome();
  }

  #drawFrame() {
    fill(
      this.head,
      h(
        "button",
        { type: "button", class: "icon-button back", "aria-label": "Back to the channels", onclick: () => go("#/") },
        icon("left"),
      ),
      h(
        "h1",
        { class: "pane-title" },
        avatar({ user: this.app.bot_user_id, name: this.app.name, bot: true }, 24),
        h("span", {}, this.app.name),
        h("span", { class: "badge" }, "APP"),
      ),
      h("p", { class: "pane-topic" }, this.app.description ?? ""),
    );
    const tab = (key, label) =>
      h(
        "button",
        {
          type: "button",
          role: "tab",
          class: "tab",
          "aria-selected": String(this.tab === key),
          tabindex: this.tab === key ? 0 : -1,
          onclick: () => go(appAddress(this.app.app_id, key)),
        },
        label,
      );
    fill(this.tabs, this.app.has_home !== false && tab("home", "Home"), tab("messages", "Messages"));
    this.tabs.onkeydown = (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const other = [...this.tabs.children].find((one) => one !== document.activeElement);
      other?.click();
      requestAnimationFrame(() => this.tabs.querySelector('[aria-selected="true"]')?.focus());
    };
  }

  async #openHome() {
    const known = store.homes.get(this.app.app_id);
    if (known) this.#drawHome();
    else
      fill(
        this.page,
        h(
          "div",
          { class: "skeleton", "aria-label": "Loading" },
          [1, 2, 3].map(() => h("div", { class: "skeleton-row" }, h("i"), h("b"))),
        ),
      );
    try {
      const answer = await api.home(this.app.app_id);
      const { app_id: id } = this.app;
      if (answer.view) receiveHome(id, answer.view);
      // An app that publishes on being opened needs a moment; only then is there nothing to see.
      else setTimeout(() => store.homes.has(id) || receiveHome(id, null), PUBLISH_MS);
    } catch (error) {
      toast(error.message, "error");
      receiveHome(this.app.app_id, known ?? null);
    }
  }

  #drawHome() {
    const view = store.homes.get(this.app.app_id);
    if (!view) {
      fill(
        this.page,
        h(
          "div",
          { class: "nothing" },
          icon("home", 30),
          h("p", {}, `${this.app.name} has not published anything here yet.`),
        ),
      );
      return;
    }
    const container = { type: "view", view_id: view.id };
    if (this.surface) this.surface.restart(container);
    else this.surface = new Surface("home", container);
    const scroll = this.page.scrollTop;
    const focused = this.page.contains(document.activeElement) ? document.activeElement.dataset.action : null;
    fill(this.page, h("div", { class: "view home-view" }, renderBlocks(view.blocks, this.surface)));
    this.page.scrollTop = scroll;
    if (focused)
      [...this.page.querySelectorAll("[data-action]")]
        .find((one) => one.dataset.action === focused)
        ?.focus({ preventScroll: true });
  }

  async #openMessages() {
    let direct = [...store.conversations.values()].find((one) => one.is_im && one.user === this.app.bot_user_id);
    if (!direct) {
      try {
        direct = (await api.openDirect(this.app.bot_user_id)).conversation;
        receiveConversation(direct);
      } catch (error) {
        toast(error.message, "error");
        return;
      }
    }
    await this.messages.show(direct.id);
  }
}
