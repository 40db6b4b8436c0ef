/** A value that parts of the page share, and the hook that renders it again when it changes. */
import { useEffect, useState } from "preact/hooks";

/** @template T */
export class Value {
  #value;
  #watchers = new Set();

  /** @param {T} value */
  constructor(value) {
    this.#value = value;
  }

  /** @returns {T} */
  get() {
    return this.#value;
  }

  /** @param {T} value */
  set(value) {
    if (value === this.#value) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher(value);
  }

  /**
   * Call a function after each change.
   * @param {(value: T) => void} watcher
   * @returns {() => void} ends the calls
   */
  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

/**
 * Return a shared value; the component renders again when the value changes.
 * @template T
 * @param {Value<T>} value
 * @returns {T}
 */
export function useValue(value) {
  const [current, setCurrent] = useState(value.get());
  useEffect(() => {
    setCurrent(value.get());
    return value.watch(setCurrent);
  }, [value]);
  return current;
}
