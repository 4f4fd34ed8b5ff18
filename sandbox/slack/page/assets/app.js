/** Start the page: who acts, what is shown where, and the frame around it. */

import * as api from "./api.js";
import { fill, h, icon, placeOf } from "./dom.js";
import { channelAddress, replace, route } from "./router.js";
import { connect, disconnect, forget } from "./socket.js";
import { emit, on, startSession, store } from "./store.js";
import { forgetSurfaces } from "./surface.js";
import { ago } from "./time.js";
import { ChannelView } from "./views/channel.js";
import { forgetDrafts } from "./views/composer.js";
import { HomeView } from "./views/home.js";
import { Inspector } from "./views/inspector.js";
import { dropModals, startModals } from "./views/modal.js";
import { actAsMenu } from "./views/people.js";
import { openScenarios, startScenarioNotes } from "./views/scenarios.js";
import { sidebar } from "./views/sidebar.js";
import { openSwitcher } from "./views/switcher.js";
import { recall, remember, themeButton } from "./views/theme.js";
import { ThreadView } from "./views/thread.js";
import { toast } from "./views/toast.js";
import { welcome } from "./views/welcome.js";

const PERSON_KEY = "sandbox.person";
const PLACE_KEY = "sandbox.place";
const AGO_SECONDS = 30;
const SWITCHER_KEYS = /Mac|iP(hone|ad)/.test(navigator.platform) ? "⌘ K" : "Ctrl K";

const root = document.getElementById("app");
const parts = {};

/** The channel to start in: where one was last, else the one with incidents. */
function startingPlace() {
  const all = [...store.conversations.values()].filter(
    (one) => !one.is_im && !one.is_archived && one.is_member !== false,
  );
  const last = recall(PLACE_KEY);
  return (all.find((one) => one.id === last) ?? all.find((one) => /incident/.test(one.name ?? "")) ?? all[0])?.id;
}

function showPane(name) {
  root.dataset.pane = name;
}

async function showRoute() {
  const here = route();
  const app = here.app && store.apps.find((one) => one.app_id === here.app);
  if (app) {
    parts.thread.hide();
    fill(parts.main, parts.home.node);
    showPane("main");
    await parts.home.show(app, here.tab === "home" && app.has_home === false ? "messages" : here.tab);
    return;
  }
  const channel = here.channel && store.conversations.has(here.channel) ? here.channel : null;
  if (!channel) {
    parts.thread.hide();
    // A phone starts with the list of channels; a wide window always shows one.
    if (matchMedia("(max-width: 760px)").matches) showPane("list");
    else if (startingPlace()) replace(channelAddress(startingPlace()));
    return;
  }
  remember(PLACE_KEY, channel);
  if (parts.main.firstChild !== parts.channel.node) fill(parts.main, parts.channel.node);
  showPane(here.thread ? "side" : "main");
  if (!here.thread) parts.thread.hide();
  await Promise.all([
    parts.channel.show(channel, here.at),
    here.thread ? parts.thread.show(channel, here.thread) : null,
  ]);
}

function offlineNote() {
  const node = h("div", { class: "offline", role: "status", hidden: true });
  let timer = null;
  on("online", () => {
    clearTimeout(timer);
    if (store.online) node.hidden = true;
    // A reconnect that takes a blink is not worth a line.
    else
      timer = setTimeout(() => {
        node.hidden = false;
        fill(
          node,
          h("span", { class: "spinner spinner-on", "aria-hidden": "true" }),
          "The connection to the sandbox is down. Trying again.",
        );
      }, 900);
  });
  return node;
}

function topBar() {
  const inspect = h(
    "button",
    {
      type: "button",
      class: "bar-button",
      "aria-pressed": "false",
      "aria-label": "Inspector",
      title: "Inspector: the raw traffic",
      onclick: () => parts.inspector.toggle(),
    },
    icon("pulse"),
    h("span", { class: "bar-words" }, "Inspector"),
  );
  on("inspector", (open) => inspect.setAttribute("aria-pressed", String(open)));
  const team = h("span", { class: "team" });
  const draw = () =>
    fill(
      team,
      h("img", { src: "/assets/mark.svg", alt: "", width: 26, height: 26 }),
      h(
        "span",
        { class: "team-words" },
        h("span", { class: "team-name" }, store.team.name ?? "Workspace"),
        h("span", { class: "team-note" }, "Sandbox"),
      ),
    );
  on("session", draw);
  draw();
  return h(
    "header",
    { class: "top-bar" },
    team,
    h(
      "button",
      {
        type: "button",
        class: "search-button",
        onclick: openSwitcher,
        "aria-label": `Go to a channel, a person or an app (${SWITCHER_KEYS})`,
      },
      icon("search", 16),
      h("span", { class: "bar-words" }, "Go to a channel, a person or an app"),
      h("kbd", {}, SWITCHER_KEYS),
    ),
    h(
      "button",
      {
        type: "button",
        class: "bar-button bar-break",
        "aria-haspopup": "dialog",
        onclick: openScenarios,
        "aria-label": "Break something",
      },
      icon("bolt"),
      h("span", { class: "bar-words" }, "Break something"),
    ),
    inspect,
    themeButton(),
    actAsMenu((person) => become(person)),
  );
}

function build() {
  parts.channel = new ChannelView();
  parts.thread = new ThreadView();
  parts.home = new HomeView();
  parts.inspector = new Inspector();
  parts.main = h("main", { class: "main", id: "main" });
  root.className = "app";
  fill(
    root,
    h(
      "a",
      {
        class: "skip",
        href: "#main",
        onclick: (event) => {
          event.preventDefault();
          parts.main.querySelector("textarea, [tabindex]")?.focus();
        },
      },
      "Skip to the messages",
    ),
    topBar(),
    welcome(),
    h("div", { class: "panes" }, sidebar(), parts.main, parts.thread.node),
    parts.inspector.node,
    offlineNote(),
  );
}

async function open(person) {
  let answer;
  try {
    answer = await api.bootstrap(person);
  } catch (error) {
    // A person this browser remembers from another workspace is nobody here.
    if (!person || error.code === "offline") throw error;
    answer = await api.bootstrap(null);
  }
  startSession(answer);
  remember(PERSON_KEY, answer.me);
  return answer;
}

/** Act as somebody else: a fresh session with that person's unread marks, messages and open views. */
async function become(person) {
  if (person === store.me) return;
  disconnect();
  forget();
  dropModals();
  forgetSurfaces();
  forgetDrafts();
  try {
    const answer = await open(person);
    connect();
    await showRoute();
    for (const view of answer.open_views ?? []) emit("view_opened", view);
  } catch (error) {
    toast(error.message, "error");
    connect();
  }
}

function unavailable(error) {
  root.className = "boot";
  fill(
    root,
    h(
      "div",
      { class: "boot-failed", role: "alert" },
      icon("alert", 30),
      h("p", {}, error.message),
      h("button", { type: "button", class: "button button-primary", onclick: () => location.reload() }, "Try again"),
    ),
  );
}

async function main() {
  const place = placeOf(new URL(location.href));
  if (place) history.replaceState(null, "", `/${place}`);
  const answer = await open(recall(PERSON_KEY));
  build();
  startModals();
  startScenarioNotes();
  on("route", () => showRoute().catch((error) => toast(error.message, "error")));
  connect();
  await showRoute();
  for (const view of answer.open_views ?? []) emit("view_opened", view);
  setInterval(() => {
    for (const node of document.querySelectorAll("[data-ago]")) node.textContent = ago(node.dataset.ago);
  }, AGO_SECONDS * 1000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && route().channel) emit("route");
  });
}

main().catch(unavailable);
