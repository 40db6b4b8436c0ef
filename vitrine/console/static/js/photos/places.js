/** Places: some tasks at the same time, and the others in their order. */

/** A number of places; who finds none free waits for one. */
export class Places {
  #free;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {number} count */
  constructor(count) {
    this.#free = count;
  }

  /**
   * Run a task when a place is free.
   * @template T
   * @param {() => Promise<T>} task
   * @returns {Promise<T>}
   */
  async run(task) {
    if (this.#free) this.#free -= 1;
    else await new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next(); // It takes this place.
      else this.#free += 1;
    }
  }
}
