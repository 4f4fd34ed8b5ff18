/** Times the way people read them. Slack's `ts` is seconds since 1970 with six decimals, as a string. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });
const DAY_OF_YEAR = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "long", day: "numeric" });

/** @param {string} ts @returns {Date} */
export const dateOf = (ts) => new Date(Number.parseFloat(ts) * 1000);
export const clock = (ts) => CLOCK.format(dateOf(ts));
export const exact = (ts) => EXACT.format(dateOf(ts));

/** Seconds since 1970 as a `ts`, for messages that wait for the server's own. */
export const nowTs = () => (Date.now() / 1000).toFixed(6);

/** The number of the local calendar day, for dividers. */
export function dayOf(ts) {
  const date = dateOf(ts);
  return date.getFullYear() * 10_000 + (date.getMonth() + 1) * 100 + date.getDate();
}

/** "Today", "Yesterday", a weekday, or a date with its year. */
export function dayName(ts) {
  const date = dateOf(ts);
  const midnight = (one) => new Date(one.getFullYear(), one.getMonth(), one.getDate()).getTime();
  const days = Math.round((midnight(new Date()) - midnight(date)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return date.getFullYear() === new Date().getFullYear() ? DAY.format(date) : DAY_OF_YEAR.format(date);
}

/** "just now", "4 min ago", "3 h ago", then a date. */
export function ago(ts) {
  const seconds = Date.now() / 1000 - Number.parseFloat(ts);
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  return dayName(ts);
}

const pad = (number) => String(number).padStart(2, "0");

/** Slack's date tokens: `{date_num}`, `{date}`, `{date_short_pretty}`, `{time}`, `{ago}` and friends. */
export function formatTokens(format, seconds) {
  const date = new Date(seconds * 1000);
  const ts = String(seconds);
  const shown = (options) => new Intl.DateTimeFormat(undefined, options).format(date);
  const long = { year: "numeric", month: "long", day: "numeric" };
  const short = { year: "numeric", month: "short", day: "numeric" };
  const near = (pretty, options) =>
    ["Today", "Yesterday"].includes(dayName(ts)) && pretty ? dayName(ts) : shown(options);
  const tokens = {
    date_num: () => `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`,
    date_slash: () => `${pad(date.getMonth() + 1)}/${pad(date.getDate())}/${date.getFullYear()}`,
    date: () => shown(long),
    date_pretty: () => near(true, long),
    date_short: () => shown(short),
    date_short_pretty: () => near(true, short),
    date_long: () => shown({ ...long, weekday: "long" }),
    date_long_pretty: () => near(true, { ...long, weekday: "long" }),
    day_divider_pretty: () => dayName(ts),
    time: () => CLOCK.format(date),
    time_secs: () => shown({ hour: "numeric", minute: "2-digit", second: "2-digit" }),
    ago: () => ago(ts),
  };
  return format.replace(/\{(\w+)\}/g, (whole, name) => tokens[name]?.() ?? whole);
}
