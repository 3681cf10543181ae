// Draws the counts of a call queue's page: with the rows, or a moment later if no row changes. A frame for counts alone
// would cost a page as much as the frame in which a row goes.

import { setText } from "./dom.js";

const MOST_MS = 200; // How old a drawn count may be.

export class QueueCounts {
  /**
   * @param {HTMLElement} links to the queues, each with its size
   * @param {() => void} onDraw draws the counts of the list itself
   */
  constructor(links, onDraw) {
    this.links = links;
    this.onDraw = onDraw;
    /** @type {Map<string, number>} by queue: the sizes that are not drawn yet */
    this.sizes = new Map();
    /** @type {Map<string, Element>} by queue: where its size stands */
    this.elements = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /**
   * Notes the size of a queue, for the next time that counts are drawn.
   * @param {string} queue
   * @param {number} size
   */
  note(queue, size) {
    this.sizes.set(queue, size);
  }

  drawSoon() {
    this.timer ??= setTimeout(() => this.draw(), MOST_MS);
  }

  draw() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.onDraw();
    for (const [queue, size] of this.sizes) {
      const element = this.elementOf(queue);
      if (element) setText(element, String(size));
    }
    this.sizes.clear();
  }

  /** @param {string} queue */
  elementOf(queue) {
    const known = this.elements.get(queue);
    if (known?.isConnected) return known;
    const found = this.links.querySelector(`[data-size-of="${CSS.escape(queue)}"]`);
    if (found) this.elements.set(queue, found);
    else this.elements.delete(queue);
    return found;
  }
}
