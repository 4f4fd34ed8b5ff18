/** The raw traffic between the bot and the sandbox, live, and the switches that make the workspace misbehave. */

import * as api from "../api.js";
import { fill, h, icon, onceAFrame } from "../dom.js";
import { emit, on } from "../store.js";
import { body, duration, exchangeRow, statusClass } from "./exchange.js";
import { faultPanel } from "./faults.js";
import { toast } from "./toast.js";

const KEPT = 2000;
const SHOWN = 400;
const SERVERS = [
  ["", "All"],
  ["slack", "Slack"],
  ["pagerduty", "PagerDuty"],
  ["kubernetes", "Kubernetes"],
  ["messages", "Messages"],
];

export class Inspector {
  constructor() {
    this.exchanges = [];
    this.server = "";
    this.search = "";
    this.paused = false;
    this.selected = null;
    this.atEnd = true;
    this.list = h("div", { class: "exchanges", role: "listbox", "aria-label": "Exchanges", tabindex: 0 });
    this.detail = h("div", { class: "exchange-detail" });
    this.count = h("span", { class: "exchange-count", "aria-live": "off" });
    this.filters = h("div", { class: "segments", role: "group", "aria-label": "Server" });
    this.pauseButton = h("button", { type: "button", class: "head-button", onclick: () => this.#pause() });
    this.faults = faultPanel();
    this.faultButton = h(
      "button",
      { type: "button", class: "head-button", "aria-pressed": "false", onclick: () => this.#showFaults() },
      icon("alert", 16),
      "Faults",
    );
    const search = h("input", {
      type: "search",
      class: "field inspector-search",
      placeholder: "Search path and bodies",
      "aria-label": "Search the traffic",
      oninput: (event) => {
        this.search = event.target.value.toLowerCase();
        this.#redraw();
      },
    });
    this.node = h(
      "section",
      { class: "inspector", "aria-label": "Inspector", hidden: true },
      h(
        "header",
        { class: "inspector-head" },
        h(
          "button",
          { type: "button", class: "icon-button back", "aria-label": "Back", onclick: () => this.toggle(false) },
          icon("left"),
        ),
        h("h2", {}, "Inspector"),
        this.filters,
        search,
        this.count,
        this.pauseButton,
        h(
          "button",
          {
            type: "button",
            class: "head-button",
            "aria-label": "Clear the list",
            onclick: () => {
              this.exchanges = [];
              this.selected = null;
              this.#redraw();
            },
          },
          icon("trash", 16),
          h("span", {}, "Clear"),
        ),
        this.faultButton,
        h(
          "button",
          {
            type: "button",
            class: "icon-button inspector-close",
            "aria-label": "Close the inspector",
            onclick: () => this.toggle(false),
          },
          icon("close"),
        ),
      ),
      this.faults.node,
      h("div", { class: "inspector-body" }, this.list, this.detail),
    );
    this.draw = onceAFrame(() => this.#redraw());
    this.list.addEventListener(
      "scroll",
      () => {
        this.atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
      },
      { passive: true },
    );
    this.list.addEventListener("keydown", (event) => this.#key(event));
    on("traffic", (exchange) => this.#receive(exchange));
    on("resynced", () => !this.node.hidden && this.#load());
    this.#drawHead();
  }

  async toggle(wanted = this.node.hidden) {
    this.node.hidden = !wanted;
    document.getElementById("app").classList.toggle("inspecting", wanted);
    emit("inspector", wanted);
    if (wanted) {
      await this.#load();
      this.list.focus();
    }
  }

  async #load() {
    try {
      const answer = await api.traffic(this.exchanges.at(-1)?.seq ?? 0);
      for (const exchange of answer.exchanges) this.#keep(exchange);
      this.#redraw();
    } catch (error) {
      toast(error.message, "error");
    }
  }

  #keep(exchange) {
    const last = this.exchanges.at(-1);
    if (last && exchange.seq <= last.seq) return;
    this.exchanges.push(exchange);
    if (this.exchanges.length > KEPT) this.exchanges.splice(0, this.exchanges.length - KEPT);
  }

  #receive(exchange) {
    if (this.paused) return;
    this.#keep(exchange);
    if (!this.node.hidden) this.draw();
  }

  #pause() {
    this.paused = !this.paused;
    this.#drawHead();
    if (!this.paused) this.#load();
  }

  #showFaults() {
    const open = this.faults.toggle();
    this.faultButton.setAttribute("aria-pressed", String(open));
  }

  #drawHead() {
    fill(
      this.filters,
      SERVERS.map(([key, label]) =>
        h(
          "button",
          {
            type: "button",
            class: "segment",
            "aria-pressed": String(this.server === key),
            onclick: () => {
              this.server = key;
              this.#drawHead();
              this.#redraw();
            },
          },
          label,
        ),
      ),
    );
    this.pauseButton.setAttribute("aria-pressed", String(this.paused));
    fill(this.pauseButton, icon(this.paused ? "play" : "pause", 16), h("span", {}, this.paused ? "Resume" : "Pause"));
  }

  #matches() {
    return this.exchanges.filter(
      (one) =>
        (!this.server || one.server.startsWith(this.server)) &&
        (!this.search ||
          `${one.method} ${one.path} ${one.status} ${one.request} ${one.response}`.toLowerCase().includes(this.search)),
    );
  }

