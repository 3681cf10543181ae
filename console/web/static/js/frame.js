// What every page has: signing out, and the session's token in what htmx sends.

import { call } from "./api.js";

document.querySelector("[data-sign-out]")?.addEventListener("click", async () => {
  await call("DELETE", "/api/v1/session");
  location.assign("/signed-out");
});

document.addEventListener("htmx:config:request", (event) => {
  const csrf = document.querySelector('meta[name="csrf"]')?.content;
  if (csrf) event.detail.ctx.request.headers["x-csrf-token"] = csrf;
});
