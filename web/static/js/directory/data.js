// The directory page's data.

import { call } from "../api.js";
import { pageData } from "../dom.js";

/** @import { DirectoryObject } from "../types.d.ts" */
/** @import { Publication, RepRow } from "./listed.js" */

/** @type {Record<string, string>} the word for one object of each kind */
export const KIND_LABELS = { rep: "rep", group: "group", campaign: "campaign", settings: "settings" };

/**
 * @typedef {object} Data what web/pages/directory.py writes into the page
 * @property {string} kind of the objects that the page lists
 * @property {string} section of the address
 * @property {string} id of the open object; empty if none is open
 * @property {boolean} may_write
 * @property {DirectoryObject[]} objects
 * @property {{published?: Record<string, Publication>, reps?: Record<string, RepRow>}} listed what the table of the
 *   section says, by object id; empty while an object is open
 * @property {string[]} twins the objects that are alike, as sentences
 * @property {string[]} states their codes
 * @property {string[]} outcomes of the org's queues
 * @property {Record<string, string>} emails of accounts, by rep id
 * @property {string[]} second_factors the ids of the reps who have a second factor
 */

/** @type {Data} */
export const data = pageData("directory-data");

/** @param {string} kind */
export const objectsOf = (kind) => data.objects.filter((object) => object.kind === kind);

export const openObject = () => data.objects.find((object) => object.kind === data.kind && object.id === data.id);

export const objectPath = () => `/api/v1/directory/${data.kind}/${encodeURIComponent(data.id)}`;

export async function reloadObjects() {
  data.objects = (await call("GET", "/api/v1/directory")).objects;
}
