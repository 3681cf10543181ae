// One action on many leads: how far it is, and of every lead with which it did not work, why.

import { Problem } from "./api.js";

const dialog = document.getElementById("many");
const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";
const find = (selector) => dialog.querySelector(selector);

// Ask, and hand each line that is told to `told`; return the last one.
export async function ask(body, key, told = () => {}, signal = undefined) {
  const headers = { "content-type": "application/json", "x-csrf-token": csrf, "idempotency-key": key };
  const answer = await fetch("/api/v1/leads/actions", { method: "POST", headers, body: JSON.stringify(body), signal });
  if (!answer.ok) throw new Problem(answer.status, await answer.json());
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let last = null;
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop();
    for (const line of lines) told((last = JSON.parse(line)));
    if (done) break;
  }
  if (!last?.finished) throw new Error("The connection was lost; what was answered counts. Try again to do the rest.");
  return last;
}

// Do it with the progress shown; return what became of it, or null where it was stopped. `did`: "assigned", "ignored" …
export async function run(title, did, body, names = new Map()) {
  const key = crypto.randomUUID();
  find("[data-title]").textContent = title;
  find("[data-others]").replaceChildren();
  const [stop, again, close] = ["[data-stop]", "[data-again]", "[data-close]"].map(find);
  dialog.showModal();
  stop.focus();
  for (;;) {
    const stopping = new AbortController();
    stop.hidden = false;
    again.hidden = close.hidden = true;
    find("[data-told]").textContent = "Asking …";
    find("progress").removeAttribute("value");
    stop.onclick = () => stopping.abort();
    dialog.oncancel = (event) => event.preventDefault();
    let last = null;
    try {
      last = await ask(body, key, (line) => progress(line, did), stopping.signal);
    } catch (error) {
      find("[data-told]").textContent = stopping.signal.aborted ? "Stopped. What was answered counts." : error.message;
    }
    dialog.oncancel = null;
    stop.hidden = true;
    close.hidden = false;
    again.hidden = last !== null;
    if (last) tell(last, did, names);
    close.focus();
    const next = await new Promise((resolve) => {
      again.onclick = () => resolve("again");
      close.onclick = () => resolve("close");
      dialog.onclose = () => resolve("close");
    });
    if (next === "again") continue;
    dialog.onclose = null;
    if (dialog.open) dialog.close();
    return last;
  }
}

function progress(line, did) {
  const bar = find("progress");
  bar.max = Math.max(line.of, 1);
  bar.value = line.answered ?? 0;
  find("[data-told]").textContent = `${summary(line, did)} of ${line.of.toLocaleString()}`;
}

export function summary(line, did) {
  const parts = [`${line.done.toLocaleString()} ${did}`];
  if (line.lost) parts.push(`${line.lost.toLocaleString()} belong to somebody already`);
  if (line.refused) parts.push(`${line.refused.toLocaleString()} refused`);
  if (line.unanswered) parts.push(`${line.unanswered.toLocaleString()} without an answer yet`);
  return parts.join(", ");
}

function tell(line, did, names) {
  find("progress").value = line.of;
  find("[data-told]").textContent = `${summary(line, did)}.`;
  find("[data-others]").replaceChildren(
    ...line.others.map((one) => {
      const item = document.createElement("li");
      const why = one.result === "lost" ? `${one.owner_name ?? one.owner} has it` : (one.why ?? one.reason ?? "no answer came; it may be done yet");
      item.textContent = `${names.get(one.lead_id) ?? one.lead_id}: ${why}`;
      return item;
    }),
  );
}
