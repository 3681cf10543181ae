// Sends requests to the API with the session's CSRF token, and throws an Error with the reason of a failure.

import { prove } from "./prove.js";

/** @import { ActionNote, Answer, ProblemBody } from "./types.d.ts" */

export const CSRF_TOKEN = document.querySelector('meta[name="csrf"]')?.getAttribute("content") ?? "";

const READ_ATTEMPTS = 12; // 12 attempts take about 45 seconds

export class Problem extends Error {
  /**
   * @param {number} status of HTTP
   * @param {ProblemBody} body
   */
  constructor(status, body) {
    super(body.detail ?? `The console answered with status ${status}.`);
    this.status = status;
    this.body = body;
  }
}

/**
 * Returns the message of anything that was thrown.
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Sends a request. A GET is retried while the console is unavailable, so that a list recovers without user action.
 * @param {string} path
 * @param {RequestInit} options
 */
export async function fetchWithRetry(path, options) {
  for (let wait = 250, left = READ_ATTEMPTS; ; wait = Math.min(wait * 2, 4000), left -= 1) {
    const mayRepeat = options.method === "GET" && left > 0;
    try {
      const response = await fetch(path, options);
      if (!mayRepeat || response.status !== 503) return response;
    } catch (error) {
      if (!mayRepeat) throw error;
    }
    await pause(wait);
  }
}

/**
 * Calls the API and returns the JSON of the response; null for an empty response.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] is sent as JSON
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 * @throws {Problem} when the API answers with an error; without a session the page goes to the sign-in
 */
export async function call(method, path, body, headers = {}) {
  try {
    return await once(method, path, body, headers);
  } catch (error) {
    const asks = error instanceof Problem && String(error.body.type ?? "").endsWith(":prove-yourself");
    if (!asks || !(await prove(once))) throw error;
    return once(method, path, body, headers);
  }
}

/**
 * Calls the API as `call` does, but never asks for the password.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 */
async function once(method, path, body, headers = {}) {
  /** @type {Record<string, string>} */
  const sent = { accept: "application/json", ...headers };
  if (method !== "GET") sent["x-csrf-token"] = CSRF_TOKEN;
  if (body !== undefined) sent["content-type"] = "application/json";
  const response = await fetchWithRetry(path, {
    method,
    headers: sent,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status === 401) {
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
    throw new Problem(401, { detail: "Sign in first." });
  }
  if (response.status === 204) return null;
  const found = await response.json();
  if (!response.ok) throw new Problem(response.status, found);
  return found;
}

// An action keeps its id until its answer arrives, even if the page is reloaded or the console is unavailable. A retry
// is the same action, so its answer is the same.
//
// It belongs to one person. The next person who signs in in this tab neither sends it nor sees it, nor anything else that
// the tab keeps: the call in progress, the round of calls, the place in a list.
const KEY_PREFIX = "firstclaim-pending";
const OWNER = "firstclaim-person";
/** @param {string} name */
const metaOf = (name) => document.querySelector(`meta[name="${name}"]`)?.getAttribute("content") ?? "";
const person = `${metaOf("org")}/${metaOf("rep")}`;
const isSignedIn = person !== "/";
const isSignedOut = location.pathname === "/signed-out";
const PENDING = `${KEY_PREFIX}/${person}`;
const isNextPerson = isSignedOut || ![null, person].includes(sessionStorage.getItem(OWNER));
for (const name of Object.keys(sessionStorage)) {
  const isOthers = name !== PENDING && (isNextPerson || name.startsWith(KEY_PREFIX));
  if (isOthers && (isSignedIn || isSignedOut)) sessionStorage.removeItem(name);
}
if (isSignedIn) sessionStorage.setItem(OWNER, person);

/**
 * Returns the actions whose answers this browser tab has not seen, by their ids.
 * @returns {Record<string, {path: string, body: any, note: ActionNote}>}
 */
export function pendingActions() {
  return JSON.parse(sessionStorage.getItem(PENDING) ?? "{}");
}

/** @param {ReturnType<typeof pendingActions>} actions */
function keepPending(actions) {
  sessionStorage.setItem(PENDING, JSON.stringify(actions));
}

/** Thrown for an action that was cancelled before it was answered. */
export class Cancelled extends Error {}

/**
 * Sends an action and retries until it is answered.
 * @param {string} path
 * @param {object} body
 * @param {ActionNote} [note] what the page needs to report the answer later
 * @param {string} [key] the id of the action
 * @returns {Promise<Answer>}
 * @throws {Problem} when it was not accepted
 * @throws {Cancelled} when `cancel` was called before it was answered
 */
export async function act(path, body, note = {}, key = crypto.randomUUID()) {
  keepPending({ ...pendingActions(), [key]: { path, body, note } });
  return untilAnswered(key, () => {
    if (pendingActions()[key]?.note.isCancelled) throw new Cancelled();
    return call("POST", path, body, { "idempotency-key": key });
  });
}

/**
 * Cancels an action that has no answer, and retries until that is answered. The action is not sent again.
 * @param {string} path of the action
 * @param {ActionNote} note
 * @param {string} key the id of the action
 * @returns {Promise<Answer>} what became of it: `refused` if it is cancelled, else its answer
 */
export async function cancel(path, note, key) {
  keepPending({ ...pendingActions(), [key]: { path, body: {}, note: { ...note, isCancelled: true } } });
  return untilAnswered(key, () => call("DELETE", `${path}/${key}`));
}

/**
 * @param {string} key
 * @param {() => Promise<Answer>} send
 */
async function untilAnswered(key, send) {
  for (let wait = 250; ; wait = Math.min(wait * 2, 4000)) {
    try {
      const answer = await send();
      forget(key);
      return answer;
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      const mayRepeat = !(error instanceof Problem) || [429, 502, 503].includes(error.status);
      if (!mayRepeat) {
        forget(key);
        throw error;
      }
      await pause(wait);
    }
  }
}

/** @param {string} key */
function forget(key) {
  const actions = pendingActions();
  delete actions[key];
  keepPending(actions);
}
