/** Attribute rules as rows of a form, and back. */
import { numberOf, typed } from "../amounts.js";

/**
 * @typedef {object} RuleRow
 * @property {string} name
 * @property {string} type
 * @property {boolean} required
 * @property {string} choices  one a line
 * @property {string} unit
 * @property {string} min
 * @property {string} max
 * @property {Record<string, any>} [stored]  the rule that the row came from
 */

const NUMBERS = ["integer", "number"];

/** @param {Record<string, any> | null | undefined} rules @returns {RuleRow[]} */
export const rowsOf = (rules) =>
  Object.entries(rules ?? {}).map(([name, rule]) => ({
    name,
    type: rule.type ?? "",
    required: Boolean(rule.required),
    choices: (rule.choices ?? []).map(typed).join("\n"),
    unit: rule.unit ?? "",
    min: typed(rule.min),
    max: typed(rule.max),
    stored: rule,
  }));

/** @param {RuleRow[]} rows @returns {Record<string, any>} */
export function rulesOf(rows) {
  /** @type {Record<string, any>} */
  const rules = {};
  for (const { name, type, required, choices, unit, min, max, stored } of rows) {
    if (!name.trim()) continue;
    const list = choicesOf(choices, type, stored);
    rules[name.trim()] = {
      ...(type && { type }),
      ...(required && { required }),
      ...(list.length && { choices: list }),
      ...(unit.trim() && { unit: unit.trim() }),
      ...(min.trim() && { min: numeric(min) }),
      ...(max.trim() && { max: numeric(max) }),
    };
  }
  return rules;
}

/**
 * The choices of a rule. Those that are stored stay what they are, such as numbers in a rule of any type.
 * @param {string} text @param {string} type @param {Record<string, any>} [stored]
 */
function choicesOf(text, type, stored = {}) {
  /** @type {any[]} */
  const known = (stored.type ?? "") === type ? (stored.choices ?? []) : [];
  if (known.length && known.map(typed).join("\n") === text) return known;
  const lines = text.split("\n").map((each) => each.trim()).filter(Boolean);
  return lines.map((each) => known.find((choice) => typed(choice).trim() === each) ?? choiceOf(each, type));
}

/** @param {string} text @param {string} type */
function choiceOf(text, type) {
  if (type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  return NUMBERS.includes(type) ? numeric(text) : text;
}

/** A number, or the text as it is: the service says what is wrong with it. @param {string} text */
function numeric(text) {
  const value = numberOf(text);
  return value === null || Number.isNaN(value) ? text.trim() : value;
}
