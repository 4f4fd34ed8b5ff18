/** "Act as": who one is in this workspace, and what that person may do. */

import { h, icon, fill } from "../dom.js";
import { myself, nameOf, on, store } from "../store.js";
import { avatar } from "./avatar.js";
import { openMenu } from "./popup.js";

const first = (person) => nameOf(person.id).split(" ")[0];

/** One line about a person's part and rights. */
function rights(person) {
  return person.can_approve ? "May approve and reject actions" : "May read and ask, may not approve actions";
}

/** @param {(person: string) => void} choose */
export function actAsMenu(choose) {
  const button = h("button", { type: "button", class: "act-as", "aria-haspopup": "menu", "aria-expanded": "false" });
  button.addEventListener("click", () =>
    openMenu(
      button,
      [
        { heading: true, label: "Act as" },
        ...store.people.map((person) => ({
          label: `${nameOf(person.id)}${person.id === store.me ? " (you)" : ""}`,
          hint: h(
            "span",
            {},
            person.title ?? "",
            h(
              "span",
              { class: person.can_approve ? "rights rights-yes" : "rights rights-no" },
              icon(person.can_approve ? "check" : "lock", 13),
              rights(person),
            ),
          ),
          icon: avatar({ user: person.id }, 36),
          checked: person.id === store.me,
          run: () => choose(person.id),
        })),
      ],
      { align: "end", label: "Act as", className: "popup-people" },
    ),
  );
  const draw = () => {
    const me = myself();
    if (!me) return;
    button.setAttribute("aria-label", `Acting as ${nameOf(me.id)}. Change`);
    button.title = rights(me);
    fill(
      button,
      avatar({ user: me.id }, 24),
      h(
        "span",
        { class: "act-as-words" },
        h("span", { class: "act-as-label" }, "Acting as"),
        h("span", { class: "act-as-name" }, first(me)),
      ),
      icon("down", 14),
    );
  };
  on("session", draw);
  draw();
  return button;
}
