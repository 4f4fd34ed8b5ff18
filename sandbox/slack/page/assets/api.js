/** The page's half of docs/sandbox-client-api.md: one function a request, and one error for every refusal. */

/** A request the server refused or that never reached it. `message` is a sentence for a person. */
export class RequestFailed extends Error {
  constructor(code, message, status = 0) {
    super(message);
    this.name = "RequestFailed";
    this.code = code;
    this.status = status;
  }
}

let acting = null;

/** Say whose clicks the next requests are. */
export function actAs(person) {
  acting = person;
}

async function exchange(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new RequestFailed("offline", "The sandbox does not answer. Is it still running?");
  }
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    // A body that is no JSON is judged by its status below.
  }
  if (!response.ok || answer?.ok === false) {
    const message = answer?.message ?? answer?.error ?? `The sandbox answered ${response.status}.`;
    throw new RequestFailed(answer?.error ?? `http_${response.status}`, message, response.status);
  }
  if (answer === null)
    throw new RequestFailed("not_json", "The sandbox sent an answer this page cannot read.", response.status);
  return answer;
}

function get(path, query = {}) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries({ as: acting, ...query })) {
    if (value !== null && value !== undefined && value !== "") params.set(name, value);
  }
  return exchange(`${path}?${params}`, {});
}

function post(path, body = {}) {
  return exchange(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ as: acting, ...body }),
  });
}

export const bootstrap = (as) => get("/client/bootstrap", as ? { as } : {});
export const history = (channel, before, limit = 50) => get("/client/history", { channel, before, limit });
export const replies = (channel, ts) => get("/client/replies", { channel, ts });
export const send = (channel, text, threadTs) =>
  post("/client/send", threadTs ? { channel, text, thread_ts: threadTs } : { channel, text });
export const openDirect = (user) => post("/client/open_dm", { user });
export const join = (channel) => post("/client/join", { channel });
export const mark = (channel, ts) => post("/client/mark", { channel, ts });
export const act = (container, blockId, action, state) =>
  post("/client/action", { container, block_id: blockId, action, state });
export const submitView = (viewId, state) => post("/client/view_submit", { view_id: viewId, state });
export const closeView = (viewId, clear = false) => post("/client/view_close", { view_id: viewId, clear });
export const home = (appId) => post("/client/home", { app_id: appId });
export const shortcut = (callbackId, channel, ts) => post("/client/shortcut", { callback_id: callbackId, channel, ts });
export const react = (channel, ts, name, remove = false) => post("/client/react", { channel, ts, name, remove });
export const startScenario = (name) => post(`/client/scenarios/${encodeURIComponent(name)}`);
export const traffic = (after, server) => get("/client/traffic", { after, server });
export const faults = () => get("/client/faults");
export const setFaults = (rules) => post("/client/faults", rules);
export const options = (container, blockId, actionId, value) =>
  post("/client/options", { container, block_id: blockId, action_id: actionId, value });

/** The address of the live connection for the person who acts. */
export const socketAddress = () =>
  `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/client/ws?as=${encodeURIComponent(acting ?? "")}`;
