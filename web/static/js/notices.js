// Tells a person at every page what happened to the own account, until the person has read it.

import { call } from "./api.js";
import { whenFree } from "./when-free.js";

/** @import { Notice } from "./types.d.ts" */

/** Shows the unread notices below the navigation. */
export async function showNotices() {
  const container = document.querySelector("#notices");
  if (!(container instanceof HTMLElement)) return;
  /** @type {Notice[]} */
  const found = await call("GET", "/api/v1/me/notices");
  if (!found.length) return;
  const list = document.createElement("ul");
  for (const notice of found) {
    const at = new Date(notice.at).toLocaleString();
    const from = notice.from_host ? `, from ${notice.from_host}` : "";
    list.append(Object.assign(document.createElement("li"), { textContent: `${at}${from}: ${notice.text}` }));
  }
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "I have read this";
  button.addEventListener("click", async () => {
    await call("PUT", "/api/v1/me/notices", { until: found[0]?.at });
    container.hidden = true;
  });
  const title = Object.assign(document.createElement("h2"), { textContent: "About your account" });
  container.replaceChildren(title, list, button);
  whenFree("notices", () => {
    container.hidden = false;
  });
}
