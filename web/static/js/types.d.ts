// The parts of the API's responses that the pages use. web/api/ and web/schemas.py define them.

/** One column of a list or one field of a rule. */
export interface Column {
  name: string;
  label: string;
  type: string;
  unit?: string | null;
}

/** One lead in a list of the board. `rank`: its position in the whole list, from 0. */
export interface BoardRow {
  lead_id: string;
  rank: number;
  version: number;
  columns: Record<string, any>;
  may_claim?: boolean | null;
  why_not?: string | null;
}

/** The time of day where a lead is, and until or from when it may be called (web/services/call_times.py). */
export interface CallTime {
  time_zone: string | null;
  may_call: boolean;
  reason?: string | null;
  why?: string | null;
  until?: string | null;
  call_from?: string | null;
  window_seconds?: number | null;
}

/** What is said of an offer besides the lead's facts (web/services/offer_words.py). */
export interface OfferWords {
  campaign: string | null;
  reason: string;
}

/** A part of a list of the board. `as_of`: the newest entry of the feed that it contains. */
export interface BoardPage {
  size: number;
  as_of: string;
  rows: BoardRow[];
  call_times?: Record<string, CallTime> | null;
}

/** One change of a list. `was`: the rank before, `rank`: the rank after; `rebuilt` asks for the list again. */
export interface ListChange {
  change: "entered" | "left" | "moved" | "rebuilt";
  queue_id: string;
  lead_id: string;
  rank: number;
  was: number;
  size?: number | null;
  version: number;
  columns: Record<string, any>;
  /** Whether the person may claim or open it, if the person's licences matter. */
  may_claim?: boolean | null;
  why_not?: string | null;
}

/** One lead in a list of the database. */
export interface LeadRow extends Record<string, any> {
  lead_id: string;
}

/** One page of a list of the database. `names`: for a column, the names of its values. */
export interface LeadPage {
  rows: LeadRow[];
  total: number;
  next: string | null;
  previous: string | null;
  names: Record<string, Record<string, string>>;
  ignored?: number;
  call_times?: Record<string, CallTime>;
}

/** The engine's answer to an action (S4). */
export interface Answer {
  result: "won" | "lost" | "done" | "refused";
  lead_id: string;
  version: number;
  reason?: string | null;
  why?: string | null;
  words?: string | null;
  /** `words` of a refusal without what a manager may do about it. */
  problem?: string | null;
  /** The field with which this person may do it all the same, with a reason (M6). */
  override?: "override_licence" | "override_cap" | null;
  /** The promised time is in quiet hours: from then on the lead may be called. */
  call_from?: string | null;
  owner?: string | null;
  owner_name?: string | null;
}

/** One problem of a request. */
export interface FieldError {
  path: string;
  reason: string;
}

/** A lead that the erasure of a person would erase. */
export interface ErasableLead {
  lead_id: string;
  name: string;
  phase: string;
  owner: string | null;
  arrived_at: string | null;
}

/** The body of an error response (RFC 9457). */
export interface ProblemBody extends Record<string, any> {
  detail?: string;
  errors?: FieldError[];
}

/** What the page stores about an action until its answer arrives. */
export interface ActionNote {
  name?: string;
  done?: string;
  isCancelled?: boolean;
}

/** One object of the directory: a rep, a group, a campaign or the settings. */
export interface DirectoryObject {
  kind: string;
  id: string;
  value: Record<string, any>;
  etag?: string | null;
}

/** The element <rule-builder>, built by web/island. */
export interface RuleBuilderElement extends HTMLElement {
  value: { rules?: unknown[] } & Record<string, any>;
}

/** What happened to the person's own account. */
export interface Notice {
  at: string;
  text: string;
  from_host: string | null;
}

/** Leads that others moved to or from the person in the same way. `leads`: the first of them. */
export interface MovedNotice {
  at: string;
  text: string;
  why: string | null;
  to_you: boolean;
  count: number;
  leads: { lead_id: string; name: string }[];
}

/** What the service worker of push messages uses of its global scope. */
export interface PushWorkerScope {
  readonly location: Location;
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { type: "window"; includeUncontrolled: boolean }): Promise<readonly WorkerWindow[]>;
    openWindow(url: string): Promise<WorkerWindow | null>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: WorkerEvent) => void): void;
  addEventListener(type: "push", listener: (event: WorkerEvent & { data: { json(): any } | null }) => void): void;
  addEventListener(
    type: "notificationclick",
    listener: (event: WorkerEvent & { notification: Notification }) => void,
  ): void;
}

/** A window of the console, as its service worker sees it. */
export interface WorkerWindow {
  readonly url: string;
  focus(): Promise<WorkerWindow>;
}

/** An event that lasts until its work is done. */
export interface WorkerEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
