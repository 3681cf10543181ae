// The page on which a person chooses how to be told of news, and turns push messages of this browser on.

import { call, messageOf } from "./api.js";
import { week } from "./directory/week.js";
import { element, elements, pageData } from "./dom.js";
import { pushState, turnPushOff, turnPushOn } from "./push.js";
import { say } from "./say.js";

/** @import { PushState } from "./push.js" */

/** @type {Record<PushState, string>} */
const TEXTS = {
  unsupported: "This browser cannot receive push messages.",
  "not set up": "Push messages are not set up here. An operator can do it.",
  blocked: "This browser blocks notifications of this page. Allow them in the browser's settings for this page.",
  on: "On: this browser shows your news, also while no page of the console is open.",
  off: "Off: this browser shows news only in an open page.",
};
const on = element("[data-push-on]", document, "button");
const off = element("[data-push-off]", document, "button");

/** @param {PushState} state */
function showPush(state) {
  element("[data-push-state]").textContent = TEXTS[state];
  on.hidden = state !== "off";
  off.hidden = state !== "on";
}

/** @param {() => Promise<PushState>} change */
async function changePush(change) {
  on.disabled = off.disabled = true;
  try {
    showPush(await change());
  } catch (error) {
    element("[data-push-state]").textContent = `It was not changed: ${messageOf(error)}`;
  } finally {
    on.disabled = off.disabled = false;
  }
}

on.addEventListener("click", () => changePush(turnPushOn));
off.addEventListener("click", () =>
  changePush(async () => {
    await turnPushOff();
    return "off";
  }),
);

const form = document.querySelector("[data-notify]");
if (form instanceof HTMLFormElement) setUp(form);

/** @param {HTMLFormElement} form */
function setUp(form) {
  const published = pageData("notify-data");
  const quiet = week("quiet_times", "Quiet times", published.quiet_times?.length ? published.quiet_times : undefined, {
    hint: "Nothing comes in these hours. What is still useful afterwards comes then.",
    none: "No quiet times",
    some: "In these hours",
    empty: "No hours are set: there are no quiet times.",
  });
  element("[data-quiet]", form).append(quiet.node);
  const problem = element("[data-problem]", form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    /** @type {Record<string, unknown>} */
    const chosen = { digests: published.digests ?? null, quiet_times: quiet.read() ?? [] };
    for (const row of elements("[data-news]", form, "tr")) {
      const boxes = elements("input", row, "input");
      const wanted = boxes.filter((box) => box.checked).map((box) => box.value);
      // All ways is the default. It also includes a way that is added later.
      chosen[row.dataset.news ?? ""] = wanted.length === boxes.length ? null : wanted;
    }
    try {
      await call("PUT", "/api/v1/me/notify", chosen);
      say("Saved. It holds for what comes from now on.");
    } catch (error) {
      problem.textContent = messageOf(error);
      problem.hidden = false;
      problem.focus();
    }
  });
}

pushState()
  .then(showPush)
  .catch((error) => {
    element("[data-push-state]").textContent = messageOf(error);
  })
  .finally(() => {
    document.documentElement.dataset.ready = "yes";
  });
