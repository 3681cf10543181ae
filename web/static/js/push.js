// Push messages in this browser: turned on and off by the person, and closed when their lead is taken.
//
// The browser asks for the permission only when the person presses "Turn on". A browser that is on tells the console its
// address once per session, because the courier forgets addresses that its push service does not know any more.

import { call } from "./api.js";

const WORKER = "/static/js/push-worker.js";
const metaOf = (/** @type {string} */ name) => document.querySelector(`meta[name="${name}"]`)?.getAttribute("content");
const PERSON = `${metaOf("org") ?? ""}/${metaOf("rep") ?? ""}`;
const WANTED = `firstclaim-push/${PERSON}`; // "on" or "off": what this person chose in this browser
const BROWSER = "firstclaim-push-browser"; // the browser's id at the console
const TOLD = `firstclaim-push-told/${PERSON}`;

/** @typedef {"unsupported" | "not set up" | "blocked" | "on" | "off"} PushState */

/** Returns whether this browser can receive push messages. */
function isSupported() {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/** @returns {Promise<PushState>} */
export async function pushState() {
  if (!isSupported()) return "unsupported";
  if (!(await publicKey())) return "not set up";
  if (Notification.permission === "denied") return "blocked";
  return isOn() ? "on" : "off";
}

/** Returns whether this person was asked before in this browser. */
export function wasAsked() {
  return localStorage.getItem(WANTED) !== null;
}

/** Remembers that this person does not want push messages in this browser. */
export function declinePush() {
  localStorage.setItem(WANTED, "off");
}

function isOn() {
  return localStorage.getItem(WANTED) === "on" && Notification.permission === "granted";
}

/** @returns {Promise<string | null>} */
async function publicKey() {
  return (await call("GET", "/api/v1/me/push")).public_key;
}

/**
 * Asks for the permission and turns this browser on. Call it from a click.
 * @returns {Promise<PushState>}
 */
export async function turnPushOn() {
  if ((await Notification.requestPermission()) !== "granted") return pushState();
  await subscribe();
  localStorage.setItem(WANTED, "on");
  return "on";
}

async function subscribe() {
  const key = await publicKey();
  if (!key) return;
  await navigator.serviceWorker.register(WORKER);
  const registration = await registered();
  const options = { userVisibleOnly: true, applicationServerKey: key };
  const found = await registration.pushManager.subscribe(options);
  const { endpoint, keys } = found.toJSON();
  const made = await call("PUT", "/api/v1/me/push/browser", { endpoint, keys });
  localStorage.setItem(BROWSER, made.subscription_id);
  sessionStorage.setItem(TOLD, "yes");
}

/**
 * Returns the registration once its worker is active.
 * @returns {Promise<ServiceWorkerRegistration>}
 */
async function registered() {
  const found = await navigator.serviceWorker.getRegistration(WORKER);
  if (!found) throw new Error("The service worker is not registered.");
  const waiting = found.installing ?? found.waiting;
  if (found.active || !waiting) return found;
  await new Promise((resolve) => {
    waiting.addEventListener("statechange", () => waiting.state === "activated" && resolve(null));
  });
  return found;
}

/** Turns this browser off for whoever is signed in. */
export async function turnPushOff() {
  declinePush();
  await endPush();
}

/** Ends the messages to this browser, as at sign-out. The person's choice stays. */
export async function endPush() {
  const id = localStorage.getItem(BROWSER);
  if (!id || !isSupported()) return;
  localStorage.removeItem(BROWSER);
  sessionStorage.removeItem(TOLD);
  await call("DELETE", `/api/v1/me/push/browser/${id}`);
  const registration = await navigator.serviceWorker.getRegistration(WORKER);
  const found = await registration?.pushManager.getSubscription();
  await found?.unsubscribe();
}

/** Tells the console once per session that this browser is still there, and whose it is. */
export async function renewPush() {
  if (isSupported() && isOn() && !sessionStorage.getItem(TOLD)) await subscribe();
}

/**
 * Closes this browser's notifications of a lead.
 * @param {string} lead
 */
export async function closeNotifications(lead) {
  if (!isSupported() || !localStorage.getItem(BROWSER)) return;
  const registration = await navigator.serviceWorker.getRegistration(WORKER);
  for (const notification of (await registration?.getNotifications()) ?? []) {
    if (notification.data?.lead_id === lead) notification.close();
  }
}
