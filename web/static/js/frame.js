// What every page has: offers, signing out, the way to the search, and the session's token in what htmx sends.

import { call } from "./api.js";
import { Live } from "./live.js";
import { offers } from "./offers.js";
import { prove } from "./prove.js";
import { sound } from "./sound.js";

document.querySelector("[data-sign-out]")?.addEventListener("click", async () => {
  await call("DELETE", "/api/v1/session");
  location.assign("/signed-out");
});

// What is downloaded by a link asks for the password first, where it must.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-proved]");
  if (!link) return;
  event.preventDefault();
  if (await prove(call)) location.assign(link.href);
});

document.addEventListener("htmx:config:request", (event) => {
  const csrf = document.querySelector('meta[name="csrf"]')?.content;
  if (csrf) event.detail.ctx.request.headers["x-csrf-token"] = csrf;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  const search = document.querySelector('main input[type="search"]');
  if (!search) return;
  event.preventDefault();
  search.focus();
});

if (document.querySelector('meta[name="rep"]')) {
  sound.bind(document.querySelector("[data-sound]"));
  offers.start();
  // A page that listens to nothing else listens to offers.
  document.addEventListener("DOMContentLoaded", () => Live.started || new Live({ queue: "mine" }).start());
}
