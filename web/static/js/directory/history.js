// Who published an object of the directory, and when, from the audit. For admins, who may read the audit.

import { call, messageOf } from "../api.js";
import { element } from "../dom.js";
import { dateAndTime } from "../format.js";
import { say } from "../say.js";
import { data } from "./data.js";
import { make } from "./fields.js";

const MAX_ENTRIES = 50;

/** @typedef {{at: string, text: string, difference: {path: string}[]}} Entry of the audit */

/** Makes the button show the open object's history. */
export function setUpHistory() {
  const open = document.querySelector("[data-history]");
  if (!(open instanceof HTMLElement)) return;
  const dialog = element("#object-history", document, "dialog");
  const list = element("[data-entries]", dialog);
  element("[data-history-close]", dialog).addEventListener("click", () => dialog.close());
  open.addEventListener("click", async () => {
    try {
      const query = new URLSearchParams({ object: `${data.kind}/${data.id}`, limit: String(MAX_ENTRIES) });
      /** @type {{entries: Entry[]}} */
      const { entries } = await call("GET", `/api/v1/audit?${query}`);
      list.replaceChildren(
        ...entries.map(({ at, text }) =>
          make("li", {}, make("time", { dateTime: at, textContent: dateAndTime(at) }), ` ${text}`),
        ),
      );
      if (!entries.length) list.append(make("li", { textContent: "Nobody has changed it in the console yet." }));
      dialog.showModal();
    } catch (error) {
      say(messageOf(error));
    }
  });
}
