/** "Break something": every scenario the sandbox can play, by family. */

import * as api from "../api.js";
import { h, icon } from "../dom.js";
import { channelAddress, go } from "../router.js";
import { emit, on, store } from "../store.js";
import { openDialog } from "./dialog.js";
import { toast } from "./toast.js";

const FAMILIES = {
  kubernetes: "Kubernetes",
  database: "Database",
  server: "Servers",
  security: "Security",
  network: "Network",
  storm: "Storm",
};
const ICONS = {
  kubernetes: "app",
  database: "list",
  server: "pulse",
  security: "lock",
  network: "swap",
  storm: "bolt",
};
const WAIT_SECONDS = 30;

const familyName = (family) => FAMILIES[family] ?? family.replace(/^\w/, (letter) => letter.toUpperCase());

/** The channel an incident appears in when the answer does not say: the one named for it. */
function incidentChannel() {
  const all = [...store.conversations.values()].filter((one) => !one.is_im);
  return (
    all.find((one) => /incident/.test(one.name ?? "")) ??
    all.find((one) => /alert|on-?call/.test(one.name ?? "")) ??
    all[0]
  )?.id;
}

/** Follow the first message an app posts into a channel, for a little while. */
function follow(channel) {
  if (channel) go(channelAddress(channel));
  const off = on("shown", (event) => {
    if (!event.message.bot_id || event.message.thread_ts) return;
    stop();
    if (event.channel !== channel) go(channelAddress(event.channel));
  });
  const timer = setTimeout(() => stop(), WAIT_SECONDS * 1000);
  const stop = () => {
    clearTimeout(timer);
    off();
  };
}

async function start(scenario, dialog, row) {
  row.setAttribute("aria-busy", "true");
  try {
    const answer = await api.startScenario(scenario.name);
    dialog.close();
    toast(`${answer.title ?? scenario.title}: it is breaking now. Watch the channel.`, "info");
    follow(answer.channel ?? scenario.channel ?? incidentChannel());
    emit("scenario_started", scenario);
  } catch (error) {
    toast(error.message, "error");
  } finally {
    row.removeAttribute("aria-busy");
  }
}

/** Open the menu of scenarios. */
export function openScenarios() {
  const dialog = openDialog({ title: "Break something", className: "dialog-scenarios" });
  const families = [...new Set(store.scenarios.map((one) => one.family))];
  if (!families.length) dialog.body.append(h("p", { class: "nothing" }, "No scenario is set up in this workspace."));
  else
    dialog.body.append(
      h(
        "p",
        { class: "dialog-lead" },
        "Each one makes something go wrong in the sandbox for real: an alert fires, and the on-call bot looks into it.",
      ),
    );
  for (const family of families) {
    dialog.body.append(
      h(
        "section",
        { class: "scenario-family" },
        h("h3", {}, icon(ICONS[family] ?? "alert", 16), familyName(family)),
        h(
          "div",
          { class: "scenario-list" },
          store.scenarios
            .filter((one) => one.family === family)
            .map((scenario) => {
              const row = h(
                "button",
                { type: "button", class: "scenario", dataset: { scenario: scenario.name } },
                h("span", { class: "scenario-title" }, scenario.title),
                h("span", { class: "scenario-note" }, scenario.description),
                h("span", { class: "spinner", "aria-hidden": "true" }),
              );
              row.addEventListener("click", () => start(scenario, dialog, row));
              return row;
            }),
        ),
      ),
    );
  }
  dialog.body.querySelector(".scenario")?.focus();
}

/** Say what a running scenario has to say. */
export function startScenarioNotes() {
  on("scenario", (event) => {
    if (event.state === "note" && event.text) toast(event.text, "info");
    if (event.state === "done" && event.text) toast(event.text, "success");
  });
}
