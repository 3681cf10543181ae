// The link from the lead page back to the list that the person came from.

/**
 * Lets a person who came from another list than a queue return to it with its filters.
 * @param {HTMLAnchorElement} back
 */
export function nameBackLink(back) {
  const from = document.referrer ? new URL(document.referrer) : null;
  if (from?.origin !== location.origin || from.pathname.startsWith("/queues")) return;
  const link = document.querySelector(`header.top nav a[href="${CSS.escape(from.pathname)}"]`);
  const list = from.pathname.startsWith("/views/") ? "your view" : link?.firstChild?.textContent; // without the badge
  if (list) Object.assign(back, { href: from.href, textContent: `Back to ${list}` });
}
