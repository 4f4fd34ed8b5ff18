/** Tables: the plain `table` block, and `data_table` with pages, sorting and a filter. */

import { fill, h, icon, uniqueId } from "../dom.js";
import { withEmoji } from "../emoji.js";
import { textOf } from "../mrkdwn.js";
import { button } from "./button.js";
import { richText } from "./rich_text.js";

function cellContent(cell, block, surface) {
  if (cell === null || cell === undefined) return [];
  if (typeof cell !== "object") return [String(cell)];
  if (cell.type === "rich_text") return [richText(cell)];
  if (cell.type === "raw_number") return [cell.text ?? new Intl.NumberFormat().format(cell.value ?? cell.number)];
  if (cell.type === "action" && cell.element) return [button(cell.element, block.block_id, surface)];
  return withEmoji(String(cell.text ?? cell.value ?? ""));
}

/** What a cell is sorted and searched by. */
function sortKey(cell) {
  if (cell === null || cell === undefined || typeof cell !== "object") return cell ?? "";
  if (cell.type === "raw_number") return Number(cell.value ?? cell.number ?? cell.text);
  if (cell.type === "rich_text") return richText(cell).textContent;
  return textOf(cell.element?.text) || String(cell.text ?? "");
}

const isNumber = (cell) => cell?.type === "raw_number" || typeof cell === "number";

function columnClass(settings, column, cell) {
  const one = settings?.[column];
  const align = one?.align ?? (isNumber(cell) ? "right" : null);
  return (
    [align && align !== "left" ? `align-${align}` : "", one?.is_wrapped === false ? "no-wrap" : ""].join(" ").trim() ||
    null
  );
}

/** @returns {HTMLElement} */
export function table(block, surface) {
  const [head, ...rows] = block.rows ?? [];
  const cells = (row, tag) =>
    row.map((cell, column) =>
      h(
        tag,
        { class: columnClass(block.column_settings, column, cell), scope: tag === "th" ? "col" : null },
        cellContent(cell, block, surface),
      ),
    );
  return h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "Table" },
    h(
      "table",
      { class: "data-grid" },
      head && h("thead", {}, h("tr", {}, cells(head, "th"))),
      h(
        "tbody",
        {},
        rows.map((row) => h("tr", {}, cells(row, "td"))),
      ),
    ),
  );
}

function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one).localeCompare(String(other), undefined, { numeric: true });
}

/** @returns {HTMLElement} */
export function dataTable(block, surface) {
  const [head = [], ...rows] = block.rows ?? [];
  const size = Math.min(100, Math.max(1, block.page_size ?? 5));
  const headerColumn = block.row_header_column_index ?? 0;
  const state = { page: 0, sort: null, down: false, filter: "" };
  const id = uniqueId("table");
  const body = h("tbody");
  const pager = h("div", { class: "pager", role: "group", "aria-label": "Pages" });
  const heads = head.map((cell, column) => {
    const node = h(
      "button",
      { type: "button", class: "sort-button" },
      cellContent(cell, block, surface),
      icon("sort", 14),
    );
    node.addEventListener("click", () => {
      if (state.sort === column) state.down = !state.down;
      else Object.assign(state, { sort: column, down: false });
      draw();
    });
    return h("th", { scope: "col", class: columnClass(null, column, rows[0]?.[column]) }, node);
  });
  const draw = () => {
    const wanted = state.filter.toLowerCase();
    const kept = rows.filter(
      (row) => !wanted || row.some((cell) => String(sortKey(cell)).toLowerCase().includes(wanted)),
    );
    if (state.sort !== null)
      kept.sort((one, other) => compare(sortKey(one[state.sort]), sortKey(other[state.sort])) * (state.down ? -1 : 1));
    const pages = Math.max(1, Math.ceil(kept.length / size));
    state.page = Math.min(state.page, pages - 1);
    heads.forEach((node, column) =>
      node.setAttribute("aria-sort", state.sort === column ? (state.down ? "descending" : "ascending") : "none"),
    );
    fill(
      body,
      kept.slice(state.page * size, (state.page + 1) * size).map((row) =>
        h(
          "tr",
          {},
          row.map((cell, column) =>
            h(
              column === headerColumn ? "th" : "td",
              { scope: column === headerColumn ? "row" : null, class: columnClass(null, column, cell) },
              cellContent(cell, block, surface),
            ),
          ),
        ),
      ),
    );
    const step = (label, name, delta, off) =>
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": label,
          disabled: off,
          onclick: () => {
            state.page += delta;
            draw();
          },
        },
        icon(name, 16),
      );
    fill(
      pager,
      pages > 1 && [
        step("Page before", "left", -1, state.page === 0),
        h("span", {}, `${state.page + 1} of ${pages}`),
        step("Page after", "right", 1, state.page === pages - 1),
      ],
      h("span", { class: "pager-count" }, `${kept.length} ${kept.length === 1 ? "row" : "rows"}`),
    );
  };
  const filter =
    rows.length > size &&
    h("input", {
      type: "search",
      class: "field table-filter",
      placeholder: "Filter rows",
      "aria-label": `Filter: ${block.caption ?? "table"}`,
      oninput: (event) => {
        Object.assign(state, { filter: event.target.value, page: 0 });
        draw();
      },
    });
  draw();
  return h(
    "div",
    { class: "data-table" },
    h("div", { class: "table-top" }, h("p", { class: "table-caption", id }, block.caption), filter),
    h(
      "div",
      { class: "table-scroll", tabindex: 0, role: "region", "aria-labelledby": id },
      h("table", { class: "data-grid", "aria-labelledby": id }, h("thead", {}, h("tr", {}, heads)), body),
    ),
    pager,
  );
}
