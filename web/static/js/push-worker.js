// The service worker of push messages. It shows a request as a notification, and closes it when it is over.

/** @import { PushWorkerScope } from "./types.d.ts" */

const worker = /** @type {PushWorkerScope} */ (/** @type {unknown} */ (self));

/**
 * @typedef {object} Message
 * @property {string} tag names the request
 * @property {boolean} [withdrawn] the request is over
 * @property {string} [title]
 * @property {string} [body]
 * @property {string} [url] of the page that a click opens
 * @property {string} [lead_id]
 * @property {string} [until] from when the request is useless
 */

/**
 * The work on the messages so far. They are worked on one at a time: a browser that is asked for its notifications forgets
 * the one it is about to show, and could not close it when its request is over.
 * @type {Promise<void>}
 */
let received = Promise.resolve();

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("push", (event) => {
  /** @type {Message | null} */
  const message = event.data ? event.data.json() : null;
  if (!message) return;
  received = received.then(() => receive(message));
  event.waitUntil(received);
});

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.url));
});

/**
 * Shows one message, or closes what it withdraws. It never rejects, since the next message waits for it.
 * @param {Message} message
 */
async function receive(message) {
  try {
    await show(message);
  } catch (error) {
    console.error("a notification could not be shown", error);
  }
}

/** @param {Message} message */
async function show(message) {
  const shown = await worker.registration.getNotifications();
  for (const notification of shown) {
    const isOver = Date.parse(notification.data?.until) < Date.now();
    if (isOver || (message.withdrawn && notification.tag === message.tag)) notification.close();
  }
  if (message.withdrawn) return;
  await worker.registration.showNotification(message.title ?? "firstclaim", {
    body: message.body,
    tag: message.tag,
    data: { url: message.url, lead_id: message.lead_id, until: message.until },
  });
}

/**
 * Opens a page of the console: in the window that shows it already, or in a new one.
 * @param {string} url
 */
async function open(url) {
  const target = new URL(url, worker.location.origin);
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((client) => new URL(client.url).pathname === target.pathname);
  if (there) await there.focus();
  else if (target.origin === worker.location.origin) await worker.clients.openWindow(target.href);
}
