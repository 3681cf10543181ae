// Draws the counts of a call queue's page: with the rows when they move, or a moment later. A frame for counts alone costs
// a page as much as the frame in which a row goes, and counts in that frame make it cost a layout as well.

import { setText } from "./dom.js";

const SOON_MS = 200;
const BETWEEN_MS = 500; // While leads come and go all the time, counts are drawn twice a second.

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
    /** @type {ReturnType<typeof setTimeout> | undefined} until counts may be drawn again */
    this.pause = undefined;
    this.isDue = false; // after the pause
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
    if (this.pause !== undefined) this.isDue = true;
    else this.timer ??= setTimeout(() => this.draw(), SOON_MS);
  }

  /** Draws now, or soon if counts were drawn a moment ago. */
  drawIfCalm() {
    if (this.pause !== undefined) this.isDue = true;
    else this.draw();
  }

  draw() {
    clearTimeout(this.timer);
    clearTimeout(this.pause);
    this.timer = undefined;
    this.isDue = false;
    this.pause = setTimeout(() => {
      this.pause = undefined;
      if (this.isDue) this.draw();
    }, BETWEEN_MS);
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