  #redraw() {
    if (this.node.hidden) return;
    const found = this.#matches();
    const shown = found.slice(-SHOWN);
    const known = new Map([...this.list.children].map((row) => [row.dataset.seq, row]));
    const rows = shown.map(
      (one) =>
        known.get(String(one.seq)) ??
        exchangeRow(one, { chosen: this.selected === one.seq, choose: () => this.#select(one.seq) }),
    );
    // Rows that stay are left where they are, so that the list neither flickers nor loses its place.
    const kept = new Set(rows);
    for (const row of known.values()) if (!kept.has(row)) row.remove();
    rows.forEach(
      (row, index) =>
        this.list.children[index] !== row && this.list.insertBefore(row, this.list.children[index] ?? null),
    );
    if (!shown.length)
      fill(
        this.list,
        h(
          "p",
          { class: "nothing" },
          this.exchanges.length ? "Nothing fits the filter." : "Nothing has gone over the wire yet.",
        ),
      );
    else this.list.querySelector(".nothing")?.remove();
    this.count.textContent = `${found.length} ${found.length === 1 ? "exchange" : "exchanges"}${this.paused ? ", paused" : ""}`;
    if (this.atEnd) this.list.scrollTop = this.list.scrollHeight;
    if (!this.selected) fill(this.detail, h("p", { class: "nothing" }, "Choose an exchange to read it."));
  }

  #select(seq) {
    this.selected = seq;
    const one = this.exchanges.find((exchange) => exchange.seq === seq);
    for (const row of this.list.querySelectorAll(".exchange")) {
      const chosen = row.dataset.seq === String(seq);
      row.classList.toggle("exchange-on", chosen);
      row.setAttribute("aria-selected", String(chosen));
      if (chosen) row.scrollIntoView({ block: "nearest" });
    }
    if (!one) return;
    fill(
      this.detail,
      h(
        "header",
        { class: "exchange-title" },
        h(
          "button",
          {
            type: "button",
            class: "icon-button detail-back",
            "aria-label": "Back to the list",
            onclick: () => {
              this.node.classList.remove("reading");
              this.list.focus();
            },
          },
          icon("left"),
        ),
        h("p", {}, h("strong", {}, one.method), " ", one.path),
        h("span", { class: `exchange-status ${statusClass(one.status)}` }, one.status ?? ""),
        h("span", { class: "menu-hint" }, [one.server, duration(one.duration_ms), one.at].filter(Boolean).join(" · ")),
      ),
      body("Request", one.request),
      body("Response", one.response),
    );
    this.node.classList.add("reading");
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const rows = [...this.list.querySelectorAll(".exchange")];
    const at = rows.findIndex((row) => row.dataset.seq === String(this.selected));
    const row = rows[at < 0 ? rows.length - 1 : at + step];
    if (row) this.#select(Number(row.dataset.seq));
  }
}
